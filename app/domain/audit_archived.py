"""How far archives go, as the trail itself records it: what was ordered, and what was done."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.domain.audit_facts import number_in
from app.domain.audit_trail import AuditAction
from app.storage import audit_chain
from app.storage.audit_chain import StoredEvent

ORDERED, DONE = AuditAction.AUDIT_ARCHIVE_ORDERED, AuditAction.AUDIT_ARCHIVED


@dataclass
class Archived:
    """The records of archives, as they are met in the order of the trail.

    An archive counts when it holds what an admin had ordered before, and both records came after
    what it holds.
    """

    _ordered: dict[int, int] = field(default_factory=dict)
    _done: dict[int, int] = field(default_factory=dict)

    def note(self, event: StoredEvent) -> None:
        """Take in the record of an order or of an archive."""
        last = number_in(event, "last")
        if event.action == ORDERED and event.actor_id and last < event.id:
            self._ordered.setdefault(last, event.id)
        elif event.action == DONE:
            self._done[last] = event.id

    def join(self, later: "Archived") -> None:
        """Take in what a later run has noted."""
        self._ordered = later._ordered | self._ordered
        self._done |= later._done

    @property
    def last(self) -> int:
        """The last event that an archive holds, 0 for none."""
        ordered = self._ordered
        known = [last for last, done in self._done.items() if ordered.get(last, done) < done]
        return max(known, default=0)


def archived(db: Session) -> int:
    """Return the last event that an archive holds, 0 for none.

    The records are taken as they stand in the table: only verifying shows whether they are true.
    """
    records = Archived()
    for event in audit_chain.events_of(db, ORDERED, DONE):
        records.note(event)
    return records.last
