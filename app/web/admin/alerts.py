"""Alerts on the overview, and acknowledging one."""

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from app.domain import alerts as verbs
from app.storage.audit_trail import events_with_numbers
from app.web import htmx
from app.web.authentication import current_admin
from app.web.event_sentences import Line, lines
from app.web.provenance import provenance

SHOWN = 6
LONGEST_NUMBER = 20
ACKNOWLEDGED = "The alert is acknowledged."


def standing(db: Session) -> tuple[list[Line], int]:
    """Return the newest alerts that nobody has acknowledged, and how many more there are."""
    numbers = verbs.standing(db)
    shown = events_with_numbers(db, numbers[:SHOWN])
    return lines(shown), len(numbers) - len(shown)


def acknowledge(alert_number: str) -> ResponseReturnValue:
    """Record that an admin knows of it."""
    if not (alert_number.isascii() and alert_number.isdigit()):
        raise NotFound("There is no such alert.")
    number = int(alert_number[:LONGEST_NUMBER])
    verbs.acknowledge(g.db, number, by=current_admin(), provenance=provenance(), now=g.now)
    flash(ACKNOWLEDGED, "success")
    return htmx.go_to(url_for("overview.show"))
