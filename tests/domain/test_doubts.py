"""What was found about the trail keeps sessions from starting until it is cleared or answered."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from app.domain import doubts, impersonations, verification_events
from app.domain.audit_scan import Finding
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.audit_verification import Verdict
from app.domain.errors import Conflict, Halted
from app.storage.admins import Admin
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("F10")

CHANGED, CUT_OFF = Finding("changed", 5, 5), Finding("cut_off", 5, 9)


def find(db: Session, finding: Finding, now: datetime) -> None:
    verification_events.record_doubt(db, finding, by="a test", provenance=OPERATOR, now=now)
    trail.events(db)


def verified(
    db: Session, now: datetime, *, first: int = 1, last: int = 20, furthest_kept: int = 0
) -> None:
    verdict = Verdict(first=first, last=last, head=bytes(32), furthest_kept=furthest_kept)
    verification_events.record(db, verdict, by="a test", provenance=OPERATOR, now=now)
    trail.events(db)


def standing(db: Session) -> list[object]:
    return [doubt.kind for doubt in doubts.standing(db)]


def acknowledge(db: Session, now: datetime) -> None:
    doubt = doubts.unacknowledged(db)
    assert doubt is not None
    ada = db.get_one(Admin, "ada")
    doubts.acknowledge(db, doubt.number, by=ada, provenance=FROM_THE_OFFICE, now=now)
    trail.events(db)


@fails_without(
    line(
        impersonations.check_policy, "if refusal is None and doubts.unacknowledged(db)", "if False"
    )
)
def test_no_session_starts_until_a_superadmin_has_acknowledged_it(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    find(db, CHANGED, now)
    with pytest.raises(Halted, match="superadmin has to acknowledge") as refusal:
        factories.start(db, impersonator=ada, target=mia, now=now)
    refused = refusal.value.event
    assert refused is not None
    assert (refused.action, refused.facts) == (
        "impersonation.refused",
        '{"claimed":false,"through":"","why":"trail_doubted"}',
    )
    acknowledge(db, now)
    assert factories.start(db, impersonator=ada, target=mia, now=now)


def test_a_session_that_runs_goes_on(db: Session, opened: Impersonation, now: datetime) -> None:
    find(db, CHANGED, now)
    assert opened.ended_at is None
    assert trail.events(db, AuditAction.IMPERSONATION_ENDED) == []


@fails_without(
    line(doubts.acknowledge, "if doubt is None or doubt.number != number", "if doubt is None")
)
def test_what_is_found_after_that_has_to_be_acknowledged_too(db: Session, now: datetime) -> None:
    find(db, CHANGED, now)
    acknowledge(db, now)
    assert doubts.unacknowledged(db) is None
    assert standing(db) == ["changed"]
    find(db, CUT_OFF, now)
    assert doubts.unacknowledged(db) is not None
    with pytest.raises(Conflict, match="Something else"):
        doubts.acknowledge(db, 1, by=db.get_one(Admin, "ada"), provenance=FROM_THE_OFFICE, now=now)


@fails_without(line(doubts.acknowledge, "doubt is None or doubt.number != number", "False"))
def test_nothing_can_be_acknowledged_where_nothing_was_found(
    db: Session, ada: Admin, now: datetime
) -> None:
    with pytest.raises(Conflict, match="Nothing waits"):
        doubts.acknowledge(db, 1, by=ada, provenance=FROM_THE_OFFICE, now=now)


@fails_without(
    line(doubts.Doubt.is_cleared_by, "(first or 0) <= (self.first or 0) <= (last or 0)", "True")
)
def test_verifying_the_place_again_clears_it(db: Session, now: datetime) -> None:
    find(db, CHANGED, now)
    for first, last in ((6, 20), (1, 4)):
        verified(db, now, first=first, last=last)
        assert standing(db) == ["changed"]
    verified(db, now, first=5, last=20)
    assert standing(db) == []
    assert doubts.unacknowledged(db) is None


@fails_without(
    line(doubts.Doubt.is_cleared_by, "if self.kind in SHOWN_FROM_OUTSIDE and", "if False and")
)
@pytest.mark.parametrize("kind", ["cut_off", "rewritten", "split"])
def test_what_only_a_kept_checkpoint_shows_only_such_a_one_clears(
    db: Session, now: datetime, kind: str
) -> None:
    """Without it the database would be its own witness."""
    find(db, Finding(kind, 5, 9), now)
    for furthest in (0, 8):
        verified(db, now, furthest_kept=furthest)
        assert standing(db) == [kind]
    verified(db, now, furthest_kept=9)
    assert standing(db) == []


@fails_without(
    line(doubts.Doubt.is_cleared_by, "if self.kind in SHOWN_FROM_OUTSIDE and", "if False and")
)
def test_clearing_one_finding_does_not_hide_an_older_one(db: Session, now: datetime) -> None:
    find(db, CUT_OFF, now)
    find(db, CHANGED, now)
    verified(db, now)
    assert standing(db) == ["cut_off"]


@fails_without(
    line(
        verification_events.record_doubt,
        '(facts.get("kind"), facts.get("last")) == (finding.kind, finding.last)',
        'facts.get("first") == finding.first',
    )
)
def test_what_was_cut_off_is_told_once_however_the_trail_grows(db: Session, now: datetime) -> None:
    """It begins further on with each event, also with that of the finding itself."""
    for first in (5, 6, 7):
        find(db, Finding("cut_off", first, 9), now)
    assert len(trail.events(db, AuditAction.AUDIT_DOUBTED)) == 1
