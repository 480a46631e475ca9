"""How long a copy that does not go waits, and what is told of the copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import worker
from app.domain import audit_copies
from app.domain.alerts import ALERTS
from app.domain.audit_copies import Batch, CannotSend, Copy, Courier, Record, copies
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.storage.admins import Admin
from app.storage.database import Database
from tests import factories, trail
from tests.copying import record
from tests.owner import as_owner
from tests.twins import fails_without, line


@dataclass
class Nowhere:
    """A place that nothing is sent to here."""

    name: str = "nowhere"
    takes_checkpoints: bool = False
    topics: frozenset[str] | None = None

    def send(self, records: Sequence[Record], *, now: datetime) -> None:
        raise CannotSend("it is nowhere")


@pytest.fixture
def courier() -> Courier:
    return Courier(Nowhere())


KIM: dict[str, Any] = {"details": {"admin_id": "kim", "admin": "kim@example.com"}}
REFUSED = CannotSend("it answered 503")
BATCH = Batch([], last_event_id=2, last_checkpoint_size=0, missing=0)


def waits(db: Session, courier: Courier, now: datetime, *, times: int) -> list[int]:
    """Let it fail so often; return how many seconds it waits after each."""
    found = []
    for _ in range(times):
        courier.failed(db, REFUSED, now=now)
        assert courier.again_at
        found.append(round((courier.again_at - now).total_seconds()))
    return found


def test_it_waits_longer_each_time_but_never_long(
    db: Session, courier: Courier, now: datetime
) -> None:
    assert courier.is_due(now=now)
    assert waits(db, courier, now, times=9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not courier.is_due(now=now + timedelta(seconds=59))
    assert courier.is_due(now=now + timedelta(seconds=60))


def test_once_it_goes_it_does_not_wait(db: Session, courier: Courier, now: datetime) -> None:
    waits(db, courier, now, times=9)
    courier.went(db, BATCH, now=now)
    assert courier.is_due(now=now)
    assert waits(db, courier, now, times=1) == [1]


@pytest.mark.requirement("F5")
@fails_without(line(Courier.is_due, " <= now + LONGEST_WAIT"))
def test_a_clock_that_is_set_back_does_not_stop_it(
    db: Session, courier: Courier, now: datetime
) -> None:
    courier.failed(db, REFUSED, now=now)
    assert courier.is_due(now=now - timedelta(hours=1))


def test_the_same_problem_is_news_once(db: Session, courier: Courier, now: datetime) -> None:
    assert courier.failed(db, REFUSED, now=now)
    assert not courier.failed(db, REFUSED, now=now + timedelta(seconds=1))
    (told,) = copies(db, ["nowhere"])
    assert (told.problem, told.at) == ("it answered 503", now)
    assert courier.failed(db, CannotSend("another"), now=now)
    courier.went(db, BATCH, now=now)
    assert courier.failed(db, REFUSED, now=now)


@pytest.mark.requirement("L14")
@fails_without(
    line(audit_copies._ahead, "number > size or copy.problem == problem", "number > size")
)
@pytest.mark.parametrize("name", ["last_event_id", "last_checkpoint_size"])
def test_a_copy_that_is_ahead_of_the_trail_stands_still_until_somebody_puts_it_right(
    database: Database, database_url: str, courier: Courier, now: datetime, name: str
) -> None:
    """When the trail has grown as far, what was recorded in between would be left out."""
    record(database, 3, now=now)
    with database.unit_of_work(writing=True) as db:
        courier.went(db, BATCH, now=now)
        db.execute(text(f"UPDATE audit_copies SET {name} = 5"))
    assert worker.copy_trail(database, courier, now=now) is None
    record(database, 9, now=now)
    assert worker.copy_trail(database, courier, now=now + timedelta(days=1)) is None
    with database.unit_of_work(writing=False) as db:
        (told,) = copies(db, ["nowhere"])
    with as_owner(database_url) as db:
        db.execute(text("DELETE FROM audit_copies"))
        assert courier.next_batch(db) is not None
    assert told.is_ahead
    assert told.problem == "it is said to have come to event 5, which was never recorded"


def test_each_copy_is_told_by_its_name(database: Database, courier: Courier, now: datetime) -> None:
    record(database, 5, now=now)
    with database.unit_of_work(writing=True) as db:
        courier.went(db, BATCH, now=now)
        assert copies(db, ["new", "nowhere"]) == [
            Copy("new", last_event_id=0, behind=5, at=None, problem=None),
            Copy("nowhere", last_event_id=2, behind=3, at=now, problem=None),
        ]


def told(courier: Courier, db: Session, now: datetime) -> list[str]:
    """Bring what there is; return what it was about."""
    batch = courier.next_batch(db)
    if batch is None:
        return []
    courier.went(db, batch, now=now)
    return [one.topic for one in batch.records]


@pytest.mark.requirement("O3")
def test_who_is_told_of_alerts_is_told_of_what_happens_from_then_on(
    db: Session, omar: Admin, now: datetime
) -> None:
    courier = Courier(Nowhere(topics=ALERTS))
    factories.alarm(db, now=now, actor=omar)
    trail.events(db)
    assert told(courier, db, now) == []
    for number in range(2):
        append(db, event(AuditAction.ADMIN_ENABLED, now=now, provenance=OPERATOR, **KIM))
        factories.alarm(db, now=now + timedelta(hours=number + 1), actor=omar)
    trail.events(db)
    assert told(courier, db, now) == ["alert.raised"] * 2
    assert courier.next_batch(db) is None
    (place,) = copies(db, ["nowhere"])
    assert place.behind == 0
