"""Retention: old events go to files and then out of the table, and the trail still verifies.

A superadmin orders it, the operator carries it out: neither can do it alone. What has been ordered
and done are events, and there is no other record of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.audit_archived import archived
from app.domain.audit_export_events import Export, Format
from app.domain.audit_tiles import TILE_WIDTH
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.checkpointing import Checkpoints
from app.domain.errors import Conflict, Invalid
from app.storage import audit_archives as stored
from app.storage.admins import Admin
from app.storage.audit_checkpoints import latest_checkpoint
from app.storage.audit_search import EventFilters
from app.storage.audit_trail import facts_of

PRUNED_AT_ONCE = 5_000
# What is younger stays where it can be searched.
SHORTEST_RETENTION = timedelta(days=90)

NOTHING_WAITS = "Nothing waits to be archived. A superadmin orders it on the page Archives."


def order(
    db: Session, *, before: datetime, by: Admin, provenance: Provenance, now: datetime
) -> int:
    """Order that everything older than `before` be archived; return the last such event.

    Only what has been signed can go, and only by whole tiles of the tree, which stay and keep
    older checkpoints provable. Raises Invalid for events that are too young, Conflict when there
    is nothing or an order is waiting.
    """
    if before > now - SHORTEST_RETENTION:
        raise Invalid(f"Events of the last {SHORTEST_RETENTION.days} days stay in the database.")
    if waiting(db):
        raise Conflict("An order is waiting for the operator already.")
    last = _last_before(db, before)
    if last <= archived(db):
        raise Conflict("Nothing that old is left to archive.")
    append(
        db,
        event(
            AuditAction.AUDIT_ARCHIVE_ORDERED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"last": last},
        ),
    )
    return last


@dataclass(frozen=True)
class Absent:
    """The events that are not in the table any more: all up to number `last`, from before `at`."""

    last: int
    at: datetime

    @property
    def sentence(self) -> str:
        """What a reader is told; whether an archive has them only its file shows."""
        return (
            f"Events 1 to {self.last:,}, from before {self.at:%Y-%m-%d %H:%M} UTC, are not in the"
            " database any more: they are said to be in archives."
        )


def absent(db: Session) -> Absent | None:
    """Return which events have left the table, None for none."""
    oldest = stored.oldest_event(db)
    return Absent(oldest.id - 1, oldest.at) if oldest and oldest.id > 1 else None


def waiting(db: Session) -> int:
    """Return the last event of the order that has not been carried out, 0 when there is none."""
    orders = facts_of(db, AuditAction.AUDIT_ARCHIVE_ORDERED)
    ordered: int = max((facts["last"] for _, facts in orders), default=0)
    return ordered if ordered > archived(db) else 0


def archives(db: Session) -> Sequence[tuple[datetime, dict[str, Any]]]:
    """Return when each archive was made, with its facts, the newest first.

    Of those whose own record has been archived since, the later archives tell.
    """
    events = stored.events_of(db, AuditAction.AUDIT_ARCHIVED)
    return [(one.at, one.details) for one in events]


def prepare(db: Session, *, trail: Checkpoints, by: str, now: datetime) -> Export:
    """Return what is to be written to the archive that has been ordered.

    It is an export under a checkpoint of its own. Raises Conflict when nothing has been ordered,
    Tampered when the trail is not what was signed.
    """
    last = waiting(db)
    if not last:
        raise Conflict(NOTHING_WAITS)
    return Export(
        format=Format.JSONL,
        filters=EventFilters(),
        asked={},
        first=archived(db) + 1,
        checkpoint=trail.make_past(db, last, now=now),
        by=by,
        at=now,
    )


def record(
    db: Session,
    *,
    export: Export,
    file: str,
    sha256: str,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Record that the archive has been written: from here on its events may leave the table."""
    details = {"first": export.first, "last": export.last, "file": file, "sha256": sha256}
    append(db, event(AuditAction.AUDIT_ARCHIVED, now=now, provenance=provenance, details=details))


def left_to_prune(db: Session) -> int:
    """Return how many events are in an archive and in the table still."""
    oldest = stored.oldest_event(db)
    return max(0, archived(db) - oldest.id + 1) if oldest else 0


def prune(db: Session) -> int:
    """Delete some of the events that an archive holds; return how many, 0 when all are gone."""
    return stored.delete_events(db, last=archived(db), at_most=PRUNED_AT_ONCE)


def _last_before(db: Session, before: datetime) -> int:
    first = stored.first_event_at(db, before)
    checkpoint = latest_checkpoint(db)
    signed = checkpoint.size if checkpoint else 0
    last = signed if first is None else min(first - 1, signed)
    return last - last % TILE_WIDTH
