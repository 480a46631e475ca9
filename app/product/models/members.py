"""Members: people in an account. The same person in two accounts is two members."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.product.database import Base, new_id
from app.product.models.accounts import Account

SIGN_IN_LIFETIME = timedelta(days=7)
LAST_SEEN_STEP = timedelta(minutes=5)


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class MemberStatus(StrEnum):
    ACTIVE = "active"
    INVITED = "invited"
    DEACTIVATED = "deactivated"


class Member(Base):
    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("account_id", "email"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(200))
    # Always in lower case: people sign in with it, whatever they type.
    email: Mapped[str] = mapped_column(String(254), index=True)
    role: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20), default=MemberStatus.ACTIVE)
    protected: Mapped[bool] = mapped_column(default=False)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    @property
    def may_sign_in(self) -> bool:
        return self.status == MemberStatus.ACTIVE and self.account.is_active

    @property
    def may_edit(self) -> bool:
        return self.role != Role.VIEWER

    def was_seen_lately(self, now: datetime) -> bool:
        return self.last_seen_at is not None and now - self.last_seen_at < LAST_SEEN_STEP


class SignIn(Base):
    """One browser that a member signed in with. Without its row the cookie is worthless."""

    __tablename__ = "sign_ins"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"), index=True)
    created_at: Mapped[datetime]

    member: Mapped[Member] = relationship(lazy="joined", innerjoin=True)

    def is_alive(self, now: datetime) -> bool:
        return now - self.created_at < SIGN_IN_LIFETIME
