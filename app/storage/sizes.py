"""How many rows a table has, told without counting them: nobody waits for a million rows."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.storage.base import Base

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Size:
    """So many rows. Above MOST_COUNTED it `is_estimated`, or so many that nobody has counted."""

    rows: int

    @property
    def is_estimated(self) -> bool:
        """Whether there may be some more or some less."""
        return self.rows > MOST_COUNTED


def size_of(db: Session, kind: type[Base]) -> Size:
    """Return how many rows the table has, which must be one whose rows are never deleted."""
    table = kind.__tablename__
    if db.get_bind().dialect.name == "sqlite":
        # Rows are numbered in the order in which they came.
        return Size(db.scalar(text(f"SELECT max(rowid) FROM {table}")) or 0)  # noqa: S608
    known = text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)")
    estimate = Size(int(db.scalar(known, {"name": table}) or 0))
    if estimate.is_estimated:
        return estimate
    # Nobody has looked at the table since it was small, or it still is.
    some = select(1).select_from(kind).limit(MOST_COUNTED + 1).subquery()
    return Size(db.scalar(select(func.count()).select_from(some)) or 0)
