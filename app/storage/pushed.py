"""What a push over SCIM keeps beside an account or a member, and how it finds them again.

`external_id` is what the pusher calls the row: NULL where that is the row's own id, as for all
that came from a file or a database, and empty for none. `user_name` is NULL where it is the e-mail
address. `removed_at` marks what a pusher has deleted: to pushers it is no longer there, although
the row stays, as what past sessions refer to.
"""

import hashlib
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.storage.accounts import Account
from app.storage.directory import ACCOUNTS, MEMBERS, Kind
from app.storage.folding import fold
from app.storage.members import Member

Row = TypeVar("Row", bound=Account | Member)

KIND_OF: dict[type, Kind] = {Account: ACCOUNTS, Member: MEMBERS}
VERSION_LENGTH = 16


def external_id_of(row: Account | Member) -> str | None:
    """Return what the pusher calls the row, None for nothing."""
    return (row.id if row.external_id is None else row.external_id) or None


def user_name_of(member: Member) -> str:
    """Return the name that the pusher knows the member by."""
    return member.email if member.user_name is None else member.user_name


def version_of(row: Account | Member) -> str:
    """Return what differs whenever anything that a push can tell of the row differs."""
    names = (*KIND_OF[type(row)].record._fields, "external_id", "removed_at", "updated_at")
    told = [str(getattr(row, name)) for name in names]
    if isinstance(row, Member):
        told.append(user_name_of(row))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:VERSION_LENGTH]


def find(db: Session, kind: type[Row], id_: str) -> Row | None:
    """Return the row as it is now, None for one that no pusher can see."""
    query = select(kind).where(kind.id == id_, kind.removed_at.is_(None))
    return db.scalar(query.execution_options(populate_existing=True))


def is_taken(db: Session, kind: type[Row], id_: str) -> bool:
    """Whether a row has that id, removed or not."""
    return db.scalar(select(kind.id).where(kind.id == id_)) is not None


def with_external_id(db: Session, kind: type[Row], external_id: str) -> list[Row]:
    """Return the rows that a pusher calls so, removed ones last."""
    return _in_order(db, kind, called(kind, external_id))


def with_user_name(db: Session, account_id: str, user_name: str) -> list[Member]:
    """Return the members of the account who are known by that name, removed ones last."""
    return _in_order(db, Member, and_(Member.account_id == account_id, named(user_name)))


def called(kind: type[Row], external_id: str) -> ColumnElement[bool]:
    """Return the condition that a pusher calls the row so; two indices find it."""
    by_id = and_(kind.external_id.is_(None), kind.id == external_id)
    return or_(kind.external_id == external_id, by_id)


def named(user_name: str) -> ColumnElement[bool]:
    """Return the condition that the member is known by that name; two indices find it."""
    key = fold(user_name)
    by_email = and_(Member.user_name_key.is_(None), Member.email_key == key)
    return or_(Member.user_name_key == key, by_email)


def keep(
    db: Session,
    kind: type[Row],
    id_: str,
    *,
    now: datetime,
    **columns: str | datetime | None,
) -> None:
    """Set what is kept beside the row."""
    values: dict[str, Any] = {"updated_at": now, **columns}
    db.execute(
        update(kind)
        .where(kind.id == id_)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def count_up_to(db: Session, kind: type[Row], where: ColumnElement[bool], *, most: int) -> int:
    """Return how many rows match, looking at no more than `most` of them."""
    some = select(kind.id).where(where, kind.removed_at.is_(None)).limit(most).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def _in_order(db: Session, kind: type[Row], where: ColumnElement[bool]) -> list[Row]:
    rows = list(db.scalars(select(kind).where(where)))
    return sorted(rows, key=lambda row: (row.removed_at is not None, row.id))
