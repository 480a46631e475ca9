# ruff: noqa: S608 - the names of tables and columns are our own
"""What a source has said, kept on disk until all of it is known to be good.

A private temporary file that SQLite removes when it is closed, or when the program dies: reading
takes the same memory for a thousand members as for a million.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from app.storage.base import EPOCH, MICROSECOND
from app.storage.directory import ACCOUNTS, MEMBERS, Kind, Record

CACHE_KIBIBYTES = 32 * 1024
PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIBIBYTES}")
TABLES = """
    CREATE TABLE {name} (number INTEGER PRIMARY KEY, place TEXT NOT NULL, is_good INTEGER NOT NULL,
                         id TEXT NOT NULL UNIQUE, {columns});
    CREATE TABLE missing_{name} (number INTEGER PRIMARY KEY, id TEXT NOT NULL);
"""
# Accounts that members are in, and that the source itself does not tell of, or not well enough.
NEEDED_TABLE = """
    CREATE TABLE needed (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, is_missing INTEGER);
"""
NEEDED = """
    INSERT INTO needed (id, is_missing)
        SELECT DISTINCT account_id, 0 FROM members
         WHERE is_good AND account_id NOT IN (SELECT id FROM accounts WHERE is_good)
"""
WITHOUT_ACCOUNT = """
    UPDATE members SET is_good = 0
     WHERE is_good AND account_id IN (SELECT id FROM needed WHERE is_missing)
    RETURNING place, account_id
"""


class Stage:
    """Accounts and members, each id once, in the order in which they came.

    `place` says where one was read, such as "members.csv, line 7". Raises sqlite3.Error when the
    disk is full.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        for kind in (ACCOUNTS, MEMBERS):
            columns = ", ".join(name for name in kind.record._fields if name != "id")
            self._connection.executescript(TABLES.format(name=kind.name, columns=columns))
        self._connection.execute(NEEDED_TABLE)
        self._connection.execute("BEGIN")

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def put(self, kind: Kind, place: str, record: Record) -> str | None:
        """Keep the record; if its id is there already, leave that and return its place."""
        values = (place, 1, *map(_stored, record))
        marks = ", ".join("?" * len(values))
        insert = f"INSERT OR IGNORE INTO {kind.name} (place, is_good, {_names(kind)})"
        if self._connection.execute(f"{insert} VALUES ({marks})", values).rowcount:
            return None
        first = f"SELECT place FROM {kind.name} WHERE id = ?"
        return str(self._connection.execute(first, (record.id,)).fetchone()[0])

    def leave_out(self, kind: Kind, place: str, id_: str) -> None:
        """Keep that the source has this id, although what it says of it cannot be used."""
        insert = f"INSERT OR IGNORE INTO {kind.name} (place, is_good, id) VALUES (?, 0, ?)"
        self._connection.execute(insert, (place, id_))

    def count(self, kind: Kind) -> int:
        """Return how many records there are that can be used."""
        return self._number(f"SELECT count(*) FROM {kind.name} WHERE is_good")

    def records(self, kind: Kind, *, size: int) -> Iterator[Sequence[Record]]:
        """Yield the records that can be used, `size` at a time."""
        query = f"SELECT number, {_names(kind)} FROM {kind.name} WHERE number > ? AND is_good"
        for rows in self._pages(query, size):
            yield [_record(kind, row[1:]) for row in rows]

    def those(self, kind: Kind, ids: Collection[str]) -> Sequence[Record]:
        """Return the records with those ids that can be used; there must not be many."""
        query = f"""SELECT {_names(kind)} FROM {kind.name}
                    WHERE is_good AND id IN (SELECT value FROM json_each(?))"""
        return [_record(kind, row) for row in self._connection.execute(query, (_as_json(ids),))]

    def needed_account_ids(self, *, size: int) -> Iterator[Sequence[str]]:
        """Yield the accounts of members that are not among the accounts that can be used."""
        self._connection.execute(NEEDED)
        for rows in self._pages("SELECT number, id FROM needed WHERE number > ?", size):
            yield [id_ for _, id_ in rows]

    def has(self, kind: Kind, ids: Collection[str]) -> set[str]:
        """Return which of those ids the source has, in whatever record."""
        query = f"SELECT id FROM {kind.name} WHERE id IN (SELECT value FROM json_each(?))"
        return {id_ for (id_,) in self._connection.execute(query, (_as_json(ids),))}

    def refuse_members_of(self, account_ids: Collection[str]) -> None:
        """Let `members_without_account` find the members of those, which are nowhere."""
        update = "UPDATE needed SET is_missing = 1 WHERE id IN (SELECT value FROM json_each(?))"
        self._connection.execute(update, (_as_json(account_ids),))

    def members_without_account(self) -> Iterator[tuple[str, str]]:
        """Leave the members of accounts that are nowhere out; yield their places and accounts."""
        yield from self._connection.execute(WITHOUT_ACCOUNT)

    def note_missing(self, kind: Kind, ids: Collection[str]) -> int:
        """Keep which of those ids the source does not have; return how many these are."""
        insert = f"""INSERT INTO missing_{kind.name} (id) SELECT value FROM json_each(?)
                     WHERE value NOT IN (SELECT id FROM {kind.name})"""
        return self._connection.execute(insert, (_as_json(ids),)).rowcount

    def missing(self, kind: Kind, *, size: int) -> Iterator[Sequence[str]]:
        """Yield what was kept as missing, `size` at a time."""
        query = f"SELECT number, id FROM missing_{kind.name} WHERE number > ?"
        for rows in self._pages(query, size):
            yield [id_ for _, id_ in rows]

    def _pages(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        last = 0
        while rows := self._connection.execute(
            f"{query} ORDER BY number LIMIT ?", (last, size)
        ).fetchall():
            last = rows[-1][0]
            yield rows

    def _number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])


def _names(kind: Kind) -> str:
    return ", ".join(kind.record._fields)


def _as_json(ids: Collection[str]) -> str:
    return json.dumps(list(ids))


def _stored(value: object) -> object:
    return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value


def _record(kind: Kind, values: Sequence[Any]) -> Record:
    # The last two columns are those that SQLite has no type for, a flag and a time.
    *texts, flag, created_at = values
    return kind.record._make((*texts, bool(flag), EPOCH + created_at * MICROSECOND))
