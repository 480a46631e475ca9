"""API keys: which programs may do what, made and revoked by superadmins."""

from datetime import timedelta

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.domain import api_keys as verbs
from app.domain.api_keys import NAME_LENGTH, Limits
from app.domain.errors import DomainError
from app.domain.permissions import Scope
from app.storage.accounts import Account
from app.storage.admins import Admin, admins_by_name
from app.storage.api_keys import APIKey, api_keys_by_age
from app.web import htmx
from app.web.admin import step_up
from app.web.admin.loading import load_or_404
from app.web.authentication import current_admin
from app.web.provenance import provenance

SCOPES = {
    Scope.PRODUCT: "Product app: redeem links, check and record what is done",
    Scope.IMPERSONATE: "Start sessions, beside the API that it is asked in",
    Scope.API: "Our own API: sessions, accounts, members, the trail",
    Scope.PROPELAUTH: "PropelAuth's API",
    Scope.JSON_API: "The JSON:API of organisations",
    Scope.AUTH0: "Auth0's API for impersonation, as its global client",
    Scope.AUTH0_CALLBACK: "Be sent browsers with a session, as an ordinary client of Auth0's",
    Scope.AUTHENTIK: "authentik's API",
    Scope.TOKENS: "Introspect and revoke tokens, as an OAuth client",
    Scope.AUDIT_TRAIL: "Proofs of events of the trail",
    Scope.DIRECTORY: "Push accounts and members (SCIM)",
}
LASTING = {"30": "30 days", "90": "90 days", "365": "A year", "": "Until it is revoked"}


class APIKeyForm(FlaskForm):
    """A new key."""

    name = StringField("Name", [InputRequired("Type a name."), Length(max=NAME_LENGTH)])
    scopes = SelectMultipleField(
        "What it may be used for",
        [InputRequired("Choose what it is for.")],
        choices={scope.value: words for scope, words in SCOPES.items()},
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    account_id = StringField("Account", [Length(max=200)])
    admin_id = SelectField("Acts for")
    reason_optional = BooleanField("It may start sessions without giving a reason")
    callback_urls = TextAreaField("Callbacks")
    days = SelectField("Good for", choices=LASTING, default="90")

    def offer(self, admins: list[Admin]) -> "APIKeyForm":
        """Offer the admins that a key can act for."""
        able = [admin for admin in admins if not admin.is_disabled]
        names = {one.id: f"{one.name}, {one.email}" for one in able}
        self.admin_id.choices = {"": "Whomever its caller names", **names}
        return self

    def validate_account_id(self, field: StringField) -> None:
        """Refuse an account that is not there."""
        if field.data and g.db.get(Account, field.data.strip()) is None:
            raise ValidationError("There is no account with that id.")

    def limits(self) -> Limits:
        """Return what the key is limited to."""
        return Limits(
            account=g.db.get(Account, (self.account_id.data or "").strip()),
            admin=g.db.get(Admin, self.admin_id.data or ""),
            reason_required=not self.reason_optional.data,
            callback_urls=tuple((self.callback_urls.data or "").split()),
            expires_at=g.now + timedelta(days=int(self.days.data)) if self.days.data else None,
        )


def index() -> ResponseReturnValue:
    """All keys, the newest first."""
    return render_template("admin/api_keys/index.html", api_keys=api_keys_by_age(g.db))


def new() -> ResponseReturnValue:
    """The form for a new key."""
    return _form(APIKeyForm())


def create() -> ResponseReturnValue:
    """Make a key, and show its secret this once."""
    form = APIKeyForm(request.form).offer([*admins_by_name(g.db)])
    if not step_up.passed() or not form.validate_on_submit():
        return _form(form), 422
    try:
        key, secret = verbs.create(
            g.db,
            name=form.name.data or "",
            scopes=form.scopes.data or [],
            limits=form.limits(),
            by=current_admin(),
            provenance=provenance(),
            now=g.now,
        )
    except DomainError as problem:
        form.form_errors.append(problem.sentence)
        return _form(form), 422
    return render_template("admin/api_keys/created.html", api_key=key, secret=secret), 201


def confirm_revoking(api_key_id: str) -> ResponseReturnValue:
    """The one question before a key is revoked."""
    return htmx.ask(
        "admin/api_keys/_confirm_revoking.html",
        title="Revoke an API key",
        api_key=load_or_404(APIKey, api_key_id),
    )


def revoke(api_key_id: str) -> ResponseReturnValue:
    """Let the key open nothing any more."""
    key = load_or_404(APIKey, api_key_id)
    verbs.revoke(g.db, key, by=current_admin(), provenance=provenance(), now=g.now)
    flash(f"{key.name} has been revoked.", "success")
    return htmx.go_to(url_for("api_keys.index"))


def _form(form: APIKeyForm) -> str:
    form.offer([*admins_by_name(g.db)])
    return render_template("admin/api_keys/new.html", form=form, asked=step_up.asked())
