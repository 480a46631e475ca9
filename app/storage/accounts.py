"""Accounts: the customer organisations."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base, indexed_where_known, new_id
from app.storage.folding import fold, searchable
from app.storage.paging import PAGE_SIZE, Cursor, Page, page
from app.storage.search import SearchPage, ids_in, search


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
        indexed_where_known("ix_accounts_external_id", "external_id"),
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
    # Of every member ever known. Whoever adds or moves one keeps it true in the same transaction.
    member_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # What only a push over SCIM tells; app.storage.pushed says what these mean.
    external_id: Mapped[str | None]
    removed_at: Mapped[datetime | None]

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
        self.search_text = searchable(self.name, self.domain)


def list_accounts(
    db: Session, *, cursor: Cursor | None, account_id: str | None = None, size: int = PAGE_SIZE
) -> Page[Account]:
    """Return a page of all accounts, by name, or of that one account."""
    query = select(Account)
    if account_id is not None:
        query = query.where(Account.id == account_id)
    order = (Account.sort_key, Account.id)
    return page(db, query, order=order, cursor=cursor, size=size)


def search_accounts(
    db: Session,
    *,
    text: str,
    cursor: Cursor | None,
    account_id: str | None = None,
    size: int = PAGE_SIZE,
) -> SearchPage[Account]:
    """Return a page of the accounts with the words of `text` in name or domain, best first.

    First of all are those whose name or id it is, or whose id it holds, as an address does.
    With `account_id` it is that account, if it fits.
    """
    exact = (Account.id.in_(ids_in(text)), Account.sort_key == fold(text))
    found = search(
        db,
        Account,
        text=text,
        cursor=cursor,
        exact=exact,
        account_id=account_id,
        size=size,
    )
    return found.read(lambda ids: db.scalars(select(Account).where(Account.id.in_(ids))))
