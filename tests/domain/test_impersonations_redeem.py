"""Exchanging the hand-off ticket, once."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import endings, handoffs, impersonations
from app.domain.audit_trail import AuditAction, Provenance
from app.domain.impersonations import Started
from app.domain.policies import Refusal
from app.storage.admins import Admin
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.domain.ground import Lose, each_way_to_lose_the_ground
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together

SOMEWHERE_ELSE = Provenance(address="198.51.100.9", user_agent="curl", request_id="request-2")


def redeem(db: Session, ticket: str, now: datetime) -> Impersonation | None:
    return impersonations.redeem(db, ticket=ticket, provenance=FROM_THE_OFFICE, now=now)


def refusals(db: Session) -> list[str]:
    return [event.details["why"] for event in trail.events(db, AuditAction.HANDOFF_REFUSED)]


@pytest.mark.requirement("H2")
def test_a_ticket_opens_its_session(db: Session, started: Started, now: datetime) -> None:
    later = now + timedelta(seconds=2)
    assert redeem(db, started.ticket, later) is started.impersonation
    assert started.impersonation.opened_at == later
    event = trail.only(db, AuditAction.HANDOFF_REDEEMED)
    assert (event.actor_id, event.subject_id) == ("ada", "mia")
    assert event.details == {"through": "", "claimed": False}


@pytest.mark.requirement("I1")
def test_opening_late_does_not_make_the_session_longer(
    db: Session, started: Started, now: datetime
) -> None:
    redeem(db, started.ticket, now + timedelta(seconds=59))
    assert started.impersonation.expires_at == now + timedelta(seconds=1200)


@pytest.mark.requirement("H2")
@pytest.mark.parametrize("ticket", ["", "no ticket at all", "\ud800", "x" * 9000])
def test_an_unknown_ticket_opens_nothing(db: Session, now: datetime, ticket: str) -> None:
    assert redeem(db, ticket, now) is None
    assert trail.actions(db) == []


@pytest.mark.requirement("H2")
def test_a_ticket_is_good_for_a_minute(db: Session, started: Started, now: datetime) -> None:
    assert redeem(db, started.ticket, now + timedelta(seconds=59.999999)) is not None
    assert refusals(db) == []


@pytest.mark.requirement("H2")
@fails_without(line(handoffs.consume, ", Handoff.expires_at > now"))
@pytest.mark.parametrize("seconds", [60, 61])
def test_a_ticket_is_no_good_after_it(
    db: Session, started: Started, now: datetime, seconds: int
) -> None:
    assert redeem(db, started.ticket, now + timedelta(seconds=seconds)) is None
    assert refusals(db) == ["expired"]


@pytest.mark.requirement("H2")
@fails_without(line(handoffs.consume, "used=handoff.used_at is not None", "used=True"))
def test_an_old_ticket_that_nobody_used_betrays_nobody(
    db: Session, started: Started, now: datetime
) -> None:
    redeem(db, started.ticket, now + timedelta(seconds=60))
    assert started.impersonation.ended_at is None


@pytest.mark.requirement("H3")
@pytest.mark.failure("X18")
@fails_without(
    together(
        line(handoffs.consume, "Handoff.used_at.is_(None), "),
        line(impersonations.redeem, " and impersonation.opened_at is not None", " and False"),
    ),
    line(impersonations.redeem, "if consumed.used or", "if consumed.used and"),
)
def test_a_ticket_used_twice_ends_its_session(db: Session, started: Started, now: datetime) -> None:
    redeem(db, started.ticket, now)
    second = impersonations.redeem(
        db, ticket=started.ticket, provenance=SOMEWHERE_ELSE, now=now + timedelta(seconds=5)
    )
    assert second is None
    assert started.impersonation.end_reason == EndReason.TICKET_REUSED
    event = trail.only(db, AuditAction.HANDOFF_REFUSED)
    assert (event.details["why"], event.address) == ("used", "198.51.100.9")
    assert (event.actor_kind, event.actor_id) == ("stranger", None)


@pytest.mark.requirement("H3")
@pytest.mark.failure("X20")
@fails_without(
    line(impersonations.redeem, " or (consumed.good and impersonation.opened_at is not None)")
)
def test_another_ticket_of_an_open_session_ends_it(
    db: Session, started: Started, now: datetime
) -> None:
    another = handoffs.issue(db, started.impersonation, now=now)
    assert redeem(db, started.ticket, now)
    assert redeem(db, another, now) is None
    assert started.impersonation.end_reason == EndReason.TICKET_REUSED
    assert refusals(db) == ["used"]


@pytest.mark.requirement("H3")
@fails_without(line(impersonations.redeem, "consumed.used or "))
def test_a_used_ticket_ends_its_session_after_its_minute_too(
    db: Session, opened: Impersonation, started: Started, now: datetime
) -> None:
    assert redeem(db, started.ticket, now + timedelta(minutes=2)) is None
    assert opened.end_reason == EndReason.TICKET_REUSED


@pytest.mark.requirement("H3", "I4")
@fails_without(line(endings.end, ", Impersonation.ended_at.is_(None)"))
def test_a_third_use_is_recorded_but_ends_nothing_again(
    db: Session, opened: Impersonation, started: Started, now: datetime
) -> None:
    redeem(db, started.ticket, now)
    redeem(db, started.ticket, now)
    assert refusals(db) == ["used", "used"]
    trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert opened.end_reason == EndReason.TICKET_REUSED


@fails_without(line(endings.still_live, "if impersonation.ended_at is not None", "if False"))
def test_the_ticket_of_an_ended_session_opens_nothing(
    db: Session, started: Started, cy: Admin, now: datetime
) -> None:
    endings.end(
        db,
        started.impersonation,
        why=EndReason.ADMIN_ENDED,
        by=cy,
        provenance=FROM_THE_OFFICE,
        now=now,
    )
    assert redeem(db, started.ticket, now) is None
    assert refusals(db) == ["ended"]
    assert started.impersonation.end_reason == EndReason.ADMIN_ENDED


def test_the_ticket_of_a_replaced_session_opens_nothing(
    db: Session, started: Started, ada: Admin, eve: Member, now: datetime
) -> None:
    newer = factories.start(db, impersonator=ada, target=eve, now=now)
    assert redeem(db, started.ticket, now) is None
    assert redeem(db, newer.ticket, now) is newer.impersonation


@pytest.mark.requirement("A2", "A3")
@fails_without(
    line(
        impersonations.redeem,
        "if not endings.still_live(db, impersonation, provenance=provenance, now=now)",
        "if False",
    )
)
@each_way_to_lose_the_ground
@pytest.mark.failure("X14")
def test_ground_lost_between_start_and_hand_off_ends_the_session(
    db: Session, started: Started, now: datetime, lose: Lose, refusal: Refusal
) -> None:
    impersonation = started.impersonation
    lose(db, impersonation.impersonator, impersonation.target)
    assert redeem(db, started.ticket, now) is None
    assert impersonation.end_reason == refusal.end_reason
    assert impersonation.opened_at is None
    assert trail.actions(db)[1:] == ["impersonation.ended", "handoff.refused"]
