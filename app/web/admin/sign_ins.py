"""An admin's own sign-ins."""

from flask import flash, g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import NotFound

from app.domain import authentication
from app.storage.admins import SignIn, open_sign_ins
from app.web import htmx
from app.web.admin.loading import load_or_404
from app.web.authentication import current_admin
from app.web.provenance import provenance


def index() -> ResponseReturnValue:
    """Where the admin is signed in."""
    rows = open_sign_ins(g.db, current_user.id)
    current = [row for row in rows if not authentication.is_over(row, now=g.now)]
    return render_template("admin/sign_ins/index.html", sign_ins=current)


def end(sign_in_id: str) -> ResponseReturnValue:
    """End one of them; another admin's is as good as missing."""
    row = load_or_404(SignIn, sign_in_id)
    if row.admin_id != current_user.id:
        raise NotFound("There is nothing here, or not any more.")
    authentication.sign_out(g.db, row, by=current_admin(), provenance=provenance(), now=g.now)
    flash("That sign-in has ended.", "success")
    return htmx.go_to(url_for("sign_ins.index"))
