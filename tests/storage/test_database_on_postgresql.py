"""What holds of every connection to PostgreSQL: its limits, what reading is, how it is planned."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from app.postgresql_server import Server
from app.storage import postgresql, search_index
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.members import Member
from app.storage.postgresql import COMMAND, SITE, WORKER, Patience
from tests.cast import HARBOUR, MIA
from tests.conftest import on_postgresql
from tests.twins import fails_without, line

pytestmark = on_postgresql

Open = Callable[..., Database]
LOCK = text("SELECT pg_advisory_xact_lock(1)")


@pytest.fixture
def opened(database_url: str) -> Iterator[Open]:
    """Open the database anew, with this patience and this on its address."""
    databases = []

    def opened(patience: Patience, query: str = "") -> Database:
        databases.append(Database(database_url + query, patience=patience))
        return databases[-1]

    yield opened
    for database in databases:
        database.dispose()


def ask(database: Database, query: str) -> object:
    with database.unit_of_work(writing=True) as db:
        return db.scalar(text(query))


@pytest.mark.parametrize(
    ("patience", "limits"),
    [(SITE, ["15s", "5s", "1min"]), (WORKER, ["0", "0", "10min"]), (COMMAND, ["0", "0", "0"])],
)
def test_whoever_waits_for_a_page_waits_for_seconds(
    opened: Open, patience: Patience, limits: list[str]
) -> None:
    """A long command is not cut off by what the site may take."""
    database = opened(patience)
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    assert [ask(database, f"SHOW {name}") for name in names] == limits
    assert ask(database, "SHOW application_name") == patience.application
    assert ask(database, "SHOW TimeZone") == "UTC"


def test_what_the_address_says_comes_last(opened: Open) -> None:
    query = "&options=-c%20statement_timeout%3D7s&application_name=ours"
    database = opened(SITE, query)
    assert ask(database, "SHOW statement_timeout") == "7s"
    assert ask(database, "SHOW lock_timeout") == "5s"
    assert ask(database, "SHOW application_name") == "ours"


def test_a_statement_that_takes_too_long_is_cut_off(opened: Open) -> None:
    database = opened(Patience("a test", statement_ms=20))
    with pytest.raises(OperationalError, match="QueryCanceled"):
        ask(database, "SELECT pg_sleep(60)")
    assert ask(database, "SELECT 1") == 1


def test_a_lock_that_does_not_come_is_given_up(database: Database, opened: Open) -> None:
    impatient = opened(Patience("a test", lock_ms=20))
    with database.unit_of_work(writing=True) as db:
        db.execute(LOCK)
        with pytest.raises(OperationalError, match="LockNotAvailable"):
            ask(impatient, str(LOCK))
    ask(impatient, str(LOCK))


def test_there_are_only_so_many_connections(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "POOL_SIZE", 1)
    monkeypatch.setattr(postgresql, "POOL_OVERFLOW", 0)
    monkeypatch.setattr(postgresql, "POOL_TIMEOUT_SECONDS", 0.01)
    small = opened(SITE)
    with small.unit_of_work(writing=False) as db:
        db.execute(text("SELECT 1"))
        with pytest.raises(NoConnection):
            ask(small, "SELECT 1")
    assert ask(small, "SELECT 1") == 1


def test_after_a_restart_the_next_one_works(database: Database, postgresql_server: Server) -> None:
    before = ask(database, "SELECT pg_backend_pid()")
    postgresql_server.stop()
    with pytest.raises(SQLAlchemyError):
        ask(database, "SELECT 1")
    postgresql_server.start()
    assert ask(database, "SELECT pg_backend_pid()") != before


def test_reading_changes_nothing(database: Database) -> None:
    def change(db: Session) -> None:
        db.get_one(Account, HARBOUR).name = "Haven"
        db.flush()

    with (
        pytest.raises(DBAPIError, match="read-only transaction"),
        database.unit_of_work(writing=False) as db,
    ):
        change(db)


def test_reading_is_of_one_moment(database: Database) -> None:
    """As on SQLite: a page whose queries disagree would be wrong in a way nobody can repeat."""
    names = select(Account.name).where(Account.id == HARBOUR)
    with database.unit_of_work(writing=False) as db:
        assert db.scalar(names) == "Harbour"
        with database.unit_of_work(writing=True) as writer:
            writer.get_one(Account, HARBOUR).name = "Haven"
        assert db.scalar(names) == "Harbour"


@fails_without(line(search_index.prepare, "db.execute(PREPARE)", "pass"))
def test_a_search_is_planned_for_what_is_searched(database: Database) -> None:
    """Left to itself, PostgreSQL goes over to one plan for all."""
    with database.unit_of_work(writing=False) as db:
        search_index.prepare(db)
        for _ in range(30):
            db.scalars(select(Member.id).where(Member.id == MIA.id)).all()
        plans = text("SELECT sum(generic_plans) FROM pg_prepared_statements")
        assert db.scalar(plans) == 0


def test_nobody_is_found_by_what_no_text_holds(database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        assert db.get(Member, f"{MIA.id}\0") is None
        db.get_one(Member, MIA.id).name = "Mi\0a"
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Member, MIA.id).name == "Mi\N{REPLACEMENT CHARACTER}a"
