"""`events` of authentik: starts and ends of sessions, from the audit trail."""

from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.domain.audit_trail import AuditAction
from app.domain.permissions import Permission
from app.storage.audit_trail import AuditEvent
from app.storage.base import number_of
from app.storage.numbered_events import NumberedEvents
from app.web.api import programs
from app.web.api.authentik.answers import moment, paged

ACTIONS = {
    "impersonation_started": AuditAction.IMPERSONATION_STARTED,
    "impersonation_ended": AuditAction.IMPERSONATION_ENDED,
}
NAMES = {action: name for name, action in ACTIONS.items()}
# What would leave events out: whoever asks for that must not get all of them.
OTHER_FILTERS = frozenset(
    {
        "brand_name",
        "client_ip",
        "context_authorized_app",
        "context_model_app",
        "context_model_name",
        "context_model_pk",
        "search",
        "username",
    }
)
NEWEST_FIRST = "-created"
# Its clients want a time; nothing of the trail ever expires.
NEVER = "9999-12-31T23:59:59Z"
UUID_BYTES = 16


def index() -> ResponseReturnValue:
    """The events, the newest first."""
    programs.caller(Permission.AUDIT_TRAIL_READ)
    events = NumberedEvents(g.db, _actions(), account_id=programs.api_key().account_id)
    return paged(
        events.count(),
        lambda before, size: [_as_json(one) for one in events.rows(before, size)],
    )


def _actions() -> list[AuditAction]:
    """Return which actions the address asks for; raise BadRequest for what there is not."""
    asked = request.args
    wanted = [*asked.getlist("action"), *asked.getlist("actions")] or list(ACTIONS)
    if not set(wanted) <= set(ACTIONS):
        raise BadRequest(f"action can be one of: {', '.join(ACTIONS)}.")
    if filters := OTHER_FILTERS.intersection(asked):
        raise BadRequest(f"These events cannot be filtered by {', '.join(sorted(filters))}.")
    if asked.get("ordering", NEWEST_FIRST) != NEWEST_FIRST:
        raise BadRequest(f"These events are always in the order {NEWEST_FIRST}.")
    return [ACTIONS[name] for name in ACTIONS if name in wanted]


def _as_json(event: AuditEvent) -> dict[str, Any]:
    return {
        # Of its hash, which no other event has.
        "pk": str(UUID(bytes=event.hash[:UUID_BYTES], version=5)),
        "user": _actor_as_json(event),
        "action": NAMES[AuditAction(event.action)],
        "app": "understudy",
        "context": _context_as_json(event),
        "client_ip": event.address or None,
        "created": moment(event.at),
        "expires": NEVER,
        "brand": {},
    }


def _actor_as_json(event: AuditEvent) -> dict[str, Any]:
    """Return who did it and as whom; nobody for what came by itself."""
    if event.actor_id is None:
        return {}
    actor = _person_as_json(event.actor_id, event.actor_email)
    if event.subject_id is not None:
        actor["on_behalf_of"] = _person_as_json(event.subject_id, event.subject_email)
    return actor


def _person_as_json(id_: str, email: str | None) -> dict[str, Any]:
    return {"pk": number_of(id_), "username": email or "", "email": email or ""}


def _context_as_json(event: AuditEvent) -> dict[str, Any]:
    told = {"reason": event.reason or "", "session": event.impersonation_id}
    why = event.details.get("why")
    return told if why is None else told | {"why": why}
