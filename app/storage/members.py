"""Members: people in accounts. The same person in two accounts is two members."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.accounts import Account
from app.storage.base import Base, indexed_where_known, new_id, number_of
from app.storage.folding import fold, searchable

# An address such as test@example.com can be in any number of accounts.
MOST_WITH_EMAIL = 50


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
        Index("ix_members_number", "number"),
        indexed_where_known("ix_members_external_id", "external_id"),
        indexed_where_known("ix_members_user_name_key", "user_name_key"),
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
    number: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # What only a push over SCIM tells; app.storage.pushed says what these mean.
    external_id: Mapped[str | None]
    user_name: Mapped[str | None]
    user_name_key: Mapped[str | None]
    removed_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined", innerjoin=True)

    def fold_names(self) -> None:
        """Bring what the member is sorted, searched and found by up to date with the rest."""
        self.sort_key = fold(self.name)
        self.email_key = fold(self.email)
        self.search_text = searchable(self.name, self.email)
        self.number = number_of(self.id)


def member_with_number(db: Session, number: int) -> Member | None:
    """Return the one member whom the number stands for, None if there is none, or another one."""
    found = db.scalars(select(Member).where(Member.number == number).limit(2)).all()
    return found[0] if len(found) == 1 else None


def account_members_with_email(db: Session, account_id: str, email: str) -> Sequence[Member]:
    """Return the members of the account with that address, by id."""
    query = select(Member).where(Member.account_id == account_id, Member.email_key == fold(email))
    return db.scalars(query.order_by(Member.id)).all()


def members_with_email(db: Session, email: str) -> Sequence[Member]:
    """Return the members with that address, in whichever accounts: the first MOST_WITH_EMAIL."""
    query = select(Member).where(Member.email_key == fold(email)).order_by(Member.id)
    return db.scalars(query.limit(MOST_WITH_EMAIL)).all()
