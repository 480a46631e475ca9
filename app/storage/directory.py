"""Accounts and members by the thousand: what the directory reads and writes at once."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    String,
    Table,
    any_,
    bindparam,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from app.storage.accounts import Account, AccountStatus
from app.storage.members import Member, MemberStatus


class AccountRecord(NamedTuple):
    """An account as its source tells it."""

    id: str
    name: str
    domain: str
    plan: str
    status: str
    impersonation_allowed: bool
    created_at: datetime


class MemberRecord(NamedTuple):
    """A member as their source tells it."""

    id: str
    account_id: str
    name: str
    email: str
    role: str
    status: str
    protected: bool
    created_at: datetime


Record = AccountRecord | MemberRecord


@dataclass(frozen=True)
class Kind:
    """Accounts or members: `gone` is the status of one that its source no longer has."""

    name: str
    row: type[Account] | type[Member]
    record: type[AccountRecord] | type[MemberRecord]
    gone: str

    @property
    def table(self) -> Table:
        """The table that the rows are in."""
        return cast("Table", self.row.__table__)


ACCOUNTS = Kind("accounts", Account, AccountRecord, AccountStatus.SUSPENDED)
MEMBERS = Kind("members", Member, MemberRecord, MemberStatus.DEACTIVATED)


class Known(NamedTuple):
    """What the directory holds, as a source would tell it.

    `search_text` is by what it is found; an earlier version may have made it otherwise.
    """

    record: Record
    search_text: str

    def is_equal_to(self, kind: Kind, record: Record) -> bool:
        """Whether nothing of it has to be written anew."""
        return self.record == record and self.search_text == _folded(kind, record).search_text


def known(db: Session, kind: Kind, ids: Collection[str]) -> dict[str, Known]:
    """Return what the directory holds under those ids."""
    columns = [kind.table.c[name] for name in (*kind.record._fields, "search_text")]
    rows = db.connection().execute(select(*columns).where(_among(db, kind.table.c.id, ids)))
    return {row[0]: Known(kind.record._make(row[:-1]), row[-1]) for row in rows}


def add(db: Session, kind: Kind, records: Sequence[Record], *, now: datetime) -> None:
    """Add accounts or members that the directory does not know."""
    if records:
        rows = [_columns(kind, record, now) for record in records]
        db.connection().execute(insert(kind.table), rows)


def change(db: Session, kind: Kind, records: Sequence[Record], *, now: datetime) -> None:
    """Bring accounts or members that the directory knows in line with these."""
    if records:
        rows = [_columns(kind, record, now) for record in records]
        names = [name for name in rows[0] if name != "id"]
        query = update(kind.table).where(kind.table.c.id == bindparam("id_"))
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        rows = [{**row, "id_": row.pop("id")} for row in rows]
        db.connection().execute(query.values(values), rows)


def retire(db: Session, kind: Kind, ids: Collection[str], *, now: datetime) -> int:
    """Give those that have not yet got it the status of what is gone; return how many had not."""
    table = kind.table
    query = update(table).where(_among(db, table.c.id, ids), table.c.status != kind.gone)
    return db.connection().execute(query.values(status=kind.gone, updated_at=now)).rowcount


def count_anew(db: Session, moves: Counter[str]) -> None:
    """Add to the number of members of each account, by its id; what left it is below zero."""
    # Always in one order, so that no two who do this wait for each other.
    rows = [{"id_": id_, "more": more} for id_, more in sorted(moves.items()) if more]
    if rows:
        table = ACCOUNTS.table
        query = update(table).where(table.c.id == bindparam("id_"))
        count = table.c.member_count + bindparam("more")
        db.connection().execute(query.values(member_count=count), rows)


def account_ids_among(db: Session, ids: Collection[str]) -> set[str]:
    """Return which of those are ids of accounts."""
    return set(db.scalars(select(Account.id).where(_among(db, ACCOUNTS.table.c.id, ids))))


def ids_in_use(db: Session, kind: Kind, *, size: int) -> Iterator[Sequence[str]]:
    """Yield the ids of all whose status is another than that of what is gone, `size` at a time."""
    table, last = kind.table, ""
    while True:
        # By the key alone, so that the rows come in its order and none is looked at twice.
        query = select(table.c.id, table.c.status).where(table.c.id > last)
        rows = db.connection().execute(query.order_by(table.c.id).limit(size)).all()
        if not rows:
            return
        last = rows[-1].id
        yield [row.id for row in rows if row.status != kind.gone]


def _among(db: Session, column: Column[str], ids: Collection[str]) -> ColumnElement[bool]:
    """Whether the column holds one of the ids, of which there may be a thousand."""
    if db.get_bind().dialect.name == "postgresql":
        # One array is read and planned faster than a thousand values.
        return column == any_(literal([*ids], ARRAY(String)))
    return column.in_(ids)


def _columns(kind: Kind, record: Record, now: datetime) -> dict[str, Any]:
    # Who is told of anew is there again for pushers, too.
    return {**vars(_folded(kind, record)), "updated_at": now, "removed_at": None}


def _folded(kind: Kind, record: Record) -> Any:
    # The row class knows what follows from a name. A row of it, which is watched for changes, would
    # take three times as long as this stand-in.
    row: Any = SimpleNamespace(**record._asdict())
    kind.row.fold_names(row)
    return row
