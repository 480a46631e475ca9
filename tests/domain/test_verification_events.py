"""What verifying has found is told once for as long as it is the same."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import verification_events
from app.domain.audit_scan import Finding
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.audit_verification import Verdict
from tests import trail

GOOD = Verdict(first=1, last=9, head=bytes(32), checkpoints=2)
BAD = Verdict(first=1, last=4, head=bytes(32), finding=Finding("changed", 5, 5))


def record(db: Session, verdict: Verdict, now: datetime) -> None:
    verification_events.record(db, verdict, by="a test", provenance=OPERATOR, now=now)


def told(db: Session) -> list[str]:
    actions = [action for action in trail.actions(db) if action.startswith("audit.")]
    return [action.removeprefix("audit.") for action in actions]


def test_a_good_verdict_says_how_far_it_went(db: Session, now: datetime) -> None:
    record(db, GOOD, now)
    event = trail.only(db, AuditAction.AUDIT_VERIFIED)
    assert (event.details["by"], event.details["last"], event.outcome) == ("a test", 9, "succeeded")


def test_the_same_doubt_is_told_once(db: Session, now: datetime) -> None:
    for _ in range(3):
        record(db, BAD, now)
        trail.actions(db)
    assert told(db) == ["doubted"]


def test_a_doubt_that_comes_back_is_told_again(db: Session, now: datetime) -> None:
    for verdict in (BAD, GOOD, BAD):
        record(db, verdict, now)
        trail.actions(db)
    assert told(db) == ["doubted", "verified", "doubted"]
