"""Accounts and members read from another database, and what is said when that does not go."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.domain.directory_reading import Entry, Reading, Unusable
from app.domain.directory_sync import Position, Positions
from app.postgresql_server import OWNER, Server
from app.sources.changes import Newest, since_value
from app.sources.database import DirectoryDatabase
from app.storage.directory import ACCOUNTS, MEMBERS
from app.storage.directory_stage import Stage
from tests.conftest import NOW

TABLES = """
CREATE TABLE customers (id TEXT, name TEXT, domain TEXT, plan TEXT, status TEXT, support INTEGER,
                        created_at TEXT, updated_at TEXT);
CREATE TABLE people (id TEXT, customer TEXT, name TEXT, email TEXT, role TEXT, status TEXT,
                     vip INTEGER, created_at TEXT, updated_at TEXT);
INSERT INTO customers VALUES ('fjord', 'Fjord', 'fjord.example', 'free', 'active', 1,
                              '2026-01-01 00:00:00', '2026-02-01 00:00:00');
INSERT INTO people VALUES ('liv', 'fjord', 'Liv', 'liv@fjord.example', 'owner', 'active', 0,
                           '2026-01-01 00:00:00', '2026-02-01 00:00:00');
INSERT INTO people VALUES ('ole', 'fjord', 'Ole', 'ole@fjord.example', 'owner', 'active', 0,
                           '2026-01-01 00:00:00', '2026-02-02 00:00:00');
"""
QUERIES = {
    "accounts": "SELECT id, name, domain, plan, status, support AS impersonation_allowed,"
    " created_at, updated_at FROM customers",
    "members": "SELECT id, customer AS account_id, name, email, role, status, vip AS protected,"
    " created_at, updated_at FROM people ORDER BY id -- the newest last",
}
SECRET = "hunter2-secret"


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A product's own database."""
    path = tmp_path / "product.db"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


def source(url: str, **more: Any) -> DirectoryDatabase:
    defaults: dict[str, Any] = {
        "name": "product",
        "queries": QUERIES,
        "every": timedelta(minutes=5),
        "full_every": timedelta(days=1),
        "updated_at": "updated_at",
        "overlap": timedelta(hours=1),
        "skip_bad": False,
    }
    return DirectoryDatabase(url=make_url(url), **defaults | more)


def read(source: DirectoryDatabase, **since: Position) -> tuple[list[str], Positions, list[str]]:
    """Return the ids of the members that were read, how far that goes, and what is wrong."""
    with Stage() as stage:
        reading = Reading(stage, (ACCOUNTS, MEMBERS))
        reached = source.read(reading, since=since)
        members = [record.id for some in stage.records(MEMBERS, size=9) for record in some]
        return members, reached, list(map(str, reading.problems))


def change(product: Path, statement: str) -> None:
    connection = sqlite3.connect(product)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_everything_is_read_with_how_far_it_goes(product: Path) -> None:
    members, reached, problems = read(source(f"sqlite:///{product}"))
    assert (members, problems) == (["liv", "ole"], [])
    assert reached["accounts"] == Position(datetime(2026, 2, 1, tzinfo=UTC), " ")
    assert reached["members"] == Position(datetime(2026, 2, 2, tzinfo=UTC), " ")


def test_what_has_changed_is_read_with_what_overlaps(product: Path) -> None:
    newest = Position(datetime(2026, 2, 2, tzinfo=UTC), " ")
    asked = source(f"sqlite:///{product}")
    assert read(asked, members=newest)[0] == ["ole"]
    change(product, "UPDATE people SET updated_at = '2026-02-01 23:00:00' WHERE id = 'liv'")
    assert read(asked, members=newest)[0] == ["liv", "ole"]
    assert read(asked, members=newest)[1]["members"] == newest


def test_what_says_nothing_of_its_changes_is_read_each_time(product: Path) -> None:
    change(product, "UPDATE people SET updated_at = NULL WHERE id = 'liv'")
    newest = Position(datetime(2026, 2, 2, tzinfo=UTC), " ")
    assert read(source(f"sqlite:///{product}"), members=newest)[0] == ["liv", "ole"]


def test_a_bad_row_is_told_with_its_id(product: Path) -> None:
    change(product, "UPDATE people SET status = 'asleep' WHERE id = 'ole'")
    (problem,) = read(source(f"sqlite:///{product}"))[2]
    assert problem.startswith("members, row 2 (id ole): status is none of active")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"members": "SELECT * FROM nowhere"}, "the query members: no such table: nowhere"),
        ({"accounts": "SELEC"}, "the query accounts: "),
        ({"accounts": "SELECT :who AS id"}, "the query accounts: A value is required"),
        ({"accounts": "DELETE FROM customers"}, "the query accounts: "),
        ({"accounts": "SELECT id FROM customers"}, "the query accounts gives no column name, dom"),
    ],
)
def test_a_query_that_is_wrong_is_told(
    product: Path, changed: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Unusable) as unusable:
        read(source(f"sqlite:///{product}", queries=QUERIES | changed))
    assert sentence in unusable.value.sentence


def test_a_column_that_is_to_say_when_it_changed_must_be_there(product: Path) -> None:
    with pytest.raises(Unusable, match="the query accounts gives no column changed_at"):
        read(source(f"sqlite:///{product}", updated_at="changed_at"))


@pytest.mark.parametrize(
    ("written", "sentence"),
    [("soon", "updated_at is no point in time"), ("2026-02-01 00:00:00+01:00", "time zone")],
)
def test_a_change_at_no_point_in_time_is_told(product: Path, written: str, sentence: str) -> None:
    change(product, f"UPDATE people SET updated_at = '{written}'")
    with pytest.raises(Unusable, match=sentence):
        read(source(f"sqlite:///{product}"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///nowhere.db", "there is no file nowhere.db"),
        (f"postgresql://reader:{SECRET}@127.0.0.1:1/db?application_name={SECRET}", "refused"),
        (f"mysql+pymysql://reader:{SECRET}@127.0.0.1:1/db", "the driver pymysql for mysql+pymysql"),
        (f"nosuch://reader:{SECRET}@127.0.0.1/db", "nosuch:// is no database"),
    ],
)
def test_a_source_that_cannot_be_reached_is_told_without_secrets(url: str, sentence: str) -> None:
    with pytest.raises(Unusable) as unusable:
        read(source(url))
    assert sentence in unusable.value.sentence
    assert SECRET not in unusable.value.sentence
    assert SECRET not in repr(source(url))


def test_a_password_in_the_drivers_own_words_is_not_repeated(product: Path) -> None:
    queries = QUERIES | {"accounts": f"SELECT * FROM [{SECRET}]"}
    asked = source(f"sqlite:///{product}?timeout={SECRET}", queries=queries)
    with pytest.raises(Unusable) as unusable:
        read(asked)
    assert SECRET not in unusable.value.sentence


# How changes are dated.

AT = datetime(2026, 3, 2, 9, 0, 0, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        (AT, AT - timedelta(hours=1)),
        (AT.replace(tzinfo=None), (AT - timedelta(hours=1)).replace(tzinfo=None)),
        (date(2026, 3, 2), date(2026, 3, 1)),
        ("2026-03-02T09:00:00.000500Z", "2026-03-02T08:00:00"),
        ("2026-03-02 09:00:00", "2026-03-02 08:00:00"),
        ("2026-03-02", "2026-03-01"),
    ],
)
def test_it_is_asked_for_changes_in_the_form_that_it_tells_them(
    written: Any, asked: object
) -> None:
    newest = Newest("updated_at", None)
    newest.see({"updated_at": written})
    assert newest.position
    assert since_value(newest.position, timedelta(hours=1)) == asked


def test_the_newest_change_is_the_position() -> None:
    newest = Newest("updated_at", Position(NOW, "aware"))
    for hours in (2, 3, 1):
        newest.see({"updated_at": NOW + timedelta(hours=hours)})
    assert newest.position == Position(NOW + timedelta(hours=3), "aware")


# The same from PostgreSQL, whose types are its own.

POSTGRESQL_TABLES = (
    TABLES.replace("created_at TEXT, updated_at TEXT", "created_at timestamptz, updated_at TYPE")
    .replace("support INTEGER", "support boolean")
    .replace("vip INTEGER", "vip boolean")
    .replace("'active', 1", "'active', true")
    .replace("'active', 0", "'active', false")
    + "CREATE SEQUENCE counter"
)


@pytest.fixture(params=["timestamptz", "timestamp", "date"])
def on_server(request: pytest.FixtureRequest, postgresql_server: Server) -> Iterator[str]:
    name = f"product_{request.param}"
    postgresql_server.create_database(name)
    url = postgresql_server.url(name, OWNER)
    with psycopg.connect(url) as connection:
        connection.execute(POSTGRESQL_TABLES.replace("TYPE", request.param).encode())
    yield url
    postgresql_server.drop_database(name)


def test_changes_are_found_on_postgresql(on_server: str) -> None:
    asked = source(on_server)
    members, reached, problems = read(asked)
    assert (members, problems) == (["liv", "ole"], [])
    assert reached["members"].at == datetime(2026, 2, 2, tzinfo=UTC)
    # A day is all that a date can say.
    assert read(asked, **reached)[0] == (["liv", "ole"] if "date" in on_server else ["ole"])


def test_nothing_can_be_changed_by_a_query_on_postgresql(on_server: str) -> None:
    queries = QUERIES | {"accounts": "SELECT nextval('counter')"}
    with pytest.raises(Unusable, match="read-only"):
        read(source(on_server, queries=queries))


def test_rows_come_as_they_are_asked_for(product: Path) -> None:
    """A million of them would not fit into memory."""
    asked = source(f"sqlite:///{product}", queries=QUERIES | {"members": ENDLESS})
    with pytest.raises(Enough):
        asked.read(Impatient(Stage(), (ACCOUNTS, MEMBERS)), since={})


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT 'liv-' || i AS id, 'fjord' AS account_id, 'Liv' AS name, 'l@f.example' AS email,"
    " 'owner' AS role, 'active' AS status, 0 AS protected, '2026-01-01' AS created_at,"
    " '2026-01-01' AS updated_at FROM n"
)


class Enough(Exception):
    """As much as anybody wants to read."""


class Impatient(Reading):
    """Reads five members of an endless number, and then no more."""

    def take(self, kind: object, entries: Any) -> None:
        for number, entry in enumerate(entries, start=1):
            assert isinstance(entry, Entry)
            if number == 5:
                raise Enough
