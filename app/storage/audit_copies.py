"""How far the copies of the trail in other places have come."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.audit_checkpoints import AuditCheckpoint
from app.storage.audit_trail import AuditEvent, NumberOfEvent
from app.storage.base import Base


class AuditCopy(Base):
    """One target of copies. The trail itself is its outbox: what it holds beyond is still to go.

    `at` is when it last went, or failed first; `problem` says in one line why it does not go.
    """

    __tablename__ = "audit_copies"

    target: Mapped[str] = mapped_column(primary_key=True)
    last_event_id: Mapped[int] = mapped_column(NumberOfEvent)
    last_checkpoint_size: Mapped[int] = mapped_column(NumberOfEvent)
    at: Mapped[datetime]
    problem: Mapped[str | None]


def first_event_id(db: Session, *, after: int) -> int | None:
    """Return the lowest number above `after` that the trail holds."""
    return db.scalar(select(func.min(AuditEvent.id)).where(AuditEvent.id > after))


def checkpoints_between(
    db: Session, *, after: int, up_to: int, limit: int
) -> Sequence[AuditCheckpoint]:
    """Return the first `limit` checkpoints with sizes above `after` up to `up_to`, by size."""
    query = select(AuditCheckpoint).where(
        AuditCheckpoint.size > after, AuditCheckpoint.size <= up_to
    )
    return db.scalars(query.order_by(AuditCheckpoint.size).limit(limit)).all()
