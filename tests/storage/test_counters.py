"""Counters that all workers share: each counts for a while and then begins anew."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.storage import counters
from app.storage.counters import Counter, Run
from tests.twins import fails_without, line, together, value

MINUTE = timedelta(minutes=1)


def count(db: Session, now: datetime, *, steps: int = 1, name: str = "it") -> int:
    return counters.add(db, {name: MINUTE}, now=now, steps=steps)[name].count


def test_each_time_counts(db: Session, now: datetime) -> None:
    assert [count(db, now) for _ in range(3)] == [1, 2, 3]
    assert count(db, now, steps=10) == 13


def test_several_are_counted_at_once_each_for_a_while_of_its_own(
    db: Session, now: datetime
) -> None:
    count(db, now, name="a")
    counted = counters.add(db, {"b": MINUTE, "a": 2 * MINUTE}, now=now + MINUTE / 2)
    assert counted == {
        "a": Run(2, now + MINUTE / 2, now + MINUTE),
        "b": Run(1, now + MINUTE / 2, now + MINUTE * 3 / 2),
    }


def test_a_run_ends_where_it_began_to_end_however_often_is_counted(
    db: Session, now: datetime
) -> None:
    count(db, now)
    assert count(db, now + MINUTE * 0.99) == 2
    assert count(db, now + MINUTE) == 1


@pytest.mark.requirement("R5")
@fails_without(
    together(
        value(counters, "_statement", counters._statement.__wrapped__),
        line(counters._statement, " | (columns.until > new.until)"),
    )
)
def test_a_run_of_a_clock_that_was_ahead_is_over(db: Session, now: datetime) -> None:
    count(db, now + timedelta(days=1))
    assert count(db, now) == 1


def test_a_run_that_is_over_is_not_told(db: Session, now: datetime) -> None:
    count(db, now)
    assert counters.runs(db, ["it", "another"], now=now) == {"it": Run(1, now, now + MINUTE)}
    assert counters.runs(db, ["it"], now=now + MINUTE) == {}


def test_what_is_over_is_forgotten_and_nothing_else(db: Session, now: datetime) -> None:
    count(db, now)
    count(db, now + MINUTE, name="another")
    assert not counters.has_any_over(db, now=now)
    assert counters.has_any_over(db, now=now + MINUTE)
    counters.forget(db, now=now + MINUTE)
    assert db.scalars(select(Counter.name)).all() == ["another"]
    assert db.scalar(select(func.count()).select_from(Counter)) == 1
