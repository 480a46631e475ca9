"""Admins and their sign-ins."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.base import Base, new_id
from app.storage.folding import fold
from app.storage.networks import network
from app.storage.ready import ask


class Role(StrEnum):
    """What an admin may do; see `app.domain.permissions`."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"


class Admin(Base):
    """Someone who signs in to the admin site."""

    __tablename__ = "admins"
    __table_args__ = (CheckConstraint("role IN ('superadmin', 'admin')", name="role"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column()
    # Folded, so that nobody becomes a second admin, or a target, by the case of a letter.
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    @property
    def is_superadmin(self) -> bool:
        """Whether the admin holds the role, disabled or not."""
        return self.role == Role.SUPERADMIN

    @property
    def is_disabled(self) -> bool:
        """Whether the admin has been shut out."""
        return self.disabled_at is not None


class SignIn(Base):
    """An admin's sign-in on the server. The cookie carries a secret; this row holds its hash."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index("ix_sign_ins_admin_id_ended_at", "admin_id", "ended_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    admin_id: Mapped[str] = mapped_column(ForeignKey("admins.id"))
    started_at: Mapped[datetime]
    last_active_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # How it was proved: "password", "passkey", "password+totp".
    method: Mapped[str]
    # When a factor was last proved; None for a password alone (S9).
    verified_at: Mapped[datetime | None]
    address: Mapped[str]
    user_agent: Mapped[str]

    admin: Mapped[Admin] = relationship(lazy="joined", innerjoin=True)


ADMINS = Admin.__table__.c
EMAIL_KEYS = select(ADMINS.email_key).where(ADMINS.email_key.in_(bindparam("keys", expanding=True)))
BY_SECRET_HASH = select(SignIn).where(SignIn.secret_hash == bindparam("secret_hash"))
NAMES = select(ADMINS.id, ADMINS.name).order_by(ADMINS.name, ADMINS.id)
LOCKED = select(ADMINS.id).where(ADMINS.id == bindparam("id")).with_for_update()


def admin_by_email(db: Session, email: str) -> Admin | None:
    """Return the admin with that address, whatever its case."""
    return db.scalar(select(Admin).where(Admin.email_key == fold(email)))


def admins_by_name(db: Session) -> Sequence[Admin]:
    """Return all admins; there are never many."""
    return db.scalars(select(Admin).order_by(Admin.name, Admin.id)).all()


def admin_names(db: Session) -> Sequence[tuple[str, str]]:
    """Return the id and the name of each admin, by name, for a list to choose from."""
    return [(id_, name) for id_, name in ask(db, NAMES)]


def admin_email_keys(db: Session, emails: Collection[str]) -> frozenset[str]:
    """Return which of `emails`, folded, belong to an admin."""
    keys = {fold(email) for email in emails}
    return frozenset(ask(db, EMAIL_KEYS, keys=list(keys)).scalars())


def count_superadmins(db: Session) -> int:
    """Return how many superadmins are left who can sign in."""
    able = select(func.count()).where(Admin.role == Role.SUPERADMIN, Admin.disabled_at.is_(None))
    return db.scalar(able) or 0


def has_other_admins(db: Session, admin_id: str) -> bool:
    """Whether anybody else can sign in."""
    others = select(Admin.id).where(Admin.id != admin_id, Admin.disabled_at.is_(None))
    return db.scalar(others.limit(1)) is not None


def sign_in_by_secret_hash(db: Session, secret_hash: str) -> SignIn | None:
    """Return the sign-in with its admin, ended or not."""
    return db.scalar(BY_SECRET_HASH, {"secret_hash": secret_hash})


def lock_admin(db: Session, admin_id: str) -> None:
    """Let nobody else lock the admin until the transaction is over.

    PostgreSQL locks the row; SQLite has locked the database when the transaction began.
    """
    ask(db, LOCKED, id=admin_id)


def has_signed_in_from(db: Session, admin_id: str, address: str) -> bool:
    """Whether the admin has ever signed in from that network address, or its IPv6 network."""
    place = network(address)
    theirs = select(SignIn.address).where(SignIn.admin_id == admin_id)
    if db.scalar(theirs.where(SignIn.address.in_({address, place})).limit(1)) is not None:
        return True
    # An IPv6 address is written in many ways, and is another one each day.
    others = db.scalars(theirs.where(SignIn.address.contains(":")).distinct())
    return any(network(one) == place for one in others)


def open_sign_ins(db: Session, admin_id: str) -> Sequence[SignIn]:
    """Return the admin's sign-ins that nobody has ended, the newest first."""
    query = select(SignIn).where(SignIn.admin_id == admin_id, SignIn.ended_at.is_(None))
    return db.scalars(query.order_by(SignIn.started_at.desc())).all()


def end_sign_ins(db: Session, admin_id: str, *, but: str = "", now: datetime) -> int:
    """End every open sign-in of the admin, save the one with the id `but`; return how many."""
    query = update(SignIn).where(
        SignIn.admin_id == admin_id, SignIn.id != but, SignIn.ended_at.is_(None)
    )
    return len(db.execute(query.values(ended_at=now).returning(SignIn.id)).all())
