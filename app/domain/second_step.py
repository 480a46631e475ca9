"""The second step of signing in, and the passkey that is both steps in one (S8)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import factor_throttles, factors, passkeys, sign_in_alerts
from app.domain.audit_trail import Provenance
from app.domain.authentication import (
    NotSignedIn,
    note_attempt,
    record_failure,
    take_turn,
    throttle,
    wait_sentence,
)
from app.domain.company_rules import BY_COMPANY_ALONE, NO_COMPANY, CompanyRules
from app.domain.factors import PASSKEY_NOT_GOOD, Answer, Lock
from app.domain.passkey_challenges import Question
from app.domain.secrets import hash_secret
from app.domain.sign_ins import Method, SignedIn, open_sign_in
from app.storage.admins import Admin
from app.storage.factors import HalfOpenSignIn, Purpose, half_open_by_secret_hash
from app.storage.networks import network

ANYBODYS_PASSKEY = Question(Purpose.SIGN_IN)


def find(db: Session, secret: str, *, now: datetime) -> HalfOpenSignIn | None:
    """Return the half-open sign-in of the secret, if its second step can still be done."""
    row = half_open_by_secret_hash(db, hash_secret(secret))
    if row is None or row.closed_at is not None or now >= row.good_until or row.admin.is_disabled:
        return None
    return row


def question(row: HalfOpenSignIn) -> Question:
    """Return what a passkey is asked for in the second step of this sign-in."""
    return Question(Purpose.SECOND_STEP, row.id)


def finish(
    db: Session,
    row: HalfOpenSignIn,
    answer: Answer,
    *,
    lock: Lock,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | NotSignedIn:
    """Open the sign-in if the answer proves a factor; failures count as wrong passwords do (S6)."""
    admin, address = row.admin, provenance.address
    take_turn(db, email=admin.email, address=address)
    db.refresh(row)
    if row.closed_at is not None:
        return NotSignedIn(answer.problem)
    if throttled := _throttle(db, admin, answer, address=address, now=now):
        record_failure(db, admin.email, admin, "throttled", provenance, now)
        return throttled
    kind = factors.prove(
        db, admin, answer, question=question(row), lock=lock, provenance=provenance, now=now
    )
    if kind is None:
        _note_wrong_factor(db, admin, answer, provenance=provenance, now=now)
        return NotSignedIn(answer.problem)
    row.closed_at = now
    sign_in_alerts.forget_begun(db, admin)
    method = f"{row.method}+{kind}"
    return open_sign_in(db, admin, method=method, verified_at=now, provenance=provenance, now=now)


def sign_in_by_passkey(
    db: Session,
    credential: str,
    *,
    lock: Lock,
    company: CompanyRules = NO_COMPANY,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | NotSignedIn:
    """Sign in whoever's passkey has answered: it has seen that it is they, so it is enough.

    Unless the company's rules shut them out, who then come by the company.
    """
    address = provenance.address
    # Nothing is proved yet. No stranger knows what a passkey is called, though, so whoever does is
    # counted as its owner; of others what counts is where they are.
    claimed = passkeys.claimed(db, credential)
    owner = db.get_one(Admin, claimed.admin_id) if claimed else None
    place = f"a passkey of {owner.id}" if owner else f"a passkey from {network(address)}"
    take_turn(db, email=place, address=address)
    if throttled := throttle(db, owner, email=place, address=address, now=now):
        record_failure(db, "", None, "throttled", provenance, now)
        return throttled
    found = passkeys.proved(db, lock.site, ANYBODYS_PASSKEY, credential, now=now)
    admin = db.get_one(Admin, found.admin_id) if found else None
    if found is None or admin is None or admin.is_disabled:
        note_attempt(db, email=place, address=address, now=now)
        record_failure(db, "", admin, "wrong_passkey", provenance, now)
        return NotSignedIn(PASSKEY_NOT_GOOD)
    if company.shuts_out(db, admin, by_factor=True):
        note_attempt(db, email=place, address=address, now=now)
        record_failure(db, admin.email, admin, "company_alone", provenance, now)
        return NotSignedIn(BY_COMPANY_ALONE)
    found.last_used_at = now
    return open_sign_in(
        db, admin, method=Method.PASSKEY, verified_at=now, provenance=provenance, now=now
    )


def _throttle(
    db: Session, admin: Admin, answer: Answer, *, address: str, now: datetime
) -> NotSignedIn | None:
    throttled = throttle(db, admin, email=admin.email, address=address, now=now)
    if throttled or answer.credential:
        return throttled
    wait = factor_throttles.code_wait(db, admin, address=address, now=now)
    return NotSignedIn(wait_sentence(wait), wait) if wait else None


def _note_wrong_factor(
    db: Session, admin: Admin, answer: Answer, *, provenance: Provenance, now: datetime
) -> None:
    note_attempt(db, email=admin.email, address=provenance.address, now=now)
    if not answer.credential:
        factor_throttles.count_wrong_code(db, admin, address=provenance.address, now=now)
    record_failure(db, admin.email, admin, "wrong_factor", provenance, now)
    sign_in_alerts.watch_wrong_factor(db, admin, provenance=provenance, now=now)
