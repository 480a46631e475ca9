"""How far the table of events goes, and what in it has no place in a trail counted from 1.

Nothing is taken for granted of the numbers: whoever owns the table may have rebuilt it.
"""

import math

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.storage.audit_chain import EVENTS, LAST_NUMBER

FIRST_GAP = text("""
    SELECT before, behind FROM (
        SELECT COALESCE(LAG(id) OVER (ORDER BY id), :after) AS before, id AS behind
        FROM audit_events WHERE id > :after AND id <= :last
    ) AS neighbours
    WHERE behind > before + 1 ORDER BY behind LIMIT 1
""")


def bounds(db: Session) -> tuple[int, int]:
    """Return the numbers of the first and the last event in the table, 0 and 0 without any.

    Rows with no number that an event can have are passed over.
    """
    # One by one they are looked up, together they would be searched for.
    first, last = (
        db.scalar(select(end(EVENTS.c.id)).where(EVENTS.c.id.between(1, LAST_NUMBER)))
        for end in (func.min, func.max)
    )
    # Whoever rebuilds the table may give a number another type.
    return int(first or 0), int(last or 0)


def count_rows(db: Session, *, after: int) -> int:
    """Return how many rows come after that number; 0 for all there are, whatever their number."""
    rows = select(func.count()).select_from(EVENTS)
    # What is no number at all SQLite sorts behind the last; PostgreSQL keeps none.
    return db.scalar(rows.where(EVENTS.c.id > after) if after else rows) or 0


def has_row_without_number(db: Session) -> bool:
    """Whether the table holds a row with a number below 1, or without any."""
    # One by one they are looked up, together they would be searched for.
    return any(
        db.scalar(select(1).select_from(EVENTS).where(where).limit(1)) is not None
        for where in (EVENTS.c.id < 1, EVENTS.c.id.is_(None))
    )


def first_gap(db: Session, *, after: int, last: int) -> tuple[int, int] | None:
    """Return the first and the last number of the first gap between two numbers, None without one.

    This goes through the rows, not through the numbers: a gap may be larger than any trail.
    """
    gap = db.execute(FIRST_GAP, {"after": after, "last": last}).first()
    return (math.floor(gap.before) + 1, math.ceil(gap.behind) - 1) if gap else None
