"""Step-up: what is dangerous needs a factor that was proved a few minutes ago (S9)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain import factor_throttles, factors, sign_in_alerts, sign_ins
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.authentication import wait_sentence
from app.domain.factors import Answer, Lock
from app.domain.passkey_challenges import Question
from app.domain.sign_ins import SignedIn
from app.storage import locks
from app.storage.admins import SignIn
from app.storage.clocks import CLOCKS_DIFFER_BY
from app.storage.factors import Purpose, has_factors


@dataclass(frozen=True)
class Rules:
    """`fresh_for` is how long a proof is good; with `required` every admin must have a factor."""

    fresh_for: timedelta = timedelta(minutes=10)
    required: bool = True


@dataclass(frozen=True)
class NotProved:
    """Why the step-up did not succeed, in a sentence."""

    sentence: str


def is_fresh(row: SignIn, rules: Rules, *, now: datetime) -> bool:
    """Whether a factor was proved recently enough.

    A clock that was put back makes no proof good for longer (R5).
    """
    if row.verified_at is None:
        return False
    return -CLOCKS_DIFFER_BY <= now - row.verified_at <= rules.fresh_for


def is_needed(db: Session, row: SignIn, rules: Rules, *, now: datetime) -> bool:
    """Whether the admin has to prove a factor first.

    Nobody is asked who has none, where none is required; everybody else is.
    """
    if is_fresh(row, rules, now=now):
        return False
    return rules.required or has_factors(db, row.admin_id)


def question(row: SignIn) -> Question:
    """Return what a passkey is asked for at a step-up of this sign-in."""
    return Question(Purpose.STEP_UP, row.id)


def prove(
    db: Session,
    row: SignIn,
    answer: Answer,
    *,
    lock: Lock,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | NotProved:
    """Note that a factor was proved, and give the sign-in another id (S2).

    A failure is recorded, and counts in this sign-in as a wrong password does elsewhere: who sits
    down at an open computer guesses no faster here, and nobody else makes anybody wait.
    """
    admin = row.admin
    # Of many guesses at once each would find the counter as it was before all of them.
    locks.take(db, f"step-up in {row.id}")
    by_code = not answer.credential
    if wait := factor_throttles.step_up_wait(db, row.id, by_code=by_code, now=now):
        _record_failure(db, row, "throttled", provenance, now)
        return NotProved(wait_sentence(wait))
    kind = factors.prove(
        db, admin, answer, question=question(row), lock=lock, provenance=provenance, now=now
    )
    if kind is None:
        factor_throttles.count_failed_step_up(db, row.id, now=now)
        _record_failure(db, row, "wrong_factor", provenance, now)
        sign_in_alerts.watch_failed_step_up(db, admin, provenance=provenance, now=now)
        return NotProved(answer.problem)
    succeeded = AuditAction.STEP_UP_SUCCEEDED
    details = {"factor": kind}
    append(db, event(succeeded, now=now, provenance=provenance, actor=admin, details=details))
    return sign_ins.renew(row, now=now)


def _record_failure(
    db: Session, row: SignIn, why: str, provenance: Provenance, now: datetime
) -> None:
    append(
        db,
        event(
            AuditAction.STEP_UP_FAILED,
            now=now,
            provenance=provenance,
            actor=row.admin,
            outcome=Outcome.REFUSED,
            details={"why": why},
        ),
    )
