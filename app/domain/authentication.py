"""How admins sign in, stay signed in, and are kept from guessing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.errors import Invalid
from app.domain.secrets import hash_secret, new_secret
from app.storage import locks
from app.storage.admins import (
    Admin,
    SignIn,
    SignInAttempt,
    admin_by_email,
    failures_since,
    has_signed_in_from,
    sign_in_by_secret_hash,
)
from app.storage.folding import fold

IDLE_TIMEOUT = timedelta(minutes=30)
ABSOLUTE_TIMEOUT = timedelta(hours=8)
# Noting every click would make each page a write.
ACTIVITY_RESOLUTION = timedelta(minutes=1)

THROTTLE_WINDOW = timedelta(minutes=15)
FREE_FAILURES_PER_ACCOUNT = 5
FREE_FAILURES_PER_ADDRESS = 30
LONGEST_WAIT = timedelta(minutes=5)

PASSWORD_LENGTH = range(12, 129)
EMAIL_LENGTH = 254

NO_MATCH = "This e-mail address and password do not match."

# RFC 9106 allows less memory for more speed: the 64 MiB of the library's default, times the
# sign-ins that a stranger can start at once, would be a way to exhaust the machine (S7).
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True)
class SignedIn:
    """A new sign-in and its secret, which goes into the cookie and is kept nowhere else."""

    sign_in: SignIn
    secret: str


@dataclass(frozen=True)
class NotSignedIn:
    """Why not, in the same words whether the address, the password or the admin was wrong (S5).

    `retry_after` is how long to wait before the next attempt can succeed.
    """

    sentence: str
    retry_after: timedelta = timedelta(0)


def hash_password(password: str) -> str:
    """Return the argon2id hash of an acceptable password; raise Invalid for another (S7)."""
    if len(password) not in PASSWORD_LENGTH:
        raise Invalid(
            f"Choose a password of {PASSWORD_LENGTH[0]} to {PASSWORD_LENGTH[-1]} characters."
        )
    return _hasher.hash(password)


def sign_in(
    db: Session, *, email: str, password: str, provenance: Provenance, now: datetime
) -> SignedIn | NotSignedIn:
    """Sign the admin in and record it; a failure is recorded and counted too."""
    # Guesses at one account, or from one address, are looked at one after the other: of many at
    # once each would find the counters as they were before all of them.
    for name in (f"sign-in as {fold(email)}", f"sign-in from {provenance.address}"):
        locks.take(db, name)
    admin = admin_by_email(db, email)
    wait = _wait(db, admin, email_key=fold(email), address=provenance.address, now=now)
    if wait > timedelta(0):
        _record_failure(db, email, admin, "throttled", provenance, now)
        seconds = -(-wait // timedelta(seconds=1))
        return NotSignedIn(f"Too many attempts. Try again in {seconds} seconds.", wait)
    matches = _verify(admin.password_hash if admin else _nobodys_hash(), password)
    if admin is None or not matches or admin.is_disabled:
        db.add(SignInAttempt(email_key=fold(email), address=provenance.address, at=now))
        _record_failure(db, email, admin, "no_match", provenance, now)
        return NotSignedIn(NO_MATCH)
    if _hasher.check_needs_rehash(admin.password_hash):
        admin.password_hash = _hasher.hash(password)
    secret = new_secret()
    row = SignIn(
        secret_hash=hash_secret(secret),
        admin=admin,
        started_at=now,
        last_active_at=now,
        address=provenance.address,
        user_agent=provenance.user_agent,
    )
    db.add(row)
    append(
        db,
        event(AuditAction.SIGN_IN_SUCCEEDED, now=now, provenance=provenance, actor=admin),
    )
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


def sign_out(db: Session, row: SignIn, *, by: Admin, provenance: Provenance, now: datetime) -> None:
    """End one sign-in; ending it twice changes and records nothing more."""
    if row.ended_at is not None:
        return
    row.ended_at = now
    why = "signed_out" if by.id == row.admin_id else "ended_by_admin"
    append(
        db,
        event(
            AuditAction.SIGN_IN_ENDED,
            now=now,
            provenance=provenance,
            actor=by,
            details={
                "why": why,
                "admin_id": row.admin_id,
                "admin": row.admin.email,
                "count": 1,
            },
        ),
    )


def _wait(
    db: Session, admin: Admin | None, *, email_key: str, address: str, now: datetime
) -> timedelta:
    since = now - THROTTLE_WINDOW
    # Whoever guesses without a pause takes every turn there is. Where the admin has signed in
    # before, she waits for what failed there alone, or a stranger elsewhere could shut her out.
    at_home = admin is not None and has_signed_in_from(db, admin.id, address)
    here = address if at_home else None
    by_account = failures_since(db, since=since, email_key=email_key, address=here)
    by_address = failures_since(db, since=since, address=address)
    return max(
        _left(*by_account, free=FREE_FAILURES_PER_ACCOUNT, now=now),
        _left(*by_address, free=FREE_FAILURES_PER_ADDRESS, now=now),
    )


def _left(failures: int, last: datetime | None, *, free: int, now: datetime) -> timedelta:
    """Return what is left of the wait, which doubles with each failure beyond the free ones (S6).

    A stranger can slow an admin down this way, never lock her out of where she works.
    """
    if last is None or failures < free:
        return timedelta(0)
    doublings = min(failures - free, 20)
    return max(timedelta(0), last + min(timedelta(seconds=2**doublings), LONGEST_WAIT) - now)


def _record_failure(
    db: Session, email: str, admin: Admin | None, why: str, provenance: Provenance, now: datetime
) -> None:
    append(
        db,
        event(
            AuditAction.SIGN_IN_FAILED,
            now=now,
            provenance=provenance,
            actor_kind="stranger",
            outcome=Outcome.REFUSED,
            details={
                # What is typed into the wrong field may be a password.
                "email": email[:EMAIL_LENGTH] if "@" in email else "",
                # Whose address it is, if anybody's: it goes when their words are erased.
                "admin_id": admin.id if admin else "",
                "why": why,
            },
        ),
    )


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache
def _nobodys_hash() -> str:
    """A hash to verify against when there is no admin, so that both take the same time (S5)."""
    return _hasher.hash(new_secret())
