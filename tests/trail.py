"""Reading the audit trail in tests."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction
from app.storage import audit_chain
from app.storage.audit_trail import AuditEvent


def events(db: Session, action: AuditAction | None = None) -> Sequence[AuditEvent]:
    """Return the events, or those of one action, in order."""
    # What this unit of work has recorded itself is written at its end, or now.
    audit_chain.seal(db)
    query = select(AuditEvent).order_by(AuditEvent.id)
    if action is not None:
        query = query.where(AuditEvent.action == action)
    return db.scalars(query).all()


def actions(db: Session) -> list[str]:
    """Return what happened, in order."""
    return [event.action for event in events(db)]


def only(db: Session, action: AuditAction) -> AuditEvent:
    """Return the one event of that action; there must be exactly one."""
    found = events(db, action)
    assert len(found) == 1
    return found[0]
