"""The page of an admin who has to have a second factor and has none yet."""

from flask import g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.storage.factors import has_factors
from app.web import htmx
from app.web.admin.second_step import has_passkeys


def show() -> ResponseReturnValue:
    """The choice between the kinds of factors; whoever has one proves it instead."""
    if not current_user.is_limited:
        return htmx.go_to(url_for("sign_ins.index"))
    if has_factors(g.db, current_user.id):
        return htmx.go_to(url_for("step_up.new"))
    return render_template("admin/enrolment/show.html", has_passkeys=has_passkeys())
