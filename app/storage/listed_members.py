"""Lists of members, and searching them.

A page has fifty members, often of fifty accounts. To load what it shows of them takes a quarter of
the time that their rows would, which are watched for changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.storage.accounts import Account, AccountStatus
from app.storage.folding import fold
from app.storage.members import Member
from app.storage.paging import PAGE_SIZE, Cursor, Page, page
from app.storage.search import SearchPage, ids_in, search


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """What a list of members tells of the account of each."""

    name: str
    is_suspended: bool
    allows_impersonation: bool


@dataclass(frozen=True, slots=True)
class ListedMember:
    """What a list tells of a member, and what the policy asks about one."""

    id: str
    account_id: str
    name: str
    email: str
    email_key: str
    role: str
    status: str
    protected: bool
    sort_key: str
    account: ListedAccount


QUERY: Any = select(
    Member.id,
    Member.account_id,
    Member.name,
    Member.email,
    Member.email_key,
    Member.role,
    Member.status,
    Member.protected,
    Member.sort_key,
    Account.name,
    Account.status == AccountStatus.SUSPENDED,
    Account.impersonation_allowed & ~Account.impersonation_switched_off,
).join(Account, Member.account_id == Account.id)
OF_ACCOUNT = 9


def list_members(
    db: Session, *, cursor: Cursor | None, account_id: str | None = None, size: int = PAGE_SIZE
) -> Page[ListedMember]:
    """Return a page of all members, or of those in one account, by name."""
    query = QUERY
    if account_id is not None:
        query = query.where(Member.account_id == account_id)
    order = (Member.sort_key, Member.id)
    return page(db, query, order=order, cursor=cursor, size=size, read=_listed)


def search_members(
    db: Session,
    *,
    text: str,
    cursor: Cursor | None,
    account_id: str | None = None,
    size: int = PAGE_SIZE,
) -> SearchPage[ListedMember]:
    """Return a page of the members with the words of `text` in name or address, best first.

    First of all are those whose e-mail address or id it is, or whose id it holds, as an address
    of the product does. With `account_id` it is those in one account.
    """
    found = search(
        db,
        Member,
        text=text,
        cursor=cursor,
        exact=(Member.id.in_(ids_in(text)), Member.email_key == fold(text)),
        account_id=account_id,
        size=size,
    )
    return found.read(lambda ids: _listed(db, QUERY.where(Member.id.in_(ids))))


def _listed(db: Session, query: Any) -> Sequence[ListedMember]:
    rows: Sequence[Any] = db.execute(query).all()
    return [ListedMember(*(*row[:OF_ACCOUNT], ListedAccount(*row[OF_ACCOUNT:]))) for row in rows]
