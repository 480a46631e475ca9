"""What has happened lately, for counting it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.storage.audit_trail import AuditEvent


class Happening(NamedTuple):
    """An event without its people."""

    id: int
    action: str
    outcome: str
    facts: str


def happenings(db: Session, *, after: int, limit: int) -> Sequence[Happening]:
    """Return the first events with a higher number than `after`, in order, at most `limit`."""
    columns = (AuditEvent.id, AuditEvent.action, AuditEvent.outcome, AuditEvent.facts)
    query = select(*columns).where(AuditEvent.id > after).order_by(AuditEvent.id).limit(limit)
    return [Happening(*row) for row in db.execute(query)]


def newest(db: Session) -> tuple[int, datetime | None]:
    """Return the number and the time of the newest event, 0 and None where there is none."""
    query = select(AuditEvent.id, AuditEvent.at).order_by(AuditEvent.id.desc()).limit(1)
    row = db.execute(query).first()
    return (row[0], row[1]) if row else (0, None)
