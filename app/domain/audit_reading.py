"""Reading the trail is itself part of the trail (L13)."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.storage.admins import Admin
from app.storage.audit_trail import latest_events

# Who turns pages to and fro is reading still.
ONE_READING = timedelta(minutes=5)
# How many readings are looked at: with more of them in so short a time, one more does no harm.
READINGS = 200


def is_recorded(db: Session, *, page: str, filters: str, reader_id: str, now: datetime) -> bool:
    """Whether that admin's reading of that page, with those filters, is recorded already."""
    for one in latest_events(db, limit=READINGS, action=AuditAction.AUDIT_READ):
        if one.at <= now - ONE_READING:
            return False
        if one.actor_id == reader_id and one.details == {"page": page, "filters": filters}:
            return True
    return False


def record(
    db: Session, *, page: str, filters: str, reader: Admin, provenance: Provenance, now: datetime
) -> None:
    """Record that the admin reads the page with those filters, which may hold names."""
    append(
        db,
        event(
            AuditAction.AUDIT_READ,
            now=now,
            provenance=provenance,
            actor=reader,
            details={"page": page, "filters": filters},
        ),
    )
