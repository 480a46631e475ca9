"""How far the copies of the trail in other places have come."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.storage.audit_trail import NumberOfEvent
from app.storage.base import Base


class AuditCopy(Base):
    """One target of copies. The trail itself is its outbox: what it holds beyond is still to go."""

    __tablename__ = "audit_copies"

    target: Mapped[str] = mapped_column(primary_key=True)
    last_event_id: Mapped[int] = mapped_column(NumberOfEvent)
    last_checkpoint_size: Mapped[int] = mapped_column(NumberOfEvent)
    at: Mapped[datetime]
    problem: Mapped[str | None]
