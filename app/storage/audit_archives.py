"""What archiving asks of the trail's tables, and the only deletions that they know."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import JSON, ColumnElement, CursorResult, Text, delete, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from app.storage.audit_trail import AuditEvent, AuditWords

# Facts are a text on both engines, and SQLite's functions for JSON take one as it is.
FACTS = JSON().with_variant(Text(), "sqlite")


def first_event_at(db: Session, at: datetime) -> int | None:
    """Return the number of the first event at that time or later, None if there is none."""
    query = select(AuditEvent.id).where(AuditEvent.at >= at).order_by(AuditEvent.at, AuditEvent.id)
    return db.scalar(query.limit(1))


def oldest_event(db: Session) -> AuditEvent | None:
    """Return the first event that is still in the table."""
    return db.scalar(select(AuditEvent).order_by(AuditEvent.id).limit(1))


def events_of(db: Session, action: str) -> Sequence[AuditEvent]:
    """Return every event of that action, the newest first."""
    # Their numbers first: in the order of all events, rare ones would be looked for among them all.
    numbers = db.scalars(select(AuditEvent.id).where(AuditEvent.action == action)).all()
    query = select(AuditEvent).where(AuditEvent.id.in_(numbers))
    return db.scalars(query.order_by(AuditEvent.id.desc())).all()


def delete_events(db: Session, *, last: int, at_most: int) -> int:
    """Delete the oldest events up to number `last`, so many at once; return how many.

    The database refuses it for events that no recorded archive holds.
    """
    first: int | None = db.scalar(select(func.min(AuditEvent.id)))
    if first is None or first > last:
        return 0
    end = min(last, first + at_most - 1)
    # The words first: what guards them looks at their event.
    db.execute(delete(AuditWords).where(AuditWords.event_id <= end))
    db.execute(delete(AuditEvent).where(AuditEvent.id <= end))
    return end - first + 1


def delete_words(db: Session, person_id: str, *, before: int) -> int:
    """Delete the words of the events before that number which are about a person, or by them.

    The database refuses it unless the erasure has been recorded. Return how many events lose
    their words.
    """
    events = select(AuditEvent.id).where(_is_of(person_id), AuditEvent.id < before)
    deleted = db.execute(delete(AuditWords).where(AuditWords.event_id.in_(events)))
    count: int = cast("CursorResult[None]", deleted).rowcount
    return count


def count_words(db: Session, person_id: str) -> int:
    """Return how many events still have words that are about a person or by them."""
    query = (
        select(func.count())
        .select_from(AuditEvent)
        .join(AuditWords, AuditWords.event_id == AuditEvent.id)
    )
    return db.scalar(query.where(_is_of(person_id))) or 0


def _is_of(person_id: str) -> ColumnElement[bool]:
    """Whether an event is by a person or about them: its actor, its subject, or whom it names.

    The trigger that guards the words and `app.domain.erased_words` know the same people.
    """
    named = sql_cast(AuditEvent.facts, FACTS)["admin_id"].as_string()
    people = (AuditEvent.subject_id, AuditEvent.actor_id, named)
    return or_(*(one == person_id for one in people))
