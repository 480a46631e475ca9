"""Lists by key: a page starts after the last row seen, however far in, at the same cost."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Integer, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.storage.base import EPOCH, MICROSECOND, UTCDateTime, can_be_stored

Row = TypeVar("Row")
PAGE_SIZE = 50
LARGEST_KEY = 2**63 - 1
INCOMPLETE = "This page address is not complete."


class BadCursor(ValueError):
    """The cursor was not one of ours."""


@dataclass(frozen=True)
class Cursor:
    """A place in a list: the sort keys of a row, and whether the page lies before or after it."""

    keys: tuple[Any, ...]
    before: bool = False

    def __str__(self) -> str:
        text = json.dumps([self.before, *self.keys], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str | None) -> "Cursor | None":
        """Return the cursor that `text` spells, None for none; raise BadCursor for nonsense."""
        if not text:
            return None
        try:
            padded = text + "=" * (-len(text) % 4)
            before, *keys = json.loads(base64.urlsafe_b64decode(padded.encode()))
        except (ValueError, TypeError, binascii.Error, RecursionError) as error:
            raise BadCursor(INCOMPLETE) from error
        if not isinstance(before, bool) or not all(_is_key(key) for key in keys):
            raise BadCursor(INCOMPLETE)
        return cls(tuple(keys), before)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, with the cursors of its neighbours (None where there is none)."""

    rows: Sequence[Row]
    next: Cursor | None
    previous: Cursor | None


def page(
    db: Session,
    query: Select[Row],
    *,
    order: Sequence[InstrumentedAttribute[Any]],
    cursor: Cursor | None,
    descending: bool = False,
    size: int = PAGE_SIZE,
    read: Callable[[Session, Any], Sequence[Row]] | None = None,
) -> Page[Row]:
    """Return the page of `query`, sorted by the columns `order`, at `cursor` (None: the first).

    The last column of `order` must be unique, or rows with equal keys could be left out. `read`
    makes rows, which have these columns, of a query that is for something else than a row class.
    """
    backwards = cursor is not None and cursor.before
    query = from_cursor(query, order=order, cursor=cursor, descending=descending)
    rows = list((read or _entities)(db, query.limit(size + 1)))
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()

    def edge(row: Row, *, before: bool) -> Cursor:
        return Cursor(tuple(_plain(column, row) for column in order), before)

    has_next = more if not backwards else True
    has_previous = more if backwards else cursor is not None
    return Page(
        rows=rows,
        next=edge(rows[-1], before=False) if rows and has_next else None,
        previous=edge(rows[0], before=True) if rows and has_previous else None,
    )


def _entities(db: Session, query: Select[Row]) -> Sequence[Row]:
    return db.scalars(query).unique().all()


def from_cursor(
    query: Select[Row],
    *,
    order: Sequence[Any],
    cursor: Cursor | None,
    descending: bool = False,
) -> Select[Row]:
    """Return `query` sorted by the columns `order`, in the direction of the cursor, from there on.

    Raises BadCursor for the cursor of a list that is sorted by something else.
    """
    down = descending != (cursor is not None and cursor.before)
    if cursor is not None:
        if len(cursor.keys) != len(order):
            raise BadCursor(INCOMPLETE)
        here = tuple_(*[_raw(column, key) for column, key in zip(order, cursor.keys, strict=True)])
        columns = tuple_(*order)
        query = query.where(columns < here if down else columns > here)
    return query.order_by(*[column.desc() if down else column.asc() for column in order])


def _is_key(key: object) -> bool:
    if isinstance(key, str):
        return can_be_stored(key)
    return type(key) is int and abs(key) <= LARGEST_KEY


def _plain(column: InstrumentedAttribute[Any], row: object) -> str | int:
    value = getattr(row, column.key)
    return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value


def _raw(column: ColumnElement[Any], key: str | int) -> ColumnElement[Any]:
    numeric = isinstance(column.type, UTCDateTime | Integer)
    if isinstance(key, int) is not numeric:
        raise BadCursor(INCOMPLETE)
    if not isinstance(column.type, UTCDateTime):
        return literal(key, column.type)
    try:
        return literal(EPOCH + int(key) * MICROSECOND, column.type)
    except OverflowError as error:
        raise BadCursor(INCOMPLETE) from error
