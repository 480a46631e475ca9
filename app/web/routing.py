"""One table names every route with who may use it; what is not in it cannot be reached."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from flask import Flask
from flask.typing import ResponseReturnValue

from app.domain.permissions import Permission, Scope

# What stands in an address as it is.
PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class Anyone(StrEnum):
    """The audiences of the few routes that need neither a sign-in nor a scope."""

    ANYONE = "anyone"
    # Whoever proves to be an OAuth client, whatever its API key is for.
    CLIENT = "client"
    # Whoever holds what the view itself looks at: the token of a session, or the secret of a link.
    HOLDER = "holder"
    # What watches over the site: by any name, and with an answer whatever the database does.
    MONITOR = "monitor"


Audience = Permission | Scope | Anyone


@dataclass(frozen=True)
class Route:
    """One method and path, the view that answers, and who may ask.

    A Permission is for signed-in admins who hold it, a Scope for API keys, which come as the
    bearer or, with `as_client`, as OAuth clients prove themselves. `background` marks
    what a page asks by itself: it does not count as the admin being there (S3). `recorded` marks
    what to read is an event: nobody sees it before that is in the trail (L13), with the filters of
    the trail if it is `filtered` by them. `reading` marks a
    POST that changes nothing, and so needs no lock that keeps others from writing; `changing` a
    GET that does change something, as other systems' clients ask for it. A path with
    `either_slash` may end in a slash or not: programs follow no redirects. `enrolling` marks what
    an admin reaches who has to have a second factor and has not proved one yet (S8). `beforehand`
    is what another machine is asked, before the transaction begins; the view finds it in `g`.
    """

    method: str
    path: str
    view: Callable[..., ResponseReturnValue]
    audience: Audience
    background: bool = False
    recorded: bool = False
    filtered: bool = False
    reading: bool = False
    changing: bool = False
    either_slash: bool = False
    as_client: bool = False
    enrolling: bool = False
    beforehand: Callable[[], object] | None = None

    @property
    def is_for_programs(self) -> bool:
        """Whether a program has to prove itself, so that no browser can be made to ask for it."""
        return isinstance(self.audience, Scope) or self.audience is Anyone.CLIENT

    @property
    def endpoint(self) -> str:
        """The name for `url_for`: the view's module and function, "members.show"."""
        module = self.view.__module__.removeprefix("app.web.").removeprefix("admin.")
        return f"{module}.{self.view.__name__}"

    @cached_property
    def _parts(self) -> list[str]:
        return re.split(r"<(?:\w+:)?(\w+)>", self.path)

    def plain_path(self, values: Mapping[str, object]) -> str | None:
        """Return the path with these values in it, None where that takes more than joining."""
        match self._parts:
            case [path] if not values:
                return path
            case [before, name, after] if len(values) == 1:
                value = values.get(name)
                if isinstance(value, str) and PLAIN.fullmatch(value):
                    return f"{before}{value}{after}"
        return None


def register(app: Flask, routes: Sequence[Route]) -> dict[str, Route]:
    """Add the routes to the app; return them by endpoint."""
    by_endpoint = {route.endpoint: route for route in routes}
    if len(by_endpoint) != len(routes):
        raise ValueError("two routes share a view: give each its own function")
    for endpoint, route in by_endpoint.items():
        app.add_url_rule(
            route.path,
            endpoint=endpoint,
            view_func=route.view,
            methods=[route.method],
            provide_automatic_options=False,
            strict_slashes=not route.either_slash,
        )
    return by_endpoint
