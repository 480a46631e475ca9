"""Signing in and out."""

import re

from flask import flash, g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.exceptions import Forbidden
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length

from app.domain import authentication as verbs
from app.domain.authentication import EMAIL_LENGTH, NotSignedIn
from app.web import authentication, htmx
from app.web.admin.arrivals import arrive, end_sign_in
from app.web.application_context import company_rules, factor_lock, settings
from app.web.provenance import provenance

# One path of ours: no scheme, no host, nothing a browser would read as either (W8).
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")

NO_PASSWORDS = "Nobody signs in with a password here."


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
    return page(SignInForm(next=next_path))


def create() -> ResponseReturnValue:
    """Sign in; a wrong attempt shows the form again and keeps the address."""
    if not settings().password_sign_in:
        raise Forbidden(NO_PASSWORDS)
    # What was sent as a form, and not files or JSON, which hold other things than words.
    form = SignInForm(request.form)
    if not form.validate_on_submit():
        return page(form), 422
    result = verbs.sign_in(
        g.db,
        email=form.email.data or "",
        password=form.password.data or "",
        company=company_rules(),
        provenance=provenance(),
        now=g.now,
    )
    if isinstance(result, NotSignedIn):
        return _not_signed_in(form, result)
    return arrive(result, local_path(form.next.data or ""))


def destroy() -> ResponseReturnValue:
    """Sign out: the row ends, so that a copied cookie is worth nothing (S1)."""
    session_ended = end_sign_in()
    authentication.sign_out()
    session.clear()
    if session_ended:
        flash("You are signed out, and your impersonation session has ended.", "success")
    return htmx.go_to(url_for("sign_in.new"))


def local_path(text: str) -> str:
    """Return `text` if it is a path of this site, else the overview's."""
    return text if LOCAL_PATH.fullmatch(text) else url_for("overview.show")


def page(form: SignInForm) -> str:
    """Return the page with that form, and with the way in by a passkey where there are some."""
    has_passkeys = factor_lock().site.has_passkeys
    return render_template(
        "admin/sign_in/new.html",
        form=form,
        has_passkeys=has_passkeys,
        company=settings().company,
        by_password=settings().password_sign_in,
    )


def _not_signed_in(form: SignInForm, result: NotSignedIn) -> ResponseReturnValue:
    form.form_errors.append(result.sentence)
    return refused(page(form), result)


def refused(page: str, result: NotSignedIn) -> ResponseReturnValue:
    """Answer an attempt that failed with the page to try again on, 429 where it is too soon."""
    if not result.retry_after:
        return page, 401
    return page, 429, {"Retry-After": str(int(result.retry_after.total_seconds()) + 1)}
