"""How many rows a table has: exact while it is small, and never counted when it is not."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.storage import sizes
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.members import Member
from app.storage.sizes import Size, count, size_of
from tests import owner
from tests.conftest import on_postgresql, on_sqlite


def test_a_small_table_is_told_exactly(db: Session) -> None:
    assert size_of(db, Account) == Size(4)
    assert size_of(db, Member) == Size(8)


@on_sqlite
def test_a_large_table_is_told_by_its_last_row(
    db: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "MOST_COUNTED", 5)
    assert size_of(db, Member) == Size(8, is_estimated=True)


@on_postgresql
def test_a_large_table_is_told_by_the_last_estimate(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "MOST_COUNTED", 5)
    with database.unit_of_work(writing=False) as db:
        # Nobody has made one yet: it is counted, but not to the end.
        assert size_of(db, Member) == Size(5, is_estimated=True)
    with owner.as_owner(database_url) as db:
        db.execute(text("ANALYZE members"))
    with database.unit_of_work(writing=False) as db:
        assert size_of(db, Member) == Size(8, is_estimated=True)


def test_counting_stops(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MOST_COUNTED", 7)
    assert count(db, select(Member.id)) == Size(7, is_estimated=True)
    assert count(db, select(Account.id)) == Size(4)
