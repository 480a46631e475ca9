"""The unit of work: as a whole or not at all."""

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from app.storage import sqlite
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.database import FAILURES, Database
from app.storage.members import Member
from tests import factories
from tests.cast import ADA, HARBOUR
from tests.conftest import on_sqlite
from tests.lending import listening
from tests.twins import fails_without, line, value

THREADS = 4


def rename(database: Database, name: str) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Account, HARBOUR).name = name


def name(database: Database) -> str:
    with database.unit_of_work(writing=False) as db:
        return db.get_one(Account, HARBOUR).name


def test_leaving_commits(database: Database) -> None:
    rename(database, "Haven")
    assert name(database) == "Haven"


@pytest.mark.requirement("R2")
def test_raising_undoes_everything(database: Database) -> None:
    def half() -> None:
        with database.unit_of_work(writing=True) as db:
            db.get_one(Account, HARBOUR).name = "Haven"
            db.flush()
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert name(database) == "Harbour"


def test_rows_can_be_read_after_the_commit(database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        admin = db.get_one(Admin, ADA.id)
    assert admin.name == ADA.name


@on_sqlite
def test_a_writer_waits_for_the_writer_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is taken at the start, so that no transaction fails half-way for want of it."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 0)
    impatient = Database(str(database.engine.url))

    def begin() -> None:
        with impatient.unit_of_work(writing=True) as db:
            db.execute(text("SELECT 1"))

    with database.unit_of_work(writing=True) as db:
        db.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"):
            begin()
    begin()
    impatient.dispose()


@on_sqlite
@pytest.mark.requirement("R4")
@fails_without(
    line(Database.unit_of_work, "if writing and not self.is_postgresql", "if False"),
    raises=(OperationalError,),
)
def test_the_threads_of_a_process_write_in_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody among them is left to SQLite, which lets some of several wait for seconds."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 0)
    impatient, start = Database(str(database.engine.url)), threading.Barrier(THREADS)

    def write_often(thread: int) -> None:
        start.wait()
        for number in range(25):
            rename(impatient, f"{thread} {number}")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write_often, range(THREADS)))
    impatient.dispose()


@on_sqlite
@pytest.mark.requirement("R4")
@fails_without(
    line(sqlite._take_write_lock, "time.monotonic() >= deadline or", "True or"),
    raises=(OperationalError,),
)
def test_whoever_waits_for_another_process_asks_again_and_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOOKING_MS", 0)
    other, asked, often = Database(str(database.engine.url)), [], threading.Event()

    def note(*_: object) -> None:
        asked.append(1)
        if len(asked) > 2:
            often.set()

    with ThreadPoolExecutor(1) as pool, listening(other.engine, "before_cursor_execute", note):
        with database.unit_of_work(writing=True) as db:
            db.execute(text("SELECT 1"))
            waiting = pool.submit(rename, other, "Haven")
            waiting.add_done_callback(lambda _: often.set())
            assert often.wait(30)
        waiting.result()
    assert name(database) == "Haven"
    other.dispose()


def test_a_reader_waits_for_nobody(database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Account, HARBOUR).name = "Haven"
        db.flush()
        assert name(database) == "Harbour"


@fails_without(value(sqlite, "_file", lambda _path: (0, 0)))
@on_sqlite
@pytest.mark.requirement("L3", "F1")
def test_nothing_is_written_to_a_file_that_is_gone(
    database: Database, database_folder: Path
) -> None:
    """SQLite itself goes on in the file that nobody will find again."""
    path = database_folder / "understudy.db"
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, "ada").name = "Ada"
    path.rename(path.with_name("away.db"))
    for _ in range(2):
        with pytest.raises(FAILURES, match="not there"), database.unit_of_work(writing=True) as db:
            db.get_one(Admin, "ada")
    assert not path.exists()


@fails_without(value(sqlite, "_file", lambda _path: (0, 0)))
@on_sqlite
@pytest.mark.requirement("L3", "F10")
def test_another_file_in_its_place_is_the_database_from_then_on(
    database: Database, database_folder: Path
) -> None:
    path, backup = database_folder / "understudy.db", database_folder / "backup.db"
    shutil.copyfile(path, backup)
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, "ada").name = "Somebody"
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink()
    backup.rename(path)
    with database.unit_of_work(writing=True) as db:
        ada = db.get_one(Admin, "ada")
        assert ada.name == "Ada Lindqvist"
        ada.name = "Ada"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name FROM admins WHERE id = 'ada'").fetchone()
    assert found == ("Ada",)


def test_a_dangling_reference_is_refused(database: Database, now: datetime) -> None:
    row = factories.member(account=factories.account(id="nowhere", now=now), now=now)

    def add() -> None:
        with database.unit_of_work(writing=True) as db:
            db.add(row.account)
            db.flush()
            db.add(row)
            db.flush()
            db.execute(text("UPDATE members SET account_id = 'gone' WHERE account_id = 'nowhere'"))

    with pytest.raises(IntegrityError):
        add()


@on_sqlite
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("busy_timeout", 10_000),
        ("secure_delete", 1),
    ],
)
def test_each_connection_is_set_up(database: Database, pragma: str, value: object) -> None:
    with database.unit_of_work(writing=False) as db:
        assert db.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_point_in_time_is_kept_to_the_microsecond_in_utc(
    database: Database, now: datetime
) -> None:
    at = now.replace(microsecond=123457, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, "mia").updated_at = at
    with database.unit_of_work(writing=False) as db:
        read = db.get_one(Member, "mia").updated_at
        number = db.scalar(text("SELECT updated_at FROM members WHERE id = 'mia'"))
    assert (read, read.utcoffset()) == (at, timedelta(0))
    assert number == round(at.timestamp() * 1_000_000)


def test_a_time_without_a_zone_is_refused(database: Database, now: datetime) -> None:
    def write() -> None:
        with database.unit_of_work(writing=True) as db:
            db.get_one(Member, "mia").updated_at = now.replace(tzinfo=None)

    with pytest.raises(StatementError, match="time zone"):
        write()
