"""The audit trail, filtered by what the address says."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.domain.audit_archives import Absent, absent
from app.domain.audit_filters import AuditFilters, filters_of
from app.domain.audit_trail import AuditAction, Outcome
from app.storage.admins import admin_names
from app.storage.audit_search import EventFilters, EventPage, search_events
from app.web.admin.trail_state import trail_state
from app.web.event_details import details_of
from app.web.event_sentences import Line, lines
from app.web.pagination import cursor, paged


def index() -> ResponseReturnValue:
    """The events, the newest first; a filter that cannot be used is told instead."""
    filters = filters_of(g.db, request.args)
    if filters.wrong:
        return _page(filters), 422
    place = cursor()
    page = search_events(g.db, cursor=place, filters=filters.wanted)
    return _page(
        filters,
        **paged(page),
        absent=_absent(filters.wanted, page),
        days=_by_day(lines(page.rows)),
        going_back=place is not None and place.before,
        details_of=details_of,
    )


def _page(filters: AuditFilters, **found: object) -> str:
    return render_template(
        "admin/audit_trail/index.html",
        **found,
        filters=filters,
        state=trail_state(),
        actions=list(AuditAction),
        outcomes=[(outcome, outcome.capitalize()) for outcome in Outcome],
        admins=admin_names(g.db),
    )


def _absent(wanted: EventFilters, page: EventPage) -> Absent | None:
    """Return which events have left the table, where its reader would look for them here."""
    gone = absent(g.db)
    if gone is None or (wanted.since and wanted.since >= gone.at):
        return None
    is_last = page.next is None and page.stop is None
    return gone if wanted.since or is_last else None


def _by_day(told: Iterable[Line]) -> list[tuple[date, list[Line]]]:
    """Return the lines under the days, in UTC, on which they happened, in their order."""
    days = groupby(told, key=lambda line: line.event.at.date())
    return [(day, list(group)) for day, group in days]
