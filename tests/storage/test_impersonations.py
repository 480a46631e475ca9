"""Which sessions are running, and that finding them costs nothing however long the past is."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.storage.admins import Admin
from app.storage.impersonations import (
    LIFETIME,
    active_impersonations,
    open_impersonations,
)
from app.storage.members import Member
from tests import factories
from tests.conftest import on_sqlite


@pytest.fixture
def two_running(db: Session, ada: Admin, cy: Admin, mia: Member, now: datetime) -> list[str]:
    """The ids of two sessions, of which the second is a minute younger."""
    pairs = ((ada, now), (cy, now + timedelta(minutes=1)))
    return [
        factories.start(db, impersonator=admin, target=mia, now=began).impersonation.id
        for admin, began in pairs
    ]


def test_the_oldest_open_session_comes_first(db: Session, two_running: list[str]) -> None:
    assert [one.id for one in open_impersonations(db)] == two_running


def test_the_newest_live_session_comes_first(
    db: Session, two_running: list[str], now: datetime
) -> None:
    later = now + timedelta(minutes=1)
    assert [one.id for one in active_impersonations(db, now=later)] == two_running[::-1]


def test_a_session_whose_time_is_over_is_open_and_not_live(
    db: Session, two_running: list[str], now: datetime
) -> None:
    first, second = two_running
    assert [one.id for one in active_impersonations(db, now=now + LIFETIME)] == [second]
    assert [one.id for one in open_impersonations(db)] == [first, second]


@on_sqlite
def test_open_sessions_are_found_by_an_index_of_their_own(
    db: Session, two_running: list[str]
) -> None:
    asked: list[str] = []
    connection = db.connection()
    event.listen(connection, "before_cursor_execute", lambda *args: asked.append(args[2]))
    open_impersonations(db)
    # Whatever was waiting to be written came before.
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1]}")
    assert any("uq_impersonations_active_impersonator" in row[3] for row in plan)
