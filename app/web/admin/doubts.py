"""Acknowledging what verifying the trail has found."""

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.domain import doubts as verbs
from app.storage.audit_trail import AuditEvent
from app.web import htmx
from app.web.admin import step_up
from app.web.admin.trail_state import Verification
from app.web.authentication import current_admin
from app.web.provenance import provenance

ACKNOWLEDGED = "The finding is acknowledged. Sessions may start again."


def confirm() -> ResponseReturnValue:
    """The one question before a finding is acknowledged."""
    doubt = verbs.unacknowledged(g.db)
    if doubt is None:
        flash(verbs.NOTHING_TO_ACKNOWLEDGE, "success")
        return htmx.go_to(url_for("audit_trail.index"))
    return htmx.ask(
        "admin/audit_trail/_confirm_acknowledging.html",
        title="Acknowledge the finding",
        doubt=doubt,
        verification=Verification.of(g.db.get_one(AuditEvent, doubt.number)),
    )


def acknowledge() -> ResponseReturnValue:
    """Record that a superadmin knows of it."""
    number = request.form.get("doubt", "")
    if not (number.isascii() and number.isdigit()):
        raise BadRequest("Say which finding is acknowledged.")
    if not step_up.passed():
        # Sessions start again once it is acknowledged.
        return step_up.first(url_for("audit_trail.index"))
    verbs.acknowledge(g.db, int(number), by=current_admin(), provenance=provenance(), now=g.now)
    flash(ACKNOWLEDGED, "success")
    return htmx.go_to(url_for("audit_trail.index"))
