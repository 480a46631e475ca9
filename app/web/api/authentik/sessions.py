"""`authenticated_sessions` of authentik: the live impersonation sessions."""

from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.domain.errors import Absent
from app.domain.permissions import Permission
from app.storage.admins import Admin
from app.storage.impersonations import Impersonation, active_impersonations_for
from app.web.api import programs
from app.web.api.authentik.answers import empty, moment, paged

# It holds the id of a session, which is good for nothing without its admin's token.
COOKIE = "authentik_session"
NO_SESSION = "No AuthenticatedSession matches the given query."
# What would leave sessions out: whoever asks for that must not get all of them.
FILTERS = frozenset({"last_ip", "last_user_agent", "search", "user__username"})
# Its words for a browser that it does not know.
OTHER = "Other"


def index() -> ResponseReturnValue:
    """The sessions, the newest first."""
    admin = programs.caller(Permission.IMPERSONATIONS_READ)
    if filters := FILTERS.intersection(request.args):
        raise BadRequest(f"Sessions cannot be filtered by {', '.join(sorted(filters))}.")
    sessions = active_impersonations_for(g.db, programs.api_key(), now=g.now)
    return paged(
        len(sessions),
        lambda before, size: [_as_json(one, admin) for one in sessions[before : before + size]],
    )


def show(session_id: str) -> ResponseReturnValue:
    """One session."""
    admin = programs.caller(Permission.IMPERSONATIONS_READ)
    return jsonify(_as_json(_found(session_id), admin))


def remove(session_id: str) -> ResponseReturnValue:
    """End a session, whosever it is."""
    programs.caller(Permission.IMPERSONATIONS_END)
    if not programs.end(_found(session_id)):
        raise Absent(NO_SESSION)
    return empty()


def of_cookie(admin: Admin) -> Impersonation | None:
    """Return the live session of that admin's that the request's cookie names."""
    named = programs.find_active(request.cookies.get(COOKIE, ""))
    return named if named is not None and named.impersonator_id == admin.id else None


def _found(session_id: str) -> Impersonation:
    found = programs.find_active(session_id)
    if found is None:
        raise Absent(NO_SESSION)
    return found


def _as_json(session: Impersonation, admin: Admin) -> dict[str, Any]:
    return {
        "uuid": session.id,
        "current": session == of_cookie(admin),
        "user": session.target.number,
        "last_ip": session.address,
        "last_user_agent": session.user_agent,
        "last_used": moment(session.last_seen_at),
        "expires": moment(session.expires_at),
        "geo_ip": None,
        "asn": None,
        "user_agent": {
            "device": {"brand": "", "family": OTHER, "model": ""},
            "os": {"family": OTHER, "major": "", "minor": "", "patch": "", "patch_minor": ""},
            "user_agent": {"family": OTHER, "major": "", "minor": "", "patch": ""},
            "string": session.user_agent,
        },
    }
