"""An admin's own second factors: added after a proof of one they have, removed, one by one."""

from flask import Response, flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import NotFound
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from app.domain import factors as verbs
from app.domain import passkeys, recovery_codes, totp
from app.domain.errors import DomainError, Invalid
from app.domain.factor_keys import NotSealed
from app.domain.factors import NAME_LENGTH, PASSKEY_NOT_GOOD
from app.domain.passkey_challenges import ANSWER_LENGTH, Question
from app.domain.passkeys import NAME
from app.domain.sign_ins import SignedIn
from app.storage.factors import Factor, FactorKind, Purpose, codes_left, factors_of
from app.web import authentication, htmx
from app.web.admin import step_up
from app.web.admin.loading import load_or_404
from app.web.admin.qr_codes import qr_code
from app.web.admin.second_step import CODE_LENGTH, has_passkeys
from app.web.application_context import factor_lock, settings
from app.web.authentication import current_admin, current_sign_in
from app.web.provenance import provenance

NAMED = [InputRequired("Give it a name."), Length(max=NAME_LENGTH)]


class AppForm(FlaskForm):
    """A new authenticator app. Its secret goes to and fro sealed, and is kept once it is shown."""

    name = StringField("Name", NAMED)
    app_code = StringField(
        "Code that the app shows", [InputRequired("Type the code."), Length(max=CODE_LENGTH)]
    )
    sealed = HiddenField(validators=[Length(max=500)])


class PasskeyForm(FlaskForm):
    """A new passkey."""

    name = StringField("Name", NAMED)
    new_passkey = HiddenField(validators=[Length(max=ANSWER_LENGTH)])


def new_app() -> ResponseReturnValue:
    """A secret to scan, which is worth nothing until a code has shown that it was."""
    if step_up.asked_to_enrol():
        return step_up.first(url_for("factors.new_app"))
    return _app_page(AppForm(name="Authenticator app", sealed=_seal(totp.new_secret())))


def create_app() -> ResponseReturnValue:
    """Add the app that shows the right code."""
    form = AppForm(request.form)
    secret = _secret_in(form)
    if not step_up.passed_to_enrol() or not form.validate_on_submit():
        return _app_page(form), 422
    try:
        added = verbs.add_app(
            g.db,
            current_sign_in(),
            name=form.name.data or "",
            secret=secret,
            code=form.app_code.data or "",
            lock=factor_lock(),
            provenance=provenance(),
            now=g.now,
        )
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _app_page(form), 422
    return _added(added)


def new_passkey() -> ResponseReturnValue:
    """The form for a new passkey."""
    if step_up.asked_to_enrol():
        return step_up.first(url_for("factors.new_passkey"))
    return _passkey_page(PasskeyForm(name="Passkey"))


def ask_to_make() -> ResponseReturnValue:
    """What the browser needs to make a passkey."""
    admin = current_admin()
    options = passkeys.ask_to_make(
        g.db,
        factor_lock().site,
        admin,
        _enrolment(),
        known=factors_of(g.db, admin.id, FactorKind.PASSKEY),
        address=provenance().address,
        now=g.now,
    )
    return Response(options, mimetype="application/json")


def create_passkey() -> ResponseReturnValue:
    """Add the passkey that the browser has made."""
    form = PasskeyForm(request.form)
    if not step_up.passed_to_enrol() or not form.validate_on_submit():
        return _passkey_page(form), 422
    try:
        added = _add_passkey(form)
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _passkey_page(form), 422
    return _added(added)


def confirm_removal(factor_id: str) -> ResponseReturnValue:
    """The one question before a factor is removed."""
    return _removal(_own(factor_id))


def remove(factor_id: str) -> ResponseReturnValue:
    """Remove one of one's own factors."""
    factor = _own(factor_id)
    if not step_up.passed():
        return _removal(factor, status=422)
    verbs.remove(
        g.db,
        current_sign_in(),
        factor,
        required=settings().second_factor_required,
        provenance=provenance(),
        now=g.now,
    )
    flash(f"{factor.name} has been removed. Your other sign-ins have ended.", "success")
    return htmx.go_to(url_for("sign_ins.index"))


def _enrolment() -> Question:
    return Question(Purpose.ENROLMENT, current_sign_in().id)


def _add_passkey(form: PasskeyForm) -> SignedIn:
    answer = form.new_passkey.data or ""
    made = passkeys.made(g.db, factor_lock().site, _enrolment(), answer, now=g.now)
    if made is None:
        raise Invalid(PASSKEY_NOT_GOOD)
    return verbs.add_passkey(
        g.db,
        current_sign_in(),
        name=form.name.data or "",
        made=made,
        provenance=provenance(),
        now=g.now,
    )


def _added(added: SignedIn) -> ResponseReturnValue:
    """Go back to the settings, by way of the recovery codes where there are none."""
    authentication.sign_in(added)
    flash("Added. Your other sign-ins have ended.", "success")
    if codes_left(g.db, added.sign_in.admin_id):
        return htmx.go_to(url_for("sign_ins.index"))
    codes = recovery_codes.make(g.db, current_admin(), provenance=provenance(), now=g.now)
    return render_template("admin/recovery_codes/created.html", codes=codes), 201


def _own(factor_id: str) -> Factor:
    factor = load_or_404(Factor, factor_id)
    if factor.admin_id != current_sign_in().admin_id or factor.removed_at is not None:
        raise NotFound("There is nothing here, or not any more.")
    return factor


def _removal(factor: Factor, *, status: int = 200) -> ResponseReturnValue:
    return htmx.ask(
        "admin/factors/_confirm_removal.html",
        title="Remove a second factor",
        status=status,
        factor=factor,
        asked=step_up.asked(),
    )


def _seal(secret: str) -> str:
    return factor_lock().key.seal(secret, owner=current_sign_in().id)


def _secret_in(form: AppForm) -> str:
    """Return the secret that was shown to this sign-in; a new one in place of any other."""
    try:
        return factor_lock().key.open(form.sealed.data or "", owner=current_sign_in().id)
    except NotSealed:
        secret = totp.new_secret()
        form.sealed.data = _seal(secret)
        return secret


def _app_page(form: AppForm) -> str:
    secret = _secret_in(form)
    form.app_code.data = ""
    return render_template(
        "admin/factors/new_app.html",
        form=form,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        qr=qr_code(totp.address(secret, email=current_admin().email, issuer=NAME)),
        asked=step_up.asked_to_enrol(),
    )


def _passkey_page(form: PasskeyForm) -> str:
    form.new_passkey.data = ""
    return render_template(
        "admin/factors/new_passkey.html",
        form=form,
        asked=step_up.asked_to_enrol(),
        has_passkeys=has_passkeys(),
    )
