"""The engine and the one way to use it: a unit of work that commits as a whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.storage import audit_chain, counters, postgresql, sqlite
from app.storage.postgresql import COMMAND, Patience

# What a database that is away, busy or broken raises. A long trail is read by the drivers' own
# cursors, which raise their own.
FAILURES = (SQLAlchemyError, psycopg.Error, sqlite3.Error)


class Database:
    """The admin site's database behind one URL, `sqlite:///…` or `postgresql://…`.

    `guarded=False` is for migrations alone: they may change the schema. `pruning` is for what
    the operator does on record: archived events and erased words may go, if the triggers let them.
    On PostgreSQL both are up to the role in the URL; `patience` is how long it may take.
    """

    def __init__(
        self,
        url: str,
        *,
        guarded: bool = True,
        pruning: bool = False,
        patience: Patience = COMMAND,
    ) -> None:
        self.engine = _engine(url, patience)
        if self.engine.dialect.name == "sqlite":
            sqlite.prepare(self.engine, sqlite.guard(pruning=pruning) if guarded else None)
        else:
            postgresql.prepare(self.engine)
        self._turns = sqlite.Turns()
        self._writing = self.engine.execution_options(writing=True)
        self._at_once = self.engine.execution_options(writing=True, waiting=False)
        # On both engines reading is of one moment, and nothing but reading on PostgreSQL.
        options = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if self.is_postgresql
            else {}
        )
        self._reading = self.engine.execution_options(writing=False, **options)

    @property
    def is_postgresql(self) -> bool:
        """Whether it is one that several machines can share."""
        return self.engine.dialect.name == "postgresql"

    def unit_of_work(self, *, writing: bool) -> AbstractContextManager[Session]:
        """Yield a session: leaving commits, raising rolls back. Nothing else commits.

        The events of what was done are sealed last, in the same transaction.

        `writing` takes SQLite's write lock at the start. A transaction that begins by reading
        and writes later fails with "database is locked" whatever its timeout.
        """
        if writing and not self.is_postgresql:
            return self._in_turn()
        return self._session(self._writing if writing else self._reading)

    def try_writing(self) -> None:
        """Commit what leaves nothing behind; raise what keeps the database from taking it (F2).

        A transaction that is rolled back would say nothing: most of it never reaches the disk.
        Nobody waits for SQLite's one writer; that there is one says that it can be written to.
        """
        try:
            with self._session(self._at_once) as session:
                counters.come_and_go(session)
        except SQLAlchemyError as error:
            if not sqlite.is_busy(error):
                raise

    @contextmanager
    def _in_turn(self) -> Iterator[Session]:
        with self._turns.taken(), self._session(self._writing) as session:
            yield session

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
            audit_chain.seal(session)

    def empty_log(self) -> bool:
        """Leave nothing of what was deleted in SQLite's write-ahead log; return whether it worked.

        It does not while somebody reads an older state, nor on PostgreSQL, whose server decides.
        """
        if self.is_postgresql:
            return False
        # By the driver: SQLAlchemy would begin a transaction, and wait for itself.
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
        finally:
            connection.close()
        return not busy

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _engine(url: str, patience: Patience) -> Engine:
    if url.startswith("sqlite"):
        return create_engine(url, hide_parameters=True)
    arguments = postgresql.connect_arguments(make_url(url), patience)
    # What goes wrong is logged, and the values of a statement are people's.
    options = postgresql.pool_options() | {"connect_args": arguments, "hide_parameters": True}
    return create_engine(url, **options)
