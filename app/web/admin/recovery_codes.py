"""An admin's own recovery codes: shown once, when they are made."""

from flask import g, render_template
from flask.typing import ResponseReturnValue

from app.domain import recovery_codes as verbs
from app.domain.errors import Conflict
from app.storage.factors import has_factors
from app.web import htmx
from app.web.admin import step_up
from app.web.authentication import current_admin
from app.web.provenance import provenance


def confirm() -> ResponseReturnValue:
    """The one question before the codes at hand are good no more."""
    return _question()


def create() -> ResponseReturnValue:
    """Make new codes, and show them this once."""
    admin = current_admin()
    if not has_factors(g.db, admin.id):
        raise Conflict("Add an authenticator app or a passkey first.")
    if not step_up.passed():
        return _question(status=422)
    codes = verbs.make(g.db, admin, provenance=provenance(), now=g.now)
    return render_template("admin/recovery_codes/created.html", codes=codes), 201


def _question(*, status: int = 200) -> ResponseReturnValue:
    return htmx.ask(
        "admin/recovery_codes/_confirm.html",
        title="New recovery codes",
        status=status,
        asked=step_up.asked(),
    )
