"""Erasing what the trail holds of one person, while the chain stays verifiable."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.storage import audit_archives as stored
from app.storage.audit_trail import facts_of


def record(db: Session, person_id: str, *, provenance: Provenance, now: datetime) -> int:
    """Record that the words of the events by and about a person are erased; return how many.

    `person_id` is that of a member or an admin. Ids, times and actions stay; names, addresses,
    reasons, paths and ticket links go, those of the other person in the same event too. Raises
    Conflict when there is nothing to erase.
    """
    count = stored.count_words(db, person_id)
    if not count:
        raise Conflict("The trail holds no words of this person.")
    append(
        db,
        event(
            AuditAction.AUDIT_WORDS_ERASED,
            now=now,
            provenance=provenance,
            details={"person_id": person_id, "events": count},
        ),
    )
    return count


def carry_out(db: Session, person_id: str) -> int:
    """Delete the words whose erasure has been recorded; return of how many events."""
    recorded = facts_of(db, AuditAction.AUDIT_WORDS_ERASED)
    numbers = [number for number, facts in recorded if facts["person_id"] == person_id]
    return stored.delete_words(db, person_id, before=max(numbers, default=0))
