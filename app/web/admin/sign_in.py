"""Signing in and out."""

import re

from flask import g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length

from app.domain import authentication as verbs
from app.domain.authentication import EMAIL_LENGTH, NotSignedIn
from app.storage.admins import SignIn
from app.web import authentication, htmx
from app.web.authentication import current_admin
from app.web.provenance import provenance

# One path of ours: no scheme, no host, nothing a browser would read as either (W8).
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class SignInForm(FlaskForm):
    """The two fields and where to go afterwards."""

    email = EmailField("E-mail", [InputRequired("Type your e-mail."), Length(max=EMAIL_LENGTH)])
    password = PasswordField("Password", [InputRequired("Type your password."), Length(max=1024)])
    next = HiddenField()


def new() -> ResponseReturnValue:
    """The sign-in page; whoever is signed in goes on."""
    next_path = local_path(request.args.get("next", ""))
    if current_user.is_authenticated:
        return htmx.go_to(next_path)
    return render_template("admin/sign_in/new.html", form=SignInForm(next=next_path))


def create() -> ResponseReturnValue:
    """Sign in; a wrong attempt shows the form again and keeps the address."""
    # What was sent as a form, and not files or JSON, which hold other things than words.
    form = SignInForm(request.form)
    if not form.validate_on_submit():
        return render_template("admin/sign_in/new.html", form=form), 422
    result = verbs.sign_in(
        g.db,
        email=form.email.data or "",
        password=form.password.data or "",
        provenance=provenance(),
        now=g.now,
    )
    if isinstance(result, NotSignedIn):
        return _not_signed_in(form, result)
    if current_user.is_authenticated:
        # The cookie that is replaced may have been copied (S2).
        _end_sign_in()
    session.clear()
    authentication.sign_in(result)
    return htmx.go_to(local_path(form.next.data or ""))


def destroy() -> ResponseReturnValue:
    """Sign out: the row ends, so that a copied cookie is worth nothing (S1)."""
    _end_sign_in()
    authentication.sign_out()
    session.clear()
    return htmx.go_to(url_for("sign_in.new"))


def local_path(text: str) -> str:
    """Return `text` if it is a path of this site, else the overview's."""
    return text if LOCAL_PATH.fullmatch(text) else url_for("overview.show")


def _end_sign_in() -> None:
    row = g.db.get_one(SignIn, current_user.sign_in_id)
    verbs.sign_out(g.db, row, by=current_admin(), provenance=provenance(), now=g.now)


def _not_signed_in(form: SignInForm, result: NotSignedIn) -> ResponseReturnValue:
    form.form_errors.append(result.sentence)
    page = render_template("admin/sign_in/new.html", form=form)
    if not result.retry_after:
        return page, 401
    return page, 429, {"Retry-After": str(int(result.retry_after.total_seconds()) + 1)}
