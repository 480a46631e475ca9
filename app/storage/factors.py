"""What an admin proves themselves with beside a password, and what waits for such a proof."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.admins import Admin
from app.storage.base import Base, new_id
from app.storage.ready import ask


class FactorKind(StrEnum):
    """Authenticator apps (RFC 6238) and passkeys (WebAuthn)."""

    TOTP = "totp"
    PASSKEY = "passkey"


class Purpose(StrEnum):
    """What a passkey is asked for: an answer to one question is no answer to another."""

    SIGN_IN = "sign_in"
    SECOND_STEP = "second_step"
    STEP_UP = "step_up"
    ENROLMENT = "enrolment"


class Factor(Base):
    """An authenticator app or a passkey of an admin. One that was removed keeps no secret."""

    __tablename__ = "factors"
    __table_args__ = (
        CheckConstraint("kind IN ('totp', 'passkey')", name="kind"),
        CheckConstraint(
            "kind <> 'totp' OR removed_at IS NOT NULL"
            " OR (sealed_secret IS NOT NULL AND last_step IS NOT NULL)",
            name="totp",
        ),
        CheckConstraint(
            "kind <> 'passkey' OR removed_at IS NOT NULL"
            " OR (credential_id IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL)",
            name="passkey",
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    admin_id: Mapped[str] = mapped_column(ForeignKey("admins.id"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    # Sealed with the factor key, as nobody can verify a code by a hash (K3).
    sealed_secret: Mapped[str | None]
    # The time step of the last good code: no code up to it is good again (S8).
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    credential_id: Mapped[str | None] = mapped_column(unique=True)
    public_key: Mapped[str | None]
    sign_count: Mapped[int | None] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """One of the codes for the day when every factor is lost."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    admin_id: Mapped[str] = mapped_column(ForeignKey("admins.id"), index=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # Newer ones have been made, or there is no factor left that they stand in for.
    void_at: Mapped[datetime | None]


class HalfOpenSignIn(Base):
    """A sign-in of which the first step is done. It opens nothing but the second."""

    __tablename__ = "half_open_sign_ins"
    __table_args__ = (Index("ix_half_open_sign_ins_good_until", "good_until"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    admin_id: Mapped[str] = mapped_column(ForeignKey("admins.id"), index=True)
    method: Mapped[str]
    good_until: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    admin: Mapped[Admin] = relationship(lazy="joined", innerjoin=True)


class PasskeyChallenge(Base):
    """What a passkey is to sign, by its hash. `holder_id` is whose answer is good, if anybody's."""

    __tablename__ = "passkey_challenges"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('sign_in', 'second_step', 'step_up', 'enrolment')", name="purpose"
        ),
        Index("ix_passkey_challenges_good_until", "good_until"),
    )

    challenge_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    holder_id: Mapped[str]
    address: Mapped[str]
    good_until: Mapped[datetime]
    used_at: Mapped[datetime | None]


FACTORS = Factor.__table__.c
ANY_FACTOR = (
    select(FACTORS.id)
    .where(FACTORS.admin_id == bindparam("admin_id"), FACTORS.removed_at.is_(None))
    .limit(1)
)


def factors_of(db: Session, admin_id: str, kind: FactorKind | None = None) -> Sequence[Factor]:
    """Return the factors that the admin has, the oldest first."""
    query = select(Factor).where(Factor.admin_id == admin_id, Factor.removed_at.is_(None))
    if kind is not None:
        query = query.where(Factor.kind == kind)
    return db.scalars(query.order_by(Factor.added_at, Factor.id)).all()


def has_factors(db: Session, admin_id: str) -> bool:
    """Whether the admin has any."""
    return ask(db, ANY_FACTOR, admin_id=admin_id).first() is not None


def passkey(db: Session, credential_id: str) -> Factor | None:
    """Return the passkey with that credential, if it has not been removed."""
    query = select(Factor).where(Factor.credential_id == credential_id)
    return db.scalar(query.where(Factor.removed_at.is_(None)))


def remove_factors(
    db: Session, admin_id: str, *, factor_id: str | None = None, now: datetime
) -> int:
    """Remove the admin's factors, or the one, secrets and all; return how many there were."""
    change = update(Factor).where(Factor.admin_id == admin_id, Factor.removed_at.is_(None))
    if factor_id is not None:
        change = change.where(Factor.id == factor_id)
    change = change.values(
        removed_at=now, sealed_secret=None, credential_id=None, public_key=None, last_step=None
    )
    return len(db.execute(change.returning(Factor.id)).all())


def codes_left(db: Session, admin_id: str) -> int:
    """Return how many recovery codes are good still."""
    query = select(func.count()).where(RecoveryCode.admin_id == admin_id)
    good = (RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None))
    return db.scalar(query.where(*good)) or 0


def void_codes(db: Session, admin_id: str, *, now: datetime) -> None:
    """Let none of the admin's recovery codes be good any more."""
    change = update(RecoveryCode).where(RecoveryCode.admin_id == admin_id)
    db.execute(change.where(RecoveryCode.void_at.is_(None)).values(void_at=now))


def half_open_by_secret_hash(db: Session, secret_hash: str) -> HalfOpenSignIn | None:
    """Return the half-open sign-in with its admin, closed or not."""
    return db.scalar(select(HalfOpenSignIn).where(HalfOpenSignIn.secret_hash == secret_hash))


def close_half_open(db: Session, admin_id: str, *, now: datetime) -> None:
    """Close every half-open sign-in of the admin."""
    change = update(HalfOpenSignIn).where(HalfOpenSignIn.admin_id == admin_id)
    db.execute(change.where(HalfOpenSignIn.closed_at.is_(None)).values(closed_at=now))


def has_any_over(db: Session, *, before: datetime) -> bool:
    """Whether anything that waited for a proof was over by then."""
    challenges = exists().where(PasskeyChallenge.good_until <= before)
    sign_ins = exists().where(HalfOpenSignIn.good_until <= before)
    return bool(db.scalar(select(challenges | sign_ins)))


def forget_over(db: Session, *, before: datetime) -> None:
    """Delete what waited for a proof and was over by then: strangers can begin any number.

    Whoever still holds one of these rows keeps it until the next time (R4).
    """
    for row_class in (PasskeyChallenge, HalfOpenSignIn):
        (key,) = row_class.__table__.primary_key
        over = select(key).where(row_class.good_until <= before)
        over = over.with_for_update(skip_locked=True)
        db.execute(
            delete(row_class).where(key.in_(over)).execution_options(synchronize_session=False)
        )
