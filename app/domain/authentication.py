"""The password, and what keeps people from guessing it or the second step."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain import alerts, passwords, throttles
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.company_rules import BY_COMPANY_ALONE, NO_COMPANY, CompanyRules
from app.domain.sign_ins import HalfOpen, Method, SignedIn, begin, end_others, give_another_secret
from app.storage import locks
from app.storage.admins import Admin, SignIn, admin_by_email
from app.storage.factors import has_factors
from app.storage.folding import fold
from app.storage.networks import network

EMAIL_LENGTH = 254

NO_MATCH = "This e-mail address and password do not match."
NOT_CURRENT = "This is not your current password."


@dataclass(frozen=True)
class NotSignedIn:
    """Why not, in the same words whether the address, the password or the admin was wrong (S5).

    `retry_after` is how long to wait before the next attempt can succeed.
    """

    sentence: str
    retry_after: timedelta = timedelta(0)


def sign_in(
    db: Session,
    *,
    email: str,
    password: str,
    company: CompanyRules = NO_COMPANY,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | HalfOpen | NotSignedIn:
    """Sign the admin in and record it; a failure is recorded and counted too.

    Whoever has a factor is half in: `second_step.finish` does the rest. Whom the company's rules
    shut out is told so once the password was right, and not before (S5).
    """
    take_turn(db, email=email, address=provenance.address)
    admin = admin_by_email(db, email)
    if throttled := throttle(db, admin, email=email, address=provenance.address, now=now):
        record_failure(db, email, admin, "throttled", provenance, now)
        return throttled
    matches = passwords.matches(
        admin.password_hash if admin else passwords.nobodys_hash(), password
    )
    if admin is None or not matches or admin.is_disabled:
        note_attempt(db, email=email, address=provenance.address, now=now)
        record_failure(db, email, admin, "no_match", provenance, now)
        return NotSignedIn(NO_MATCH)
    if company.shuts_out(db, admin, by_factor=has_factors(db, admin.id)):
        note_attempt(db, email=email, address=provenance.address, now=now)
        record_failure(db, email, admin, "company_alone", provenance, now)
        return NotSignedIn(BY_COMPANY_ALONE)
    admin.password_hash = passwords.renewed(admin.password_hash, password)
    return begin(db, admin, method=Method.PASSWORD, provenance=provenance, now=now)


def change_password(
    db: Session,
    row: SignIn,
    *,
    current: str,
    new: str,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | NotSignedIn:
    """Give the admin of a sign-in another password; raise Invalid for one that is no good (S7).

    The sign-in goes on under another id, the admin's others and their running session end (S1, S2).
    A wrong `current` one counts as it does at signing in: an open computer is no place to guess it.
    """
    admin, address = row.admin, provenance.address
    take_turn(db, email=admin.email, address=address)
    if throttled := throttle(db, admin, email=admin.email, address=address, now=now):
        record_failure(db, admin.email, admin, "throttled", provenance, now)
        return throttled
    if not passwords.matches(admin.password_hash, current):
        note_attempt(db, email=admin.email, address=address, now=now)
        record_failure(db, admin.email, admin, "no_match", provenance, now)
        return NotSignedIn(NOT_CURRENT)
    known = (admin.email, admin.name)
    admin.password_hash = passwords.hash_password(new, known=known)
    changed = AuditAction.PASSWORD_CHANGED
    append(db, event(changed, now=now, provenance=provenance, actor=admin, details={}))
    end_others(db, row, why="password_changed", provenance=provenance, now=now)
    return give_another_secret(row)


def take_turn(db: Session, *, email: str, address: str) -> None:
    """Let nobody else try as that admin, or from that address, until the transaction is over.

    Of many guesses at once each would find the counters as they were before all of them.
    """
    for name in (f"sign-in as {fold(email)}", f"sign-in from {network(address)}"):
        locks.take(db, name)


def throttle(
    db: Session, admin: Admin | None, *, email: str, address: str, now: datetime
) -> NotSignedIn | None:
    """Return why it is too soon for another attempt as that admin or from there, else None (S6)."""
    wait = throttles.sign_in_wait(db, admin, email=email, address=address, now=now)
    return NotSignedIn(wait_sentence(wait), wait) if wait else None


def wait_sentence(wait: timedelta) -> str:
    """Return what is said to whoever has to wait so long."""
    if wait > throttles.LONGEST_WAIT:
        return f"Too many attempts. Try again in {-(-wait // timedelta(minutes=1))} minutes."
    return f"Too many attempts. Try again in {-(-wait // timedelta(seconds=1))} seconds."


def note_attempt(db: Session, *, email: str, address: str, now: datetime) -> None:
    """Count a failed attempt, at the password or at what comes after it."""
    throttles.count_failed_sign_in(db, email=email, address=address, now=now)


def record_failure(
    db: Session, email: str, admin: Admin | None, why: str, provenance: Provenance, now: datetime
) -> None:
    """Put a failed attempt on record, whoever made it; of those too soon the first of many."""
    typed = {
        # What is typed into the wrong field may be a password.
        "email": email[:EMAIL_LENGTH] if "@" in email else "",
        # Whose address it is, if anybody's: it goes when their words are erased.
        "admin_id": admin.id if admin else "",
    }
    action = AuditAction.SIGN_IN_FAILED
    details: dict[str, object] = {**typed, "why": why}
    if why == "throttled":
        count = throttles.count_hasty_sign_in(db, email=email, address=provenance.address, now=now)
        if count is None:
            return
        action, details = AuditAction.SIGN_IN_THROTTLED, {**typed, "count": count}
    append(
        db,
        event(
            action,
            now=now,
            provenance=provenance,
            actor_kind="stranger",
            outcome=Outcome.REFUSED,
            details=details,
        ),
    )
    if why != "throttled":
        alerts.watch_failed_sign_in(db, provenance=provenance, now=now, **typed)
