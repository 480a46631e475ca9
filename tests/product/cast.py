"""People everybody knows. Nikos is the outsider: nothing of Harbour is his business."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.kit.impersonation import Account as KitAccount
from app.kit.impersonation import Impersonation, Person
from app.product.models.accounts import Account, AccountStatus
from app.product.models.members import Member, MemberStatus, Role
from app.product.models.templates import Template
from app.product.passwords import hash_password

PASSWORD = "a password for tests"
PASSWORD_HASH = hash_password(PASSWORD)
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Cast:
    """Ids and addresses, safe to keep when the session is gone."""

    mia: str = "mia@harbour.example"  # editor
    vera: str = "vera@harbour.example"  # viewer
    nikos: str = "nikos@kyklades.example"  # editor of another account
    noor: str = "noor@elsewhere.example"  # in both accounts, with one password
    ivan: str = "ivan@harbour.example"  # invited only
    sue: str = "sue@closed.example"  # active, in a suspended account
    mia_id: str = "mia"
    vera_id: str = "vera"
    sue_id: str = "sue"
    harbour_id: str = "harbour"
    closed_id: str = "closed"
    order_id: str = "order"  # Harbour's template
    ferry_id: str = "ferry"  # the template of the outsider's account


def add_cast(db: Session) -> Cast:
    cast = Cast()
    harbour = _account(cast.harbour_id, "Harbour Analytics")
    kyklades = _account("kyklades", "Κυκλάδες Ferries")
    closed = _account(cast.closed_id, "Closed", AccountStatus.SUSPENDED)
    mia = _member(cast.mia_id, harbour, "Mia Chen", cast.mia)
    nikos = _member("nikos", kyklades, "Νίκος Ψαράς", cast.nikos)
    db.add_all((mia, nikos))
    db.add(_member(cast.vera_id, harbour, "Vera Blick", cast.vera, role=Role.VIEWER))
    db.add(_member("noor-h", harbour, "Noor van Dijk", cast.noor))
    db.add(_member("noor-k", kyklades, "Noor van Dijk", cast.noor))
    db.add(_member("ivan", harbour, "Ivan", cast.ivan, status=MemberStatus.INVITED))
    db.add(_member(cast.sue_id, closed, "Sue", cast.sue))
    db.add(_template(cast.order_id, mia, "Order confirmation", "Order {{ order_number }}"))
    db.add(_template("welcome", mia, "Welcome", "Hello there"))
    db.add(_template(cast.ferry_id, nikos, "Κράτηση", "Η κράτησή σας"))
    return cast


def impersonation_of(cast: Cast, *, member_id: str, account_id: str) -> Impersonation:
    return Impersonation(
        id="session-1",
        subject=Person(id=member_id, name="Mia Chen", email=cast.mia),
        account=KitAccount(id=account_id, name="Harbour Analytics"),
        actor=Person(id="ada-1", name="Ada Lovelace", email="ada@example.com"),
        started_at=LONG_AGO,
        expires_at=LONG_AGO + timedelta(minutes=20),
        seconds_left=1200,
    )


def _account(key: str, name: str, status: str = AccountStatus.ACTIVE) -> Account:
    return Account(
        id=key,
        name=name,
        domain=f"{key}.example",
        status=status,
        plan="growth",
        sender_name=name,
        created_at=LONG_AGO,
    )


def _member(
    key: str,
    account: Account,
    name: str,
    email: str,
    *,
    role: str = Role.EDITOR,
    status: str = MemberStatus.ACTIVE,
) -> Member:
    return Member(
        id=key,
        account=account,
        name=name,
        email=email,
        role=role,
        status=status,
        password_hash=PASSWORD_HASH,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        last_seen_at=LONG_AGO,
    )


def _template(key: str, author: Member, name: str, subject: str) -> Template:
    return Template(
        id=key,
        account_id=author.account.id,
        name=name,
        subject=subject,
        body="Dear {{ first_name }},\n\nthank you.",
        updated_at=LONG_AGO,
        updated_by=author,
    )
