"""Every page of Letterbox in one table, with who may ask for it. What is not listed is closed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from app.product import activity, dashboard, people, settings, sign_in, templates
from app.product.clock import current_time
from app.product.config import Config
from app.product.protection import refuse_forgery

NOT_FOR_SUPPORT = "This is for the member alone. To leave, use End session in the red banner."


class Who(StrEnum):
    """Who may ask."""

    ANYBODY = "anybody"
    MEMBER = "member"
    EDITOR = "editor"


@dataclass(frozen=True)
class Route:
    """One method at one address."""

    method: str
    path: str
    view: Callable[..., ResponseReturnValue]
    who: Who
    # Whether support may do it in the member's place: each route says so (A5).
    support: bool

    @property
    def endpoint(self) -> str:
        module = self.view.__module__.rpartition(".")[2]
        return f"{module}.{self.view.__name__}"


ROUTES = (
    Route("GET", "/sign-in", sign_in.new, Who.ANYBODY, support=True),
    Route("POST", "/sign-in", sign_in.create, Who.ANYBODY, support=False),
    Route("POST", "/sign-in/account", sign_in.choose, Who.ANYBODY, support=False),
    Route("POST", "/sign-out", sign_in.destroy, Who.MEMBER, support=False),
    Route("GET", "/", dashboard.show, Who.MEMBER, support=True),
    Route("GET", "/templates", templates.index, Who.MEMBER, support=True),
    Route("GET", "/templates/new", templates.new, Who.EDITOR, support=True),
    Route("POST", "/templates/new", templates.create, Who.EDITOR, support=True),
    Route("GET", "/templates/<template_id>", templates.show, Who.MEMBER, support=True),
    Route("GET", "/templates/<template_id>/edit", templates.edit, Who.EDITOR, support=True),
    Route("POST", "/templates/<template_id>/edit", templates.update, Who.EDITOR, support=True),
    Route(
        "GET",
        "/templates/<template_id>/deletion",
        templates.confirm_delete,
        Who.EDITOR,
        support=True,
    ),
    Route("POST", "/templates/<template_id>/deletion", templates.delete, Who.EDITOR, support=True),
    Route(
        "POST", "/templates/<template_id>/test-sends", templates.send_test, Who.EDITOR, support=True
    ),
    Route("GET", "/activity", activity.index, Who.MEMBER, support=True),
    Route("GET", "/settings", settings.edit, Who.MEMBER, support=True),
    Route("POST", "/settings", settings.update, Who.MEMBER, support=True),
)

# For the integration kit, which refuses it before anything of ours runs.
MEMBER_ONLY = [
    f"{route.method} {re.sub('<[^>]*>', '*', route.path)}" for route in ROUTES if not route.support
]


def register(app: Flask, config: Config) -> None:
    who_may = {"static": Who.ANYBODY} | {route.endpoint: route.who for route in ROUTES}
    for_support = {"static"} | {route.endpoint for route in ROUTES if route.support}
    for route in ROUTES:
        app.add_url_rule(
            route.path,
            route.endpoint,
            route.view,
            methods=[route.method],
            provide_automatic_options=False,
        )

    @app.before_request
    def guard() -> None:
        if request.endpoint is None:
            return
        who = who_may.get(request.endpoint, Who.MEMBER)
        _admit(who)
        if people.impersonation() is not None and request.endpoint not in for_support:
            raise Forbidden(NOT_FOR_SUPPORT)
        refuse_forgery(config.product_url, signed_in=who is not Who.ANYBODY)


def _admit(who: Who) -> None:
    if who is Who.ANYBODY:
        return
    people.required()
    people.remember_seen(current_time())
    if who is Who.EDITOR:
        people.required_editor()
