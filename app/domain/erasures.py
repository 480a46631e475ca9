"""Erasing what is held of one person's sessions and acts, while the chain stays verifiable."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.storage import audit_archives as stored
from app.storage.audit_trail import facts_of
from app.storage.session_words import count_session_words, erase_session_words


@dataclass(frozen=True)
class Erased:
    """Of how many events the words went, and of how many sessions and links to one."""

    events: int
    sessions: int


def record(db: Session, person_id: str, *, provenance: Provenance, now: datetime) -> int:
    """Record that the words of the events by and about a person are erased; return how many.

    `person_id` is that of a member or an admin. Ids, times and actions stay; names, addresses,
    reasons, paths and ticket links go, those of the other person in the same event too. Raises
    Conflict when there is nothing to erase.
    """
    # Many an event names nobody, and nobody is not to be erased.
    count = stored.count_words(db, person_id) if person_id else 0
    if not count and not count_session_words(db, person_id):
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


def carry_out(db: Session, person_id: str) -> Erased:
    """Delete the words whose erasure has been recorded, and what their sessions repeat of them."""
    recorded = facts_of(db, AuditAction.AUDIT_WORDS_ERASED)
    numbers = [number for number, facts in recorded if facts["person_id"] == person_id]
    if not numbers:
        return Erased(0, 0)
    count = stored.delete_words(db, person_id, before=max(numbers))
    return Erased(count, erase_session_words(db, person_id))
