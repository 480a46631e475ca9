"""The audit trail, filtered by what the address says."""

from datetime import MAXYEAR, UTC, date, datetime, time, timedelta

from flask import g, request
from flask.typing import ResponseReturnValue

from app.domain.audit_trail import AuditAction, Outcome
from app.storage.admins import admins_by_name
from app.storage.audit_trail import search_events
from app.web import htmx
from app.web.pagination import cursor, paged

FILTERS = ("action", "outcome", "since", "until")
ID_FILTERS = ("actor", "subject", "account", "impersonation")


def index() -> ResponseReturnValue:
    """The events, the newest first."""
    filters = {name: request.args.get(name, "") for name in (*FILTERS, *ID_FILTERS)}
    since, until = _day(filters["since"]), _day(filters["until"])
    page = search_events(
        g.db,
        cursor=cursor(),
        actions=[filters["action"]] if filters["action"] else (),
        outcome=filters["outcome"] or None,
        since=since,
        # "Until the 5th" includes the 5th.
        until=until + timedelta(days=1) if until else None,
        **{f"{name}_id": filters[name] for name in ID_FILTERS},
    )
    return htmx.render(
        "admin/audit_trail/index.html",
        "admin/audit_trail/_results.html",
        **paged(page),
        filters=filters,
        actions=list(AuditAction),
        outcomes=[(outcome, outcome.capitalize()) for outcome in Outcome],
        admins=[(admin.id, admin.name) for admin in admins_by_name(g.db)],
    )


def _day(text: str) -> datetime | None:
    """Return the beginning, in UTC, of the day that was typed; None for no day or nonsense."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    # The last year there is has no day after its last one.
    return datetime.combine(day, time.min, UTC) if day.year < MAXYEAR else None
