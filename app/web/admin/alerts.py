"""Alerts on the overview, and acknowledging one."""

from typing import Any

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from app.domain import alerts as verbs
from app.storage.audit_trail import events_with_numbers
from app.web import htmx
from app.web.authentication import current_admin
from app.web.event_sentences import lines
from app.web.provenance import provenance

SHOWN = 6
LONGEST_NUMBER = 20
ACKNOWLEDGED = "The alert is acknowledged."


def standing(db: Session) -> dict[str, Any]:
    """Return what the overview says of alerts: the first that nobody has acknowledged.

    Beside them how many `more` there are, and which are `about_oneself`, for somebody else.
    """
    numbers = verbs.standing(db)
    shown = events_with_numbers(db, numbers[:SHOWN])
    admin = current_admin()
    return {
        "alerts": lines(shown),
        "more": len(numbers) - len(shown),
        "about_oneself": {one.id for one in shown if verbs.is_for_others(db, one, admin)},
    }


def acknowledge(alert_number: str) -> ResponseReturnValue:
    """Record that an admin knows of it."""
    if not (alert_number.isascii() and alert_number.isdigit()):
        raise NotFound("There is no such alert.")
    number = int(alert_number[:LONGEST_NUMBER])
    verbs.acknowledge(g.db, number, by=current_admin(), provenance=provenance(), now=g.now)
    flash(ACKNOWLEDGED, "success")
    return htmx.go_to(url_for("overview.show"))
