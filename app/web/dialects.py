"""What a kind of client is, to the rest of the site: its routes, its paths and its errors.

Each speaks of the same sessions, by the same rules; a dialect only parses, names and maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, current_app, request

from app.web.routing import Route


@dataclass(frozen=True)
class Failure:
    """Why a request is not answered as it was meant: what our own API would say of it.

    `status` is the HTTP status, `sentence` for people, `code` for programs; `error` is what was
    raised, for a dialect that tells more kinds of it apart.
    """

    status: int
    sentence: str
    code: str
    error: Exception


@dataclass(frozen=True)
class Dialect:
    """A kind of client. Whatever goes wrong under one of its `paths` it is told by `answer`.

    `paths` are beginnings; `raises` are exceptions of its own.
    """

    name: str
    paths: tuple[str, ...]
    routes: Sequence[Route]
    answer: Callable[[Failure], Response]
    raises: tuple[type[Exception], ...] = ()


def asked_in() -> Dialect | None:
    """Return the dialect that this request is in, None for pages and our own API."""
    dialects: Sequence[Dialect] = current_app.extensions["dialects"]
    return next((one for one in dialects if request.path.startswith(one.paths)), None)
