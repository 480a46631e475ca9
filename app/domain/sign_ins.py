"""Sign-ins: how one opens, however an admin proved who they are, and what ends it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain import endings, sign_in_alerts
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.domain.secrets import hash_secret, new_secret
from app.storage.admins import Admin, SignIn, end_sign_ins, lock_admin, sign_in_by_secret_hash
from app.storage.factors import HalfOpenSignIn, close_half_open, has_factors

IDLE_TIMEOUT = timedelta(minutes=30)
ABSOLUTE_TIMEOUT = timedelta(hours=8)
# Noting every click would make each page a write.
ACTIVITY_RESOLUTION = timedelta(minutes=1)
# Long enough to fetch the telephone from the other room.
HALF_OPEN = timedelta(minutes=5)


class Method(StrEnum):
    """How the first step was done. The names are part of the audit trail: they never change."""

    PASSWORD = "password"  # noqa: S105 - it says how, and is none
    PASSKEY = "passkey"
    COMPANY = "company"


@dataclass(frozen=True)
class SignedIn:
    """A new sign-in and its secret, which goes into the cookie and is kept nowhere else."""

    sign_in: SignIn
    secret: str


@dataclass(frozen=True)
class HalfOpen:
    """A sign-in that waits for its second step, and the secret that finds it again."""

    sign_in: HalfOpenSignIn
    secret: str


def begin(
    db: Session, admin: Admin, *, method: Method, provenance: Provenance, now: datetime
) -> SignedIn | HalfOpen:
    """Let an admin in who has proved themselves by something that is no factor of ours.

    Where they have one, the sign-in stays half open until `second_step.finish` has seen it (S8).
    A company's sign-in that told of a second factor itself goes to `open_sign_in` instead.
    """
    if not has_factors(db, admin.id):
        return open_sign_in(db, admin, method=method, provenance=provenance, now=now)
    secret = new_secret()
    row = HalfOpenSignIn(
        secret_hash=hash_secret(secret), admin=admin, method=method, good_until=now + HALF_OPEN
    )
    db.add(row)
    # A password that is good and goes no further may be somebody else's who has it.
    begun = AuditAction.SIGN_IN_BEGUN
    details = {"proof": method}
    append(db, event(begun, now=now, provenance=provenance, actor=admin, details=details))
    sign_in_alerts.watch_begun(db, admin, provenance=provenance, now=now)
    return HalfOpen(row, secret)


def open_sign_in(
    db: Session,
    admin: Admin,
    *,
    method: str,
    verified_at: datetime | None = None,
    provenance: Provenance,
    now: datetime,
) -> SignedIn:
    """Open a sign-in for an admin who has proved themselves in full, and record it.

    `method` is how: a `Method`, or one and a factor, as "password+totp". `verified_at` is when a
    factor was proved, None for never: where one is required it then leads to enrolment alone.
    """
    secret = new_secret()
    row = SignIn(
        secret_hash=hash_secret(secret),
        admin=admin,
        started_at=now,
        last_active_at=now,
        method=method,
        verified_at=verified_at,
        address=provenance.address,
        user_agent=provenance.user_agent,
    )
    db.add(row)
    succeeded = AuditAction.SIGN_IN_SUCCEEDED
    details = {"proof": method}
    append(db, event(succeeded, now=now, provenance=provenance, actor=admin, details=details))
    return SignedIn(row, secret)


def renew(row: SignIn, *, now: datetime) -> SignedIn:
    """Note that a factor was proved just now, and give the sign-in another secret (S2)."""
    row.verified_at = now
    return give_another_secret(row)


def give_another_secret(row: SignIn) -> SignedIn:
    """Let the sign-in go on under another secret; whoever has the one before is out (S2)."""
    secret = new_secret()
    row.secret_hash = hash_secret(secret)
    return SignedIn(row, secret)


def find(db: Session, secret: str, *, now: datetime) -> SignIn | None:
    """Return the sign-in of the cookie's secret, if it is good for another request."""
    row = sign_in_by_secret_hash(db, hash_secret(secret))
    return None if row is None or is_over(row, now=now) else row


def is_over(row: SignIn, *, now: datetime) -> bool:
    """Whether the sign-in has been ended, timed out, or lost its admin (S1, S3)."""
    if row.ended_at is not None or row.admin.is_disabled:
        return True
    return now >= row.last_active_at + IDLE_TIMEOUT or now >= row.started_at + ABSOLUTE_TIMEOUT


def is_stale(row: SignIn, *, now: datetime) -> bool:
    """Whether the sign-in's last activity is old enough to be noted again."""
    return now >= row.last_active_at + ACTIVITY_RESOLUTION


def hold(db: Session, row: SignIn) -> None:
    """Let nobody end the sign-in until the transaction is over; Conflict if somebody has (S1).

    Whoever ends it next finds what was begun with it meanwhile.
    """
    db.refresh(row, with_for_update={"read": True, "of": SignIn})
    if row.ended_at is not None:
        raise Conflict("You have been signed out meanwhile. Sign in again.")


def end_others(db: Session, row: SignIn, *, why: str, provenance: Provenance, now: datetime) -> int:
    """End all other sign-ins of the same admin; return how many that were (S1, S10).

    Their running session ends as well: it may be of one of those.
    """
    return end_all(db, row.admin, but=row, why=why, by=row.admin, provenance=provenance, now=now)


def end_all(
    db: Session,
    admin: Admin,
    *,
    but: SignIn | None = None,
    why: str,
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> int:
    """Sign the admin out everywhere, `but` here; return how many sign-ins ended (S1, S10).

    Their running session ends as well, whoever has started it. `by` is None for the operator's
    command.
    """
    # Whoever starts a session meanwhile is waited for, or waits (R4).
    lock_admin(db, admin.id)
    close_half_open(db, admin.id, now=now)
    count = end_sign_ins(db, admin.id, but=but.id if but else "", now=now)
    if count:
        _record_end(db, admin, count, why=why, by=by, provenance=provenance, now=now)
    endings.end_with_sign_in(db, admin, provenance=provenance, now=now)
    return count


def sign_out(db: Session, row: SignIn, *, by: Admin, provenance: Provenance, now: datetime) -> bool:
    """End one sign-in, and with it a running session that no program has started.

    Return whether there was such a session: nobody would be there to watch it. Ending a sign-in
    twice changes and records nothing more.
    """
    if row.ended_at is not None:
        return False
    row.ended_at = now
    why = "signed_out" if by.id == row.admin_id else "ended_by_admin"
    _record_end(db, row.admin, 1, why=why, by=by, provenance=provenance, now=now)
    return endings.end_with_sign_in(
        db, row.admin, programs_too=False, provenance=provenance, now=now
    )


def _record_end(
    db: Session,
    admin: Admin,
    count: int,
    *,
    why: str,
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> None:
    append(
        db,
        event(
            AuditAction.SIGN_IN_ENDED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"why": why, "admin_id": admin.id, "admin": admin.email, "count": count},
        ),
    )
