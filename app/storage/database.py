"""The engine and the one way to use it: a unit of work that commits as a whole or not at all."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from app.storage import audit_chain

BUSY_TIMEOUT_MS = 10_000

# What the running application never does: rewriting the audit trail or the schema. Triggers
# guard the rows; this guards the triggers, on every connection the application holds.
FORBIDDEN_ACTIONS = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_ATTACH,
        # A temporary table or trigger could stand in front of the trail and swallow its rows.
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_TRIGGER,
    }
)
PRUNED_TABLES = frozenset({"audit_events", "audit_words"})
APPEND_ONLY_TABLES = frozenset({"audit_events", "audit_words", "audit_checkpoints", "audit_tiles"})


class Database:
    """The admin site's database behind one URL, `sqlite:///…` or `postgresql://…`.

    `guarded=False` is for migrations alone: they may change the schema. `pruning` is for what
    the operator does on record: archived events and erased words may go, if the triggers let them.
    """

    def __init__(self, url: str, *, guarded: bool = True, pruning: bool = False) -> None:
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            guard = partial(_authorise, PRUNED_TABLES if pruning else frozenset())
            _prepare_sqlite(self.engine, guard if guarded else None)

    @contextmanager
    def unit_of_work(self, *, writing: bool) -> Iterator[Session]:
        """Yield a session: leaving commits, raising rolls back. Nothing else commits.

        The events of what was done are sealed last, in the same transaction.

        `writing` takes SQLite's write lock at the start. A transaction that begins by reading
        and writes later fails with "database is locked" whatever its timeout.
        """
        engine = self.engine.execution_options(writing=writing)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
            audit_chain.seal(session)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _prepare_sqlite(engine: Engine, guard: Callable[..., int] | None) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy emits BEGIN itself, below; the driver must not do it a second time.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if guard:
            connection.set_authorizer(guard)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _authorise(
    pruned: frozenset[str], action: int, first: Any, second: Any, _database: Any, _trigger: Any
) -> int:
    changes_history = (
        action in (sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE) and first in APPEND_ONLY_TABLES
    )
    if action == sqlite3.SQLITE_DELETE and first in pruned:
        changes_history = False
    opens_schema = (
        action == sqlite3.SQLITE_PRAGMA and first == "writable_schema" and second is not None
    )
    if action in FORBIDDEN_ACTIONS or changes_history or opens_schema:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
