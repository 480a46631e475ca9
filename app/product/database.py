"""The engine, the base of all rows, and sessions that read or write."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, DateTime, Dialect, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

BUSY_TIMEOUT_MS = 5000

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC without an offset in the table."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """One SQLite file. Sessions begin by themselves and end by commit or rollback."""

    def __init__(self, url: str) -> None:
        _make_folder(url)
        self._readers = create_engine(url)
        event.listen(self._readers, "connect", _prepare_connection)
        event.listen(self._readers, "begin", _begin)
        self._writers = self._readers.execution_options(writes=True)

    def session(self, *, writing: bool) -> Session:
        return Session(self._writers if writing else self._readers)

    def create_tables(self) -> None:
        # In one writing transaction, so that workers that start together take turns.
        with self._writers.begin() as connection:
            Base.metadata.create_all(connection)

    def dispose(self) -> None:
        self._readers.dispose()


def new_id() -> str:
    return str(uuid.uuid4())


def _make_folder(url: str) -> None:
    file = make_url(url).database
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)


def _prepare_connection(connection: Any, _record: object) -> None:
    # The driver must not begin transactions on its own: `_begin` chooses how.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # SQLite refuses to turn a read transaction into a write one while somebody else
    # writes, whatever the busy timeout. So a writer says so from the start.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
