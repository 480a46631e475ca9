from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import text

from app.product.database import Database
from app.product.models.accounts import Account
from tests.product.cast import Cast


def test_writers_take_turns_and_lose_nothing(database: Database, cast: Cast) -> None:
    def count_up(_: int) -> None:
        with database.session(writing=True) as db, db.begin():
            account = db.get_one(Account, cast.harbour_id)
            account.plan = str(int(account.plan) + 1)

    with database.session(writing=True) as db, db.begin():
        db.get_one(Account, cast.harbour_id).plan = "0"
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(count_up, range(40)))
    with database.session(writing=False) as db:
        assert db.get_one(Account, cast.harbour_id).plan == "40"


def test_moments_are_kept_in_utc_and_come_back_aware(database: Database, cast: Cast) -> None:
    here = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    with database.session(writing=True) as db, db.begin():
        db.get_one(Account, cast.harbour_id).created_at = here
    with database.session(writing=False) as db:
        assert db.get_one(Account, cast.harbour_id).created_at == here.astimezone(UTC)
        stored = db.scalar(text("SELECT created_at FROM accounts WHERE id = 'harbour'"))
    assert stored == "2026-02-28 22:30:00.000000"


def test_foreign_keys_hold(database: Database) -> None:
    with database.session(writing=False) as db:
        assert db.scalar(text("PRAGMA foreign_keys")) == 1
        assert db.scalar(text("PRAGMA journal_mode")) == "wal"
