"""Accounts: the customer organisations."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base, new_id
from app.storage.folding import containing, fold
from app.storage.paging import Cursor, Page, page


class AccountStatus(StrEnum):
    """Where the customer stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Account(Base):
    """A customer organisation, as the directory tells it.

    `impersonation_allowed` is the directory's word, `impersonation_switched_off` ours: either
    can forbid, so that a sync never undoes what an admin has switched off.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'suspended')", name="status"),
        Index("ix_accounts_sort_key_id", "sort_key", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    domain: Mapped[str]
    plan: Mapped[str]
    status: Mapped[str]
    impersonation_allowed: Mapped[bool]
    impersonation_switched_off: Mapped[bool] = mapped_column(default=False)
    sort_key: Mapped[str]
    search_text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def is_suspended(self) -> bool:
        """Whether the customer is suspended."""
        return self.status == AccountStatus.SUSPENDED

    @property
    def allows_impersonation(self) -> bool:
        """Whether both the customer and we allow impersonation in this account."""
        return self.impersonation_allowed and not self.impersonation_switched_off

    def fold_names(self) -> None:
        """Bring the keys for sorting and searching up to date with the name and the domain."""
        self.sort_key = fold(self.name)
        self.search_text = f"{self.sort_key} {fold(self.domain)}"


def search_accounts(db: Session, *, text: str, cursor: Cursor | None) -> Page[Account]:
    """Return a page of the accounts whose name or domain contains `text`, by name."""
    query = select(Account)
    if text:
        query = query.where(Account.search_text.like(containing(text), escape="\\"))
    return page(db, query, order=(Account.sort_key, Account.id), cursor=cursor)
