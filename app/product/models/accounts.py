"""Accounts: the organisations that use Letterbox."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.product.database import Base, new_id


class AccountStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Account(Base):
    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    domain: Mapped[str] = mapped_column(String(253), unique=True)
    status: Mapped[str] = mapped_column(String(20), default=AccountStatus.ACTIVE)
    support_access: Mapped[bool] = mapped_column(default=True)
    plan: Mapped[str] = mapped_column(String(40))
    sender_name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]

    @property
    def is_active(self) -> bool:
        return self.status == AccountStatus.ACTIVE

    @property
    def sender_address(self) -> str:
        return f"hello@{self.domain}"
