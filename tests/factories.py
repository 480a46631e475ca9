"""Rows that are valid as they come; a test names only what it is about."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from app.domain import alerts, impersonations
from app.domain.alerts import About, AlertKind, Rule
from app.domain.audit_trail import Provenance
from app.domain.impersonations import Started
from app.domain.passwords import hash_password
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.base import new_id
from app.storage.folding import fold
from app.storage.members import Member

PASSWORD = "a password for the tests"
FROM_THE_OFFICE = Provenance(
    address="192.0.2.7", user_agent="Mozilla/5.0 (test)", request_id="request-1"
)


def account(*, now: datetime, **columns: Any) -> Account:
    """Return an active account that allows impersonation."""
    name = columns.get("name", "Quarry & Sons")
    defaults = {
        "id": new_id(),
        "name": name,
        "domain": f"{fold(name).split()[0]}.example",
        "plan": "business",
        "status": "active",
        "impersonation_allowed": True,
        "impersonation_switched_off": False,
        "created_at": now,
        "updated_at": now,
    }
    row = Account(**defaults | columns)
    row.fold_names()
    return row


def member(*, now: datetime, account: Account, **columns: Any) -> Member:
    """Return an active member whom a superadmin may impersonate."""
    id_ = columns.get("id", new_id())
    defaults = {
        "id": id_,
        "account": account,
        "name": "Kim Sundqvist",
        "email": f"{id_}@{account.domain}",
        "role": "editor",
        "status": "active",
        "protected": False,
        "created_at": now,
        "updated_at": now,
    }
    row = Member(**defaults | columns)
    row.fold_names()
    account.member_count = (account.member_count or 0) + 1
    return row


def admin(*, now: datetime, **columns: Any) -> Admin:
    """Return an admin with the role `admin`, who signs in with PASSWORD."""
    id_ = columns.get("id", new_id())
    defaults = {
        "id": id_,
        "name": "Rene Castellanos",
        "email": f"{id_}@example.com",
        "role": "admin",
        "password_hash": hash_of_password(),
        "created_at": now,
    }
    columns = defaults | columns
    return Admin(**columns, email_key=fold(columns["email"]))


def start(
    db: Session,
    *,
    impersonator: Admin,
    target: Member,
    now: datetime,
    **arguments: Any,
) -> Started:
    """Start a session with a reason, from a form that nobody has sent before."""
    defaults: dict[str, Any] = {
        "reason": "Her template is broken",
        "ticket_url": "",
        "form_key": new_id(),
        "reason_required": True,
        "provenance": FROM_THE_OFFICE,
    }
    return impersonations.start(
        db, impersonator=impersonator, target=target, now=now, **defaults | arguments
    )


def alarm(db: Session, *, now: datetime, actor: Admin | None = None) -> None:
    """Raise an alert: somebody was refused, and that once is often."""
    about = About(FROM_THE_OFFICE, actor=actor)
    rules = {AlertKind.MANY_REFUSALS: Rule(1, timedelta(microseconds=1))}
    who = {AlertKind.MANY_REFUSALS: "somebody"}
    alerts.watch(db, who, about, rules=rules, now=now)


@lru_cache
def hash_of_password() -> str:
    """The hash of PASSWORD: made once, as argon2 is slow on purpose."""
    return hash_password(PASSWORD)
