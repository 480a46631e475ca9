"""What a SQLite engine needs: transactions that take the write lock first, turns, and a guard."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.storage.append_only import APPEND_ONLY_TABLES, PRUNED_TABLES

BUSY_TIMEOUT_MS = 10_000
# Of that, before it is asked anew.
LOOKING_MS = 50
LONGEST_TURN_SECONDS = BUSY_TIMEOUT_MS / 1000
# Of each connection, of which a worker of the site has one a thread: the system holds the file's
# pages for all of them. With four times as much nothing measured was any faster.
CACHE_KIB = 500

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

FILE = "file"

Guard = Callable[..., int]


def guard(*, pruning: bool) -> Guard:
    """Return what lets a connection do only what the application does; `pruning` lets words go."""
    return partial(_authorise, PRUNED_TABLES if pruning else frozenset())


def prepare(engine: Engine, guard: Guard | None) -> None:
    """Set up each connection, and begin a writing transaction with the write lock."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy emits BEGIN itself, below; the driver must not do it a second time.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            # What is deleted is overwritten: it is not left in the file for others to read.
            "secure_delete = ON",
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            f"cache_size = -{CACHE_KIB}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if guard:
            connection.set_authorizer(guard)

    path = engine.url.database or ""
    if guard and path and not path.startswith((":", "file:")):
        _hold_on_to(engine, path)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("writing", True):
            _take_write_lock(connection, BUSY_TIMEOUT_MS if options.get("waiting", True) else 0)
        else:
            connection.exec_driver_sql("BEGIN")


def _take_write_lock(connection: Connection, patience_ms: int) -> None:
    """Begin a transaction that writes, as soon as nobody else does.

    Whoever waits for long SQLite lets look again ten times a second, and who comes meanwhile is
    quicker: beside a few who write all the time, some wait for seconds. Asked anew it looks often.
    """
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + patience_ms / 1000
    driver.execute(f"PRAGMA busy_timeout = {min(LOOKING_MS, patience_ms)}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if time.monotonic() >= deadline or not is_busy(error):
                    raise
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _hold_on_to(engine: Engine, path: str) -> None:
    """Let nobody work in a file that is not the database's any more, or make a new one.

    SQLite goes on writing to a file that was deleted, or had another one put in its place, and
    what it writes there is lost.
    """

    @event.listens_for(engine, "do_connect")
    def on_do_connect(*_: object) -> None:
        _file(path)

    @event.listens_for(engine, "connect")
    def on_connect(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[FILE] = _file(path)

    @event.listens_for(engine, "checkout")
    def on_checkout(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info[FILE] != _file(path):
            # The pool drops this connection and opens the file that is there now.
            raise DisconnectionError("another file has been put in the database's place")


class Turns:
    """Lets the threads of a process write one after the other.

    Whoever waits for SQLite's write lock looks again ten times a second: of several who wait, some
    look in vain for a second and more, and meanwhile nobody may be writing.
    """

    def __init__(self) -> None:
        # Whoever has the turn may take it again: SQLite says what comes of that.
        self._lock = threading.RLock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn and keep it until the block is left.

        Who has waited in vain goes on without, and SQLite says that it is busy.
        """
        mine = self._lock.acquire(timeout=LONGEST_TURN_SECONDS)
        try:
            yield
        finally:
            if mine:
                self._lock.release()


def is_busy(error: Exception) -> bool:
    """Whether that is all that is wrong: somebody else is writing."""
    cause = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    # What is in the higher bits says why it is busy.
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _file(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise sqlite3.OperationalError("the database file is not there") from error
    return found.st_dev, found.st_ino


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
