"""The first page: who is inside now, and what happened lately."""

from datetime import timedelta
from typing import Any

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain.audit_trail import Outcome
from app.storage.admins import Role
from app.storage.audit_trail import count_events, latest_events
from app.storage.directory_sources import failing_sources
from app.storage.impersonations import count_started, past_impersonations
from app.web.admin.active_sessions import active_sessions
from app.web.admin.alerts import standing
from app.web.admin.totals import figure
from app.web.admin.trail_state import trail_state
from app.web.event_sentences import lines

LATEST_EVENTS = 12
LATEST_SESSIONS = 6
LATELY = timedelta(days=7)


def show() -> ResponseReturnValue:
    """The overview."""
    active = active_sessions(g.db, now=g.now)
    past = past_impersonations(g.db, cursor=None, state="ended", now=g.now, size=LATEST_SESSIONS)
    return render_template(
        "admin/overview/show.html",
        **standing(g.db),
        active=active.rows,
        version=active.version,
        figures=_figures(),
        recent=past.rows,
        lines=lines(latest_events(g.db, limit=LATEST_EVENTS)),
        state=trail_state(),
        failing=failing_sources(g.db) if current_user.role == Role.SUPERADMIN else [],
    )


def _figures() -> list[dict[str, Any]]:
    today = g.now.replace(hour=0, minute=0, second=0, microsecond=0)
    sessions, trail = url_for("impersonations.index"), url_for("audit_trail.index")
    refused = count_events(g.db, since=g.now - LATELY, outcome=Outcome.REFUSED)
    return [
        {
            "label": "Sessions today",
            "value": figure(count_started(g.db, since=today)),
            "note": "since 00:00 UTC",
            "url": sessions,
        },
        {
            "label": "Sessions this week",
            "value": figure(count_started(g.db, since=g.now - LATELY)),
            "note": "in seven days",
            "url": sessions,
        },
        {
            "label": "Refusals",
            "value": figure(refused),
            "note": "in seven days",
            "url": f"{trail}?outcome={Outcome.REFUSED}",
            "tone": "amber" if refused.rows else None,
        },
    ]
