"""The second step of signing in, and signing in with a passkey alone."""

from collections.abc import Sequence

from flask import Response, flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from app.domain import passkeys
from app.domain import second_step as verbs
from app.domain.authentication import NotSignedIn
from app.domain.factors import RECOVERY_CODE, Answer
from app.domain.passkey_challenges import ANSWER_LENGTH, Question
from app.storage.factors import Factor, FactorKind, HalfOpenSignIn, factors_of
from app.web import authentication, htmx
from app.web.admin.arrivals import arrive
from app.web.admin.sign_in import SignInForm, local_path, page, refused
from app.web.application_context import company_rules, factor_lock
from app.web.provenance import provenance

CODE_LENGTH = 40
RECOVERED = "You used a recovery code. If the device is lost, add another, and remove that one."


class SecondStepForm(FlaskForm):
    """One of the three: a code of an app, a recovery code, or what a passkey has signed."""

    code = StringField("Code", [Length(max=CODE_LENGTH)])
    recovery_code = StringField("Recovery code", [Length(max=CODE_LENGTH)])
    credential = HiddenField(validators=[Length(max=ANSWER_LENGTH)])
    next = HiddenField()

    def answer(self) -> Answer:
        """Return what was filled in."""
        code = self.code.data or self.recovery_code.data or ""
        return Answer(code, self.credential.data or "")


class PasskeyForm(FlaskForm):
    """What a passkey has signed, and where to go afterwards."""

    credential = HiddenField(validators=[Length(max=ANSWER_LENGTH)])
    next = HiddenField()


def new() -> ResponseReturnValue:
    """The page of the second step; whoever has not done the first begins there."""
    next_path = local_path(request.args.get("next", ""))
    row = _half_open()
    if row is None:
        return htmx.go_to(url_for("sign_in.new", next=next_path))
    return _page(row, SecondStepForm(next=next_path))


def create() -> ResponseReturnValue:
    """Finish the sign-in; a wrong code shows the form again."""
    form, row = SecondStepForm(request.form), _half_open()
    if row is None:
        return htmx.go_to(url_for("sign_in.new", next=local_path(form.next.data or "")))
    if not form.validate_on_submit() or not form.answer():
        form.form_errors.append("Type a code, or use a passkey.")
        return _page(row, form), 422
    result = verbs.finish(
        g.db, row, form.answer(), lock=factor_lock(), provenance=provenance(), now=g.now
    )
    if isinstance(result, NotSignedIn):
        form.form_errors.append(result.sentence)
        form.code.data = form.recovery_code.data = form.credential.data = ""
        return refused(_page(row, form), result)
    answer = arrive(result, local_path(form.next.data or ""))
    if result.sign_in.method.endswith(RECOVERY_CODE):
        flash(RECOVERED, "warning")
    return answer


def ask() -> ResponseReturnValue:
    """What the browser needs to ask for a passkey in the second step."""
    row = _half_open()
    if row is None:
        return htmx.go_to(url_for("sign_in.new"))
    return _ask(verbs.question(row), factors_of(g.db, row.admin_id, FactorKind.PASSKEY))


def ask_anybody() -> ResponseReturnValue:
    """What the browser needs to ask for a passkey of whomever: it tells who they are."""
    return _ask(verbs.ANYBODYS_PASSKEY, ())


def create_by_passkey() -> ResponseReturnValue:
    """Sign in with a passkey alone."""
    form = PasskeyForm(request.form)
    next_path = local_path(form.next.data or "")
    again = SignInForm(formdata=None, next=next_path)
    if not form.validate_on_submit() or not form.credential.data:
        again.form_errors = ["No passkey was used. Try again, or sign in with your password."]
        return page(again), 422
    result = verbs.sign_in_by_passkey(
        g.db,
        form.credential.data,
        lock=factor_lock(),
        company=company_rules(),
        provenance=provenance(),
        now=g.now,
    )
    if isinstance(result, NotSignedIn):
        again.form_errors = [result.sentence]
        return refused(page(again), result)
    return arrive(result, next_path)


def _half_open() -> HalfOpenSignIn | None:
    secret = authentication.half_open_secret()
    return verbs.find(g.db, secret, now=g.now) if secret else None


def _page(row: HalfOpenSignIn, form: SecondStepForm) -> str:
    kinds = {factor.kind for factor in factors_of(g.db, row.admin_id)}
    return render_template(
        "admin/second_step/new.html", form=form, kinds=kinds, has_passkeys=has_passkeys()
    )


def has_passkeys() -> bool:
    """Whether browsers make passkeys for this site."""
    return factor_lock().site.has_passkeys


def _ask(question: Question, known: Sequence[Factor]) -> ResponseReturnValue:
    options = passkeys.ask(
        g.db,
        factor_lock().site,
        question,
        known=known,
        address=provenance().address,
        now=g.now,
    )
    return Response(options, mimetype="application/json")
