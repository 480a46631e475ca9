"""What an export reads: stored events that fit, a stretch of numbers at a time."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, select, type_coerce
from sqlalchemy.orm import Session

from app.storage.audit_chain import StoredEvent
from app.storage.audit_search import COLUMNS, EventFilters
from app.storage.audit_trail import AuditEvent, AuditWords

EVENTS, WORDS = AuditEvent.__table__.c, AuditWords.__table__.c
# What a filter may ask about.
TRIED = [EVENTS[name] for name in ("id", "at", "outcome", *COLUMNS)]
STORED = [
    # Times stay the numbers that they are stored as.
    type_coerce(EVENTS.at, BigInteger) if name == "at" else EVENTS[name]
    for name in StoredEvent._fields[:-2]
]


def fitting_events(
    db: Session, filters: EventFilters, *, after: int, last: int
) -> Sequence[StoredEvent]:
    """Return the events that fit with numbers above `after` up to `last`, in order."""
    stretch = select(*TRIED).where(EVENTS.id > after, EVENTS.id <= last).order_by(EVENTS.id)
    # The limit keeps a plan from following the index of a filter from end to end each time.
    tried = stretch.limit(last - after).subquery()
    query = (
        select(*STORED, WORDS.salt, WORDS.words)
        .outerjoin(AuditWords.__table__, WORDS.event_id == EVENTS.id)
        .where(EVENTS.id.in_(filters.applied(select(tried.c.id), tried.c)))
        .order_by(EVENTS.id)
    )
    return [StoredEvent._make(row) for row in db.execute(query)]
