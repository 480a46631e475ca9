"""authentik's API, of it what its impersonation is about: every route, for keys that speak it."""

from collections.abc import Callable
from typing import Any

from flask.typing import ResponseReturnValue

from app.domain.permissions import Scope
from app.web.api.authentik import events, sessions, users
from app.web.api.authentik.answers import authentik_answer
from app.web.dialects import Dialect
from app.web.routing import Route

PREFIX = "/api/v3/"
USERS = f"{PREFIX}core/users"
SESSIONS = f"{PREFIX}core/authenticated_sessions"


def _route(method: str, path: str, view: Callable[..., ResponseReturnValue], **more: Any) -> Route:
    return Route(method, path, view, Scope.AUTHENTIK, either_slash=True, **more)


ROUTES = [
    _route("POST", f"{USERS}/<user_pk>/impersonate", users.impersonate),
    _route("GET", f"{USERS}/impersonate_end", users.end, changing=True),
    _route("GET", f"{USERS}/me", users.me),
    _route("GET", SESSIONS, sessions.index),
    _route("GET", f"{SESSIONS}/<session_id>", sessions.show),
    _route("DELETE", f"{SESSIONS}/<session_id>", sessions.remove),
    _route("GET", f"{PREFIX}events/events", events.index, recorded=True),
]
DIALECT = Dialect("authentik", (PREFIX,), ROUTES, authentik_answer)
