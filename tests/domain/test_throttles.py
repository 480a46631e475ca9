"""Who has done something too often waits: starts, and requests of programs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import impersonations, throttles
from app.domain.errors import Throttled
from app.domain.start_limits import StartLimits
from app.domain.throttles import Grant, is_told
from app.storage.admins import Admin
from app.storage.members import Member
from tests import factories
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TWO = StartLimits(per_hour=2)


def start(db: Session, admin: Admin, target: Member, now: datetime, limits: StartLimits) -> None:
    factories.start(db, impersonator=admin, target=target, now=now, limits=limits)


def test_one_of_a_run_is_told_and_each_tenth_part_of_what_follows() -> None:
    assert [count for count in range(1, 2000) if is_told(count)] == [1, 10, 100, 1000]


@pytest.mark.requirement("S6")
@pytest.mark.failure("X23")
@fails_without(
    line(impersonations.check_policy, "Refusal.STARTS_THROTTLED if wait else None", "None")
)
def test_an_admin_starts_so_many_sessions_in_an_hour_and_no_more(
    db: Session, ada: Admin, cy: Admin, mia: Member, now: datetime
) -> None:
    start(db, ada, mia, now, TWO)
    start(db, ada, mia, now + 20 * MINUTE, TWO)
    with pytest.raises(Throttled, match=r"within an hour: the next can start in 18 min") as refused:
        start(db, ada, mia, now + 42.5 * MINUTE, TWO)
    assert refused.value.retry_after == 17.5 * MINUTE
    start(db, cy, mia, now + 42.5 * MINUTE, TWO)
    start(db, ada, mia, now + HOUR, TWO)


@pytest.mark.requirement("L1", "S6")
@fails_without(
    line(
        impersonations.check_policy,
        "raise Throttled(sentence, retry_after=wait, code=refusal, event=refused)",
        "raise Throttled(sentence, retry_after=wait)",
    )
)
def test_a_start_too_many_is_refused_on_record(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    limits = StartLimits(per_hour=1)
    start(db, ada, mia, now, limits)
    with pytest.raises(Throttled) as refused:
        start(db, ada, mia, now, limits)
    event = refused.value.event
    assert event is not None
    assert (event.action, event.details["why"]) == ("impersonation.refused", "starts_throttled")
    assert (event.actor_id, event.subject_id, event.reason) == (
        "ada",
        "mia",
        "Her template is broken",
    )


def test_without_a_limit_nobody_waits(db: Session, ada: Admin, mia: Member, now: datetime) -> None:
    for _ in range(3):
        start(db, ada, mia, now, replace(TWO, per_hour=0))


def share(db: Session, now: datetime, *, most: int) -> Grant:
    return throttles.grant_requests(db, "a key", most=most, provenance=FROM_THE_OFFICE, now=now)


@pytest.mark.requirement("P5")
@fails_without(
    line(
        throttles.grant_requests,
        "min(share, most - (run.count - share))",
        "share if run.count <= 2 * most else 0",
    )
)
@pytest.mark.parametrize("most", [1, 7, 99, 250, 60_000])
def test_all_shares_together_are_what_a_key_may_send(db: Session, now: datetime, most: int) -> None:
    granted = 0
    while got := share(db, now, most=most).requests:
        granted += got
    assert granted == most
    assert share(db, now + 0.9 * MINUTE, most=most) == Grant(0, now + MINUTE)
    assert share(db, now + MINUTE, most=most).requests > 0


@pytest.mark.requirement("P5")
def test_a_share_is_small_enough_to_be_spent_and_large_enough_to_be_rare(
    db: Session, now: datetime
) -> None:
    assert share(db, now, most=60_000).requests == 600


@pytest.mark.requirement("S6")
@fails_without(line(throttles.check_failed_keys, "if run is not None and", "if False and"))
def test_an_address_without_a_good_key_is_told_to_wait(db: Session, now: datetime) -> None:
    address = FROM_THE_OFFICE.address
    for _ in range(100):
        throttles.check_failed_keys(db, address=address, now=now)
        throttles.count_failed_key(db, provenance=FROM_THE_OFFICE, now=now)
    with pytest.raises(Throttled) as refused:
        throttles.check_failed_keys(db, address=address, now=now + 5 * MINUTE)
    assert refused.value.retry_after == 10 * MINUTE
    throttles.check_failed_keys(db, address="198.51.100.1", now=now)
    throttles.check_failed_keys(db, address=address, now=now + 15 * MINUTE)
