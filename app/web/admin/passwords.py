"""An admin's own password."""

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from app.domain import authentication as verbs
from app.domain.authentication import NotSignedIn
from app.domain.errors import DomainError
from app.web import authentication, htmx
from app.web.admin import step_up
from app.web.authentication import current_sign_in
from app.web.provenance import provenance

LONGEST = 1024


class ChangePasswordForm(FlaskForm):
    """The one that is good until now, and the one from now on."""

    current = PasswordField(
        "Current password", [InputRequired("Type your current password."), Length(max=LONGEST)]
    )
    new = PasswordField(
        "New password", [InputRequired("Choose a new password."), Length(max=LONGEST)]
    )


def new() -> ResponseReturnValue:
    """The form for another password."""
    return _page(ChangePasswordForm())


def create() -> ResponseReturnValue:
    """Change the password; everywhere else the admin is signed out."""
    form = ChangePasswordForm(request.form)
    if not step_up.passed() or not form.validate_on_submit():
        return _page(form), 422
    try:
        result = verbs.change_password(
            g.db,
            current_sign_in(),
            current=form.current.data or "",
            new=form.new.data or "",
            provenance=provenance(),
            now=g.now,
        )
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _page(form), 422
    if isinstance(result, NotSignedIn):
        form.form_errors.append(result.sentence)
        return _page(form), 422
    authentication.sign_in(result)
    flash("Your password is changed. Your other sign-ins have ended.", "success")
    return htmx.go_to(url_for("sign_ins.index"))


def _page(form: ChangePasswordForm) -> str:
    return render_template("admin/passwords/new.html", form=form, asked=step_up.asked())
