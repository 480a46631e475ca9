"""Members: people in accounts. The same person in two accounts is two members."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.accounts import Account
from app.storage.base import Base, new_id
from app.storage.folding import containing, fold
from app.storage.paging import Cursor, Page, page


class MemberStatus(StrEnum):
    """Whether the person can use the product."""

    ACTIVE = "active"
    INVITED = "invited"
    DEACTIVATED = "deactivated"


class Member(Base):
    """A person in an account, as the directory tells it."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'invited', 'deactivated')", name="status"),
        Index("ix_members_sort_key_id", "sort_key", "id"),
        Index("ix_members_account_id_sort_key_id", "account_id", "sort_key", "id"),
        Index("ix_members_email_key", "email_key"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str]
    email: Mapped[str]
    email_key: Mapped[str]
    role: Mapped[str]
    status: Mapped[str]
    protected: Mapped[bool]
    sort_key: Mapped[str]
    search_text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    def fold_names(self) -> None:
        """Bring the keys for sorting and searching up to date with the name and the address."""
        self.sort_key = fold(self.name)
        self.email_key = fold(self.email)
        self.search_text = f"{self.sort_key} {self.email_key}"


def search_members(
    db: Session, *, text: str, cursor: Cursor | None, account_id: str | None = None
) -> Page[Member]:
    """Return a page of members by name; those whose name or e-mail address contains `text`."""
    query = select(Member)
    if account_id is not None:
        query = query.where(Member.account_id == account_id)
    if text:
        query = query.where(Member.search_text.like(containing(text), escape="\\"))
    return page(db, query, order=(Member.sort_key, Member.id), cursor=cursor)


def members_with_email(db: Session, email: str) -> Sequence[Member]:
    """Return the members with that address, in whichever accounts."""
    return db.scalars(select(Member).where(Member.email_key == fold(email))).all()


def count_members(db: Session, account_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of members in each of the accounts of one page."""
    query = select(Member.account_id, func.count()).where(Member.account_id.in_(account_ids))
    return dict(db.execute(query.group_by(Member.account_id)).all())
