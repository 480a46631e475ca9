"""A request that was sent before starts nothing, and opens what it has started."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import impersonations, repeats
from app.domain.errors import Reused
from app.domain.repeats import Repeated, repeat
from app.storage.admins import Admin
from app.storage.impersonations import EndReason, Handoff
from app.storage.members import Member
from tests import factories, trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

KEY = "request 1"


def again(db: Session, ada: Admin, mia: Member, now: datetime, **more: Any) -> Repeated | None:
    wanted: dict[str, Any] = {"reason": "Her template is broken", "ticket_url": "", "form_key": KEY}
    return repeat(
        db, impersonator=ada, target=mia, provenance=FROM_THE_OFFICE, now=now, **wanted | more
    )


def test_what_was_not_sent_before_is_none(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    assert again(db, ada, mia, now) is None
    factories.start(db, impersonator=ada, target=mia, form_key=KEY, now=now)
    assert again(db, ada, mia, now, form_key="request 2") is None


@pytest.mark.requirement("P5")
@fails_without(line(repeats.repeat, "now=earlier.started_at)", "now=now)"))
def test_what_was_sent_before_gets_another_ticket_that_lasts_no_longer(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    started = factories.start(db, impersonator=ada, target=mia, form_key=KEY, now=now)
    repeated = again(db, ada, mia, now + timedelta(seconds=30), reason=" Her template is broken ")
    assert repeated
    assert repeated.impersonation is started.impersonation
    assert repeated.ticket
    assert repeated.ticket != started.ticket
    assert set(db.scalars(select(Handoff.expires_at))) == {now + timedelta(minutes=1)}
    opened = impersonations.redeem(
        db, ticket=repeated.ticket, provenance=FROM_THE_OFFICE, now=now + timedelta(seconds=59)
    )
    assert opened is started.impersonation


@pytest.mark.requirement("A2", "P5")
@fails_without(
    line(
        repeats.repeat,
        "live = endings.still_live(db, earlier, provenance=provenance, now=now)",
        "live = True",
    )
)
def test_a_session_whose_ground_is_gone_ends_instead(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    factories.start(db, impersonator=ada, target=mia, form_key=KEY, now=now)
    mia.protected = True
    repeated = again(db, ada, mia, now)
    assert repeated
    assert repeated.ticket is None
    assert repeated.impersonation.end_reason == EndReason.MEMBER_UNAVAILABLE


@pytest.mark.requirement("P5")
@fails_without(
    line(
        repeats.repeat,
        "if (earlier.target_id, earlier.reason, earlier.ticket_url) != asked",
        "if False",
    )
)
def test_another_request_under_the_same_key_is_refused(
    db: Session, ada: Admin, mia: Member, eve: Member, now: datetime
) -> None:
    factories.start(db, impersonator=ada, target=mia, form_key=KEY, now=now)
    with pytest.raises(Reused):
        again(db, ada, eve, now)
    for name in ("reason", "ticket_url"):
        with pytest.raises(Reused):
            again(db, ada, mia, now, **{name: "https://t.example/7"})
    assert trail.actions(db) == ["impersonation.started"]
