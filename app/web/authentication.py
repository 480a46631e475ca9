"""Who is asking. Closed by default: a route lets in whom the route table names."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, current_app, g, request, session
from flask_login import LoginManager, current_user, login_user, logout_user
from werkzeug.exceptions import Forbidden, Unauthorized

from app.domain import api_keys, sign_ins
from app.domain.audit_trail import AuditAction, Outcome, event
from app.domain.errors import Refused
from app.domain.permissions import Permission, Scope, holds
from app.domain.sign_ins import HalfOpen, SignedIn
from app.storage.admins import Admin, SignIn
from app.storage.api_keys import APIKey
from app.web import access_tokens
from app.web.application_context import allowances, settings
from app.web.oauth_clients import client_key
from app.web.provenance import provenance
from app.web.routing import Anyone, Route

NO_PERMISSION = "Superadmin access required."
HALF_OPEN = "half_open"


class SignInRequired(Unauthorized):
    """A page for admins was asked for by nobody in particular."""

    description = "Sign in to see this page."


class FactorRequired(Forbidden):
    """An admin who has to have a second factor has not proved one yet."""

    description = "Set up a second factor first, or confirm that it is you."


class APIKeyRequired(Unauthorized):
    """A program asked without a key, or with one that is not good, or not any more."""

    description = "This needs an API key."


class ScopeRequired(Forbidden):
    """A program asked with a key that is good, but not for this."""

    description = "This API key is not for this: its scopes do not hold it."


@dataclass(frozen=True)
class SignedInAdmin:
    """The admin as flask-login and the templates see them, whatever becomes of the transaction.

    `get_id` is the secret of the sign-in, so that the cookie is worth nothing once its row has
    ended: flask-login's own cookie would outlive a sign-out.
    """

    id: str
    name: str
    email: str
    role: str
    sign_in_id: str
    secret: str
    # Nothing but enrolment is open.
    is_limited: bool = False
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return self.secret

    def holds(self, permission: Permission) -> bool:
        """Whether the admin's role holds the permission."""
        return holds(self.role, permission)


def install(app: Flask) -> None:
    """Set flask-login up over our own sign-in rows."""
    manager = LoginManager(app)
    # Its own protection trusts a header that anybody can send, and its own redirect writes to
    # the session cookie of whoever comes without one.
    manager.session_protection = None
    manager.login_message = None
    manager.user_loader(_load)


def load() -> None:
    """Find out who is asking while there is a transaction to ask in."""
    _ = current_user.is_authenticated


def check(route: Route) -> None:
    """Let the asker of this request in, or raise what keeps them out."""
    if route.is_for_programs:
        _check_program(route)
    elif isinstance(route.audience, Permission):
        _check_admin(route, route.audience)
    else:
        assert route.audience in (Anyone.ANYONE, Anyone.HOLDER)  # noqa: S101 - no others are left


def sign_in(signed_in: SignedIn) -> None:
    """Put the secret of a fresh sign-in into the session; the one before is worth nothing (S2)."""
    login_user(_admin_of(signed_in.sign_in, signed_in.secret))


def keep(half_open: HalfOpen) -> None:
    """Put the secret of a half-open sign-in into the session; it is good for the second step."""
    session[HALF_OPEN] = half_open.secret


def half_open_secret() -> str:
    """Return the secret of the half-open sign-in; empty for none."""
    return str(session.get(HALF_OPEN, ""))


def current_sign_in() -> SignIn:
    """Return the row of the asker's sign-in, in this request's transaction."""
    row: SignIn = g.db.get_one(SignIn, current_user.sign_in_id)
    return row


def sign_out() -> None:
    """Take the secret out of the session."""
    logout_user()


def current_admin() -> Admin:
    """Return the row of the admin who is asking, in this request's transaction."""
    admin: Admin = g.db.get_one(Admin, current_user.id)
    return admin


def bearer() -> str:
    """Return what came with this request as its bearer; empty for nothing."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def stale_sign_in(route: Route) -> str | None:
    """Return the id of the asker's sign-in when its activity should be noted, else None."""
    row: SignIn | None = g.get("sign_in")
    if row is None or route.background or not isinstance(route.audience, Permission):
        return None
    return row.id if sign_ins.is_stale(row, now=g.now) else None


def stale_api_key() -> str | None:
    """Return the id of the asker's API key when its use should be noted, else None."""
    key_id: str | None = g.get("stale_api_key_id")
    return key_id


def clock() -> datetime:
    """Return the time by which this request is judged: one reading for all of it (R5)."""
    return datetime.now(UTC)


def _load(secret: str) -> SignedInAdmin | None:
    if "db" not in g:
        return None
    row = sign_ins.find(g.db, secret, now=g.now)
    if row is None:
        return None
    g.sign_in = row
    return _admin_of(row, secret)


def _admin_of(row: SignIn, secret: str) -> SignedInAdmin:
    admin = row.admin
    return SignedInAdmin(
        id=admin.id,
        name=admin.name,
        email=admin.email,
        role=admin.role,
        sign_in_id=row.id,
        secret=secret,
        is_limited=settings().second_factor_required and row.verified_at is None,
    )


def _check_admin(route: Route, permission: Permission) -> None:
    # An impersonation token opens nothing here, not even beside a good cookie (A4).
    if not current_user.is_authenticated or "Authorization" in request.headers:
        raise SignInRequired
    if current_user.is_limited and not route.enrolling:
        raise FactorRequired
    if current_user.holds(permission):
        return
    refused = event(
        AuditAction.ACCESS_REFUSED,
        now=g.now,
        provenance=provenance(),
        actor=current_admin(),
        outcome=Outcome.REFUSED,
        details={"method": request.method, "path": request.path, "permission": permission},
    )
    raise Refused(NO_PERMISSION, code="permission", event=refused)


def _check_program(route: Route) -> None:
    g.api_key = None
    by_bearer = isinstance(route.audience, Scope) and not route.as_client
    key = _bearer_key() if by_bearer else client_key()
    if key is None:
        current_app.logger.info("an API key was refused")
        raise APIKeyRequired
    if isinstance(route.audience, Scope) and route.audience not in key.scopes:
        raise ScopeRequired
    g.api_key = key
    # Said now: once the transaction is over, nobody can ask the row any more.
    g.api_key_title = key.title
    g.stale_api_key_id = key.id if api_keys.is_stale(key, now=g.now) else None
    allowances().spend(key.id, now=g.now)


def _bearer_key() -> APIKey | None:
    secret = bearer()
    if not secret:
        return None
    return api_keys.find(g.db, secret, now=g.now) or access_tokens.find(secret, now=g.now)
