"""Accounts and members in another database, as two queries tell them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.domain.directory_reading import Entry, Reading, Unusable
from app.domain.directory_sync import Position, Positions
from app.sources.changes import Newest, since_value
from app.sources.database_errors import cannot_connect, cannot_open, cannot_read
from app.storage.directory import Kind

CONNECT_SECONDS = 10
# Where both queries can be made to see one moment, however long they take.
ONE_MOMENT: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "mysql": {"isolation_level": "REPEATABLE READ"},
    "mariadb": {"isolation_level": "REPEATABLE READ"},
}
CHANGED = """
SELECT * FROM (
{query}
) changed WHERE changed.{column} >= :since OR changed.{column} IS NULL
"""


@dataclass(frozen=True)
class DirectoryDatabase:
    """A database with a query for each kind, by its name.

    `updated_at` is the column that says when a row was changed last, "" for none; `overlap` is how
    long before the last change that was read it is read again.
    """

    name: str
    url: URL = field(repr=False)
    queries: Mapping[str, str]
    every: timedelta
    full_every: timedelta | None
    updated_at: str
    overlap: timedelta
    skip_bad: bool

    def read(self, reading: Reading, *, since: Positions) -> Positions:
        """Let `reading` take what has changed since then; return how far that goes.

        Without a position everything is read. Raises Unusable, and tells no secret.
        """
        reached: dict[str, Position] = {}
        with self._connected() as connection:
            for kind in reading.kinds:
                newest = Newest(self.updated_at, since.get(kind.name))
                reading.take(kind, self._entries(connection, kind, newest))
                if newest.position:
                    reached[kind.name] = newest.position
        return reached

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = self._engine()
        try:
            options = ONE_MOMENT.get(engine.dialect.name, {})
            try:
                connection = engine.connect().execution_options(**options)
            except SQLAlchemyError as error:
                raise cannot_connect(self.url, error) from None
            with connection:
                yield connection
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        cannot_open(self.url)
        arguments = {}
        if self.url.get_backend_name() in ("postgresql", "mysql", "mariadb"):
            arguments = {"connect_timeout": CONNECT_SECONDS}
        try:
            return create_engine(self.url, poolclass=NullPool, connect_args=arguments)
        # What a driver makes of options that it does not like is its own affair.
        except (SQLAlchemyError, ImportError, ValueError, TypeError) as error:
            raise cannot_connect(self.url, error) from None

    def _entries(self, connection: Connection, kind: Kind, newest: Newest) -> Iterator[Entry]:
        # The drivers' own errors come past SQLAlchemy while rows are fetched.
        failures = (SQLAlchemyError, connection.dialect.loaded_dbapi.Error)
        try:
            streaming = connection.execution_options(stream_results=True)
            query, values = self._query(kind, newest.position)
            result = streaming.execute(query, values)
            self._check_columns(kind, result.keys())
            names = list(result.keys())
            for number, row in enumerate(result, start=1):
                fields = {name: _plain(value) for name, value in zip(names, row, strict=True)}
                newest.see(fields)
                yield Entry(_place(kind, number, fields), fields)
        except failures as error:
            raise cannot_read(self.url, kind.name, error) from None

    def _query(self, kind: Kind, position: Position | None) -> tuple[TextClause, dict[str, Any]]:
        query = self.queries[kind.name]
        if position is None:
            return text(query), {}
        changed = CHANGED.format(query=query, column=self.updated_at)
        return text(changed), {"since": since_value(position, self.overlap)}

    def _check_columns(self, kind: Kind, names: Iterable[str]) -> None:
        needed = [*kind.record._fields, *([self.updated_at] if self.updated_at else [])]
        missing = [name for name in needed if name not in set(names)]
        if missing:
            raise Unusable(f"the query {kind.name} gives no column {', '.join(missing)}.")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value


def _place(kind: Kind, number: int, fields: Mapping[str, object]) -> str:
    """Return where a row is: its number says little where nothing sorts, so its id is there too."""
    id_ = fields["id"]
    named = f" (id {id_})" if isinstance(id_, str) and id_.isprintable() else ""
    return f"{kind.name}, row {number:,}{named}"
