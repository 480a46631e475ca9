"""The trail only grows, whoever holds the connection and whatever they try."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.storage import audit_chain, sqlite
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from tests import trail
from tests.cast import ADA
from tests.conftest import Undone, on_sqlite
from tests.twins import each_fails_without, line, together, trigger

COPY = (
    "SELECT id, at, action, outcome, actor_kind, 'eve' AS actor_id, subject_id, account_id,"
    " impersonation_id, request_id, facts, words_digest, previous_hash, hash"
    " FROM audit_events WHERE id = 1"
)

# What a trigger alone must stop, on any connection.
ATTACKS_ON_ROWS = {
    "update": "UPDATE audit_events SET actor_id = 'eve'",
    "update one": "UPDATE audit_events SET actor_id = 'eve' WHERE id = 1",
    "update its number": "UPDATE audit_events SET id = 99 WHERE id = 1",
    "update or replace": "UPDATE OR REPLACE audit_events SET id = 2 WHERE id = 1",
    "update or ignore": "UPDATE OR IGNORE audit_events SET actor_id = 'eve'",
    "delete": "DELETE FROM audit_events",
    "delete the last": "DELETE FROM audit_events WHERE id = 2",
    "insert or replace": f"INSERT OR REPLACE INTO audit_events {COPY}",
    "replace": f"REPLACE INTO audit_events {COPY}",
    "upsert": f"INSERT INTO audit_events {COPY} AND true "
    "ON CONFLICT (id) DO UPDATE SET actor_id = 'eve'",
    "upsert or nothing": f"INSERT INTO audit_events {COPY} AND true ON CONFLICT DO NOTHING",
    "put below the first": f"INSERT INTO audit_events {COPY.replace('SELECT id', 'SELECT 0')}",
    "put far below": f"INSERT INTO audit_events {COPY.replace('SELECT id', 'SELECT -5')}",
}
NO_UPDATE, NO_DELETE, IN_ORDER = (
    trigger(f"audit_events_{name}", on="audit_events")
    for name in ("no_update", "no_delete", "in_order")
)
TRIGGERS = {
    **dict.fromkeys([name for name in ATTACKS_ON_ROWS if name.startswith("update")], NO_UPDATE),
    **dict.fromkeys([name for name in ATTACKS_ON_ROWS if name.startswith("delete")], NO_DELETE),
    **dict.fromkeys(["insert or replace", "replace", "upsert or nothing"], IN_ORDER),
    # What is no new event is an update.
    "upsert": together(IN_ORDER, NO_UPDATE),
    # Which the table's own constraint stops as well.
    **dict.fromkeys(["put below the first", "put far below"]),
}
# What only the guard on the application's own connections can stop.
ATTACKS_ON_THE_SCHEMA = {
    "drop trigger": "DROP TRIGGER audit_events_no_update",
    "drop table": "DROP TABLE audit_events",
    "drop another table": "DROP TABLE handoffs",
    "drop index": "DROP INDEX ix_audit_events_action_id",
    "rename": "ALTER TABLE audit_events RENAME TO old_events",
    "rename column": "ALTER TABLE audit_events RENAME COLUMN actor_id TO someone",
    "drop column": "ALTER TABLE audit_events DROP COLUMN facts",
    "add column": "ALTER TABLE audit_events ADD COLUMN more TEXT",
    "attach": "ATTACH ':memory:' AS other",
    "writable schema": "PRAGMA writable_schema = ON",
    "writable schema, called": "PRAGMA writable_schema(1)",
    "write the schema": "DELETE FROM sqlite_master WHERE type = 'trigger'",
    "new trigger": "CREATE TRIGGER swallow BEFORE INSERT ON audit_events "
    "BEGIN SELECT RAISE(IGNORE); END",
    "temporary trigger": "CREATE TEMP TRIGGER swallow BEFORE INSERT ON audit_events "
    "BEGIN SELECT RAISE(IGNORE); END",
    "temporary table": "CREATE TEMP TABLE audit_events (id INTEGER)",
    "temporary view": "CREATE TEMP VIEW audit_events AS SELECT 1 AS id",
}


@pytest.fixture
def two_events(database: Database, now: datetime) -> None:
    with database.unit_of_work(writing=True) as db:
        for _ in range(2):
            append(
                db,
                event(
                    AuditAction.SIGN_IN_SUCCEEDED,
                    now=now,
                    provenance=OPERATOR,
                    actor=db.get_one(Admin, ADA.id),
                    details={"proof": "password"},
                ),
            )


@pytest.fixture
def raw(
    database: Database, two_events: None, database_folder: Path
) -> Iterator[sqlite3.Connection]:
    """Somebody with the database file and no manners: none of our settings, no guard."""
    connection = sqlite3.connect(database_folder / "understudy.db", isolation_level=None)
    yield connection
    connection.close()


def untouched(connection: sqlite3.Connection) -> bool:
    rows = connection.execute("SELECT id, actor_id FROM audit_events ORDER BY id").fetchall()
    return rows == [(1, "ada"), (2, "ada")]


@on_sqlite
@pytest.mark.requirement("L4")
@each_fails_without("attack", TRIGGERS)
def test_the_triggers_stop_whoever_has_the_file(raw: sqlite3.Connection, attack: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(ATTACKS_ON_ROWS[attack])
    assert untouched(raw)


LET_THROUGH = line(sqlite._authorise, "return sqlite3.SQLITE_DENY", "return sqlite3.SQLITE_OK")
GUARDS = {
    # The triggers are there as well, and some things SQLite itself does not do here.
    **dict.fromkeys(ATTACKS_ON_ROWS),
    **dict.fromkeys(ATTACKS_ON_THE_SCHEMA, LET_THROUGH),
    **dict.fromkeys(["attach", "drop column", "write the schema"]),
}


@on_sqlite
@pytest.mark.requirement("L4")
@each_fails_without("attack", GUARDS)
def test_the_applications_own_connection_stops_each_attack(
    database: Database, raw: sqlite3.Connection, attack: str
) -> None:
    schema = raw.execute("SELECT * FROM sqlite_master").fetchall()
    with pytest.raises(DatabaseError), database.unit_of_work(writing=True) as db:
        db.execute(text((ATTACKS_ON_ROWS | ATTACKS_ON_THE_SCHEMA)[attack]))
    assert untouched(raw)
    assert raw.execute("SELECT * FROM sqlite_master").fetchall() == schema


@pytest.mark.requirement("L4")
def test_an_orm_change_of_an_event_is_stopped_too(database: Database, two_events: None) -> None:
    def rewrite() -> None:
        with database.unit_of_work(writing=True) as db:
            db.get_one(AuditEvent, 1).actor_id = "eve"

    def remove() -> None:
        with database.unit_of_work(writing=True) as db:
            db.delete(db.get_one(AuditEvent, 1))

    for change in (rewrite, remove):
        with pytest.raises(DatabaseError):
            change()


def test_numbers_have_no_gap_where_something_was_undone(
    database: Database, two_events: None
) -> None:
    with suppress(Undone), database.unit_of_work(writing=True) as db:
        _append(db)
        audit_chain.seal(db)
        raise Undone
    with database.unit_of_work(writing=True) as db:
        _append(db)
        assert [event.id for event in trail.events(db)] == [1, 2, 3]


def test_the_guard_lets_an_event_in(database: Database, two_events: None) -> None:
    with database.unit_of_work(writing=True) as db:
        _append(db)
    with database.unit_of_work(writing=False) as db:
        assert len(trail.events(db)) == 3


def _append(db: Session) -> None:
    now = db.get_one(Admin, ADA.id).created_at
    append(
        db,
        event(
            AuditAction.SIGN_IN_SUCCEEDED,
            now=now,
            provenance=OPERATOR,
            actor=db.get_one(Admin, ADA.id),
            details={"proof": "password"},
        ),
    )
