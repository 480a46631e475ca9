"""How many rows a table has, told without counting them: nobody waits for a million rows."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.orm import Session

from app.storage.base import Base
from app.storage.ready import ask

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Size:
    """So many rows; about so many, or more than so many, when it `is_estimated`."""

    rows: int
    is_estimated: bool = False


def size_of(db: Session, kind: type[Base]) -> Size:
    """Return how many rows the table has, which must be one whose rows are never deleted."""
    table = kind.__tablename__
    if db.get_bind().dialect.name == "sqlite":
        # Rows are numbered in the order in which they came.
        last = db.scalar(text(f"SELECT max(rowid) FROM {table}")) or 0  # noqa: S608
        return Size(last, is_estimated=last > MOST_COUNTED)
    known = text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)")
    estimate = int(db.scalar(known, {"name": table}) or 0)
    if estimate > MOST_COUNTED:
        return Size(estimate, is_estimated=True)
    # Nobody has looked at the table since it was small, or it still is.
    return count(db, select(1).select_from(kind))


def count(db: Session, query: Select[Any]) -> Size:
    """Return how many rows the query has; above MOST_COUNTED it counts no further."""
    return counted(db, counting(query))


def counting(query: Select[Any]) -> Select[Any]:
    """Return what `counted` asks to count the rows of a query."""
    return select(func.count()).select_from(query.limit(bindparam("most")).subquery())


def counted(db: Session, query: Select[Any], **values: object) -> Size:
    """Return what `count` does, for one that was made once by `counting`, with its values."""
    rows = ask(db, query, most=MOST_COUNTED + 1, **values).scalar_one()
    return Size(min(rows, MOST_COUNTED), is_estimated=rows > MOST_COUNTED)
