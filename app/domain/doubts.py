"""What verifying the trail has found and nobody has answered yet: until then no session starts.

A finding is cleared by verifying the place again, and answered by a superadmin who says that they
know of it (F10). Both are events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.audit_facts import parsed
from app.domain.audit_scan import CUT_OFF, KEPT_DAMAGED, KEPT_GONE, REWRITTEN, SPLIT
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.storage import audit_chain
from app.storage.admins import Admin

# What only a checkpoint from outside the database can show, only such a one can clear.
SHOWN_FROM_OUTSIDE = frozenset({CUT_OFF, REWRITTEN, SPLIT, KEPT_GONE, KEPT_DAMAGED})

NOTHING_TO_ACKNOWLEDGE = "Nothing waits to be acknowledged."


@dataclass(frozen=True)
class Doubt:
    """A finding: the event that recorded it, and what and where it is.

    Without a place, because somebody has rewritten the record, nothing clears it.
    """

    number: int
    kind: object
    first: int | None
    last: int | None

    @classmethod
    def of(cls, number: int, facts: Mapping[str, Any]) -> "Doubt":
        """Return the finding that an event recorded with these facts."""
        return cls(number, facts.get("kind"), _number(facts, "first"), _number(facts, "last"))

    def is_cleared_by(self, verified: Mapping[str, Any]) -> bool:
        """Whether a verification, by its facts, looked at the place, and with the means it takes.

        To verify from a later checkpoint on says nothing about what comes before it.
        """
        first, last, kept = (_number(verified, name) for name in ("first", "last", "furthest_kept"))
        if None in (self.first, self.last, first, last):
            return False
        if self.kind in SHOWN_FROM_OUTSIDE and (kept or 0) < (self.last or 0):
            return False
        return (first or 0) <= (self.first or 0) <= (last or 0)


def standing(db: Session, *, after: int = 0) -> Sequence[Doubt]:
    """Return the findings that nothing has cleared since, recorded after that event, in order."""
    found = _facts(db, AuditAction.AUDIT_DOUBTED, after)
    if not found:
        return []
    verified = _facts(db, AuditAction.AUDIT_VERIFIED, found[0][0])
    return [
        doubt
        for doubt in (Doubt.of(number, facts) for number, facts in found)
        if not any(
            number > doubt.number and doubt.is_cleared_by(facts) for number, facts in verified
        )
    ]


def unacknowledged(db: Session) -> Doubt | None:
    """Return the newest finding that stands and that nobody has acknowledged."""
    answered = [
        _number(facts, "doubt") or 0
        for _, facts in _facts(db, AuditAction.AUDIT_DOUBT_ACKNOWLEDGED)
    ]
    doubts = standing(db, after=max(answered, default=0))
    return doubts[-1] if doubts else None


def acknowledge(
    db: Session, number: int, *, by: Admin, provenance: Provenance, now: datetime
) -> None:
    """Record that a superadmin knows of the findings up to that event: sessions may start again.

    Raises Conflict when there is nothing to acknowledge, or something else by now.
    """
    doubt = unacknowledged(db)
    if doubt is None or doubt.number != number:
        raise Conflict(NOTHING_TO_ACKNOWLEDGE if doubt is None else "Something else was found.")
    append(
        db,
        event(
            AuditAction.AUDIT_DOUBT_ACKNOWLEDGED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"doubt": number},
        ),
    )


def _facts(db: Session, action: str, after: int = 0) -> list[tuple[int, Mapping[str, Any]]]:
    stored = audit_chain.stored_facts(db, action, after=after)
    return [(number, parsed(facts)) for number, facts in stored]


def _number(facts: Mapping[str, Any], name: str) -> int | None:
    value = facts.get(name)
    return value if type(value) is int else None
