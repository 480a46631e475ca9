"""Activity: who did what in an account, for its members to read."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.product.database import Base, new_id


class Action(StrEnum):
    """What can happen. The values are stored, so they are spelt for ever."""

    TEMPLATE_CREATED = "template_created"
    TEMPLATE_CHANGED = "template_changed"
    TEMPLATE_DELETED = "template_deleted"
    TEST_SENT = "test_sent"
    NAME_CHANGED = "name_changed"
    SENDER_NAME_CHANGED = "sender_name_changed"


class Activity(Base):
    """One deed of a member. Names are kept as they were, so that the row stands alone."""

    __tablename__ = "activity"
    __table_args__ = (
        Index(None, "account_id", "happened_at", "id"),
        Index(None, "template_id", "happened_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    happened_at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"))
    member_name: Mapped[str] = mapped_column(String(200))
    # No foreign key: the row outlives the template.
    template_id: Mapped[str | None] = mapped_column(String(36))
    subject_name: Mapped[str] = mapped_column(String(254), default="")
    impersonator_id: Mapped[str | None] = mapped_column(String(64))
    impersonator_name: Mapped[str | None] = mapped_column(String(200))
    impersonation_id: Mapped[str | None] = mapped_column(String(64))
