"""Clients of every dialect, in the demo's data: what a program needs to try each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import api_keys
from app.domain.api_keys import Limits
from app.domain.audit_trail import OPERATOR
from app.domain.errors import Absent
from app.domain.permissions import Scope
from app.storage.accounts import Account, AccountStatus
from app.storage.admins import Admin, admin_by_email, admin_email_keys
from app.storage.api_keys import APIKey
from app.storage.base import number_of
from app.storage.folding import fold
from app.storage.members import Member, MemberStatus
from app.storage.pushed import keep

NAME = "Demo client: "
TARGET = "mia.chen@harbour.example"
TARGET_NAME = "mia.chen"
# Ids of Auth0 are a mapping of ours.
AUTH0 = "auth0|"


@dataclass(frozen=True)
class Cast:
    """Who is impersonated by whom; `closed` is an account where nobody may be."""

    ada: Admin
    cy: Admin
    omar: Admin
    target: Member
    other_target: Member
    outsider: Member
    closed: Account


def replace(db: Session, *, admin_url: str, product_url: str, now: datetime) -> dict[str, str]:
    """Make every client anew; return its names and secrets. Those of earlier are revoked.

    Raises Absent when the demo's people are not here.
    """
    for key in db.scalars(select(APIKey).where(APIKey.name.startswith(NAME))):
        if key.revoked_at is None:
            api_keys.revoke(db, key, by=None, provenance=OPERATOR, now=now)
    cast = _cast(db)
    keep(db, Member, cast.target.id, now=now, user_name=TARGET_NAME, user_name_key=TARGET_NAME)
    return {"BASE_URL": admin_url, **_Clients(db, cast, product_url, now).all()}


@dataclass(frozen=True)
class _Clients:
    db: Session
    cast: Cast
    product_url: str
    now: datetime

    def all(self) -> dict[str, str]:
        sections = (self._propelauth, self._json_api, self._auth0, self._authentik, self._oauth)
        return {name: value for section in sections for name, value in section()}

    def _propelauth(self) -> Iterator[tuple[str, str]]:
        cast = self.cast
        scopes = (Scope.PROPELAUTH, Scope.IMPERSONATE)
        for name, account in (("", cast.target.account), ("DISABLED_", cast.closed)):
            limits = Limits(account=account, reason_required=False)
            yield f"PA_{name}INTEGRATION_KEY", self._key("PropelAuth", scopes, limits)[1]
        yield "PA_EMPLOYEE_EMAIL", cast.ada.email
        yield "PA_EMPLOYEE_EMAIL_2", cast.cy.email
        yield "PA_UNAUTHORIZED_EMAIL", cast.omar.email
        yield "PA_TARGET_USER_ID", cast.target.id
        yield "PA_TARGET_USER_ID_2", cast.other_target.id

    def _json_api(self) -> Iterator[tuple[str, str]]:
        cast, scopes = self.cast, (Scope.JSON_API, Scope.IMPERSONATE)
        yield "JA_ORG_ID", cast.target.account_id
        yield "JA_DISABLED_ORG_ID", cast.closed.id
        for name, admin in (("JA_TOKEN", cast.ada), ("JA_NON_ADMIN_TOKEN", cast.omar)):
            yield name, self._key("JSON:API", scopes, Limits(admin=admin, reason_required=False))[1]
        yield "JA_USER_ID", cast.target.id
        yield "JA_USER_NAME", TARGET_NAME
        yield "JA_USER_EMAIL", cast.target.email
        yield "JA_OUTSIDE_USER_ID", cast.outsider.id

    def _auth0(self) -> Iterator[tuple[str, str]]:
        callback = f"{self.product_url}/callback"
        scopes = (Scope.AUTH0, Scope.IMPERSONATE)
        globe, secret = self._key("Auth0, global", scopes, Limits(reason_required=False))
        app, app_secret = self._key(
            "Auth0, ordinary", (Scope.AUTH0_CALLBACK,), Limits(callback_urls=(callback,))
        )
        yield "A0_GLOBAL_TOKEN", secret
        yield "A0_ORDINARY_TOKEN", app_secret
        yield "A0_GLOBAL_CLIENT_ID", globe.id
        yield "A0_GLOBAL_CLIENT_SECRET", secret
        yield "A0_APP_CLIENT_ID", app.id
        yield "A0_APP_CLIENT_SECRET", app_secret
        yield "A0_TARGET_USER_ID", AUTH0 + self.cast.target.id
        yield "A0_IMPERSONATOR_ID", AUTH0 + self.cast.ada.id
        yield "A0_BAD_IMPERSONATOR_ID", AUTH0 + self.cast.omar.id
        yield "A0_CALLBACK_URL", callback

    def _authentik(self) -> Iterator[tuple[str, str]]:
        cast, scopes = self.cast, (Scope.AUTHENTIK, Scope.IMPERSONATE)
        for name, limits in (
            ("AK_TOKEN", Limits(admin=cast.ada, reason_required=False)),
            ("AK_NOPERM_TOKEN", Limits(admin=cast.omar, reason_required=False)),
            (
                "AK_DISABLED_TOKEN",
                Limits(admin=cast.ada, account=cast.closed, reason_required=False),
            ),
            ("AK_REASON_TOKEN", Limits(admin=cast.ada)),
        ):
            yield name, self._key("authentik", scopes, limits)[1]
        yield "AK_ADMIN_PK", str(number_of(cast.ada.id))
        yield "AK_TARGET_PK", str(cast.target.number)

    def _oauth(self) -> Iterator[tuple[str, str]]:
        client, secret = self._key("OAuth", (Scope.TOKENS,), Limits())
        yield "OA_CLIENT_ID", client.id
        yield "OA_CLIENT_SECRET", secret

    def _key(self, name: str, scopes: tuple[Scope, ...], limits: Limits) -> tuple[APIKey, str]:
        return api_keys.create(
            self.db,
            name=NAME + name,
            scopes=scopes,
            limits=limits,
            by=None,
            provenance=OPERATOR,
            now=self.now,
        )


def _cast(db: Session) -> Cast:
    target = db.scalar(select(Member).where(Member.email_key == fold(TARGET)))
    admins = [admin_by_email(db, f"{name}@example.com") for name in ("ada", "cy", "omar")]
    if target is None or None in admins:
        raise Absent("The demo's people are not here: `make run` brings them.")
    ada, cy, omar = (admin for admin in admins if admin is not None)
    mine, open_ = Member.account_id == target.account_id, Account.impersonation_allowed
    return Cast(
        ada,
        cy,
        omar,
        target=target,
        other_target=_member(db, mine, Member.id != target.id),
        outsider=_member(db, ~mine, open_),
        closed=_closed_account(db),
    )


def _member(db: Session, *where: object) -> Member:
    """Return a member who may be impersonated, always the same one."""
    query = select(Member).join(Account).where(*where)  # type: ignore[arg-type]
    query = query.where(
        Member.status == MemberStatus.ACTIVE,
        Member.protected.is_(False),
        Account.status == AccountStatus.ACTIVE,
    ).order_by(Member.id)
    for member in db.scalars(query.limit(100)):
        if member.account.allows_impersonation and not admin_email_keys(db, [member.email]):
            return member
    raise Absent("The demo has too few members.")


def _closed_account(db: Session) -> Account:
    query = select(Account).where(
        Account.status == AccountStatus.ACTIVE, Account.impersonation_allowed.is_(False)
    )
    account = db.scalar(query.order_by(Account.id).limit(1))
    if account is None:
        raise Absent("The demo has no account where impersonation is off.")
    return account
