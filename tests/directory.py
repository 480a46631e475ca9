"""Accounts and members as a source tells them, and the directory brought in line with them."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.directory_loads import Load, Work
from app.domain.directory_reading import Entry, Reading
from app.storage.accounts import Account
from app.storage.directory import ACCOUNTS, MEMBERS
from app.storage.directory_stage import Stage
from app.storage.members import Member
from tests.conftest import NOW
from tests.factories import FROM_THE_OFFICE

Record = dict[str, Any]


def account(id_: str = "harbour", **columns: Any) -> Record:
    return {
        "id": id_,
        "name": id_.title(),
        "domain": f"{id_}.example",
        "plan": "business",
        "status": "active",
        "impersonation_allowed": True,
        "created_at": NOW.isoformat(),
    } | columns


def member(id_: str, account_id: str = "harbour", **columns: Any) -> Record:
    return {
        "id": id_,
        "account_id": account_id,
        "name": id_.title(),
        "email": f"{id_}@{account_id}.example",
        "role": "editor",
        "status": "active",
        "protected": False,
        "created_at": NOW.isoformat(),
    } | columns


def as_records(db: Session) -> tuple[list[Record], list[Record]]:
    """What a source that agrees with the directory would send."""
    accounts = [
        {name: getattr(row, name) for name in account()} for row in db.scalars(select(Account))
    ]
    members = [
        {name: getattr(row, name) for name in member("")} for row in db.scalars(select(Member))
    ]
    return accounts, members


def entries(records: Iterable[Mapping[str, Any]]) -> list[Entry]:
    return [Entry(f"line {number}", record) for number, record in enumerate(records, start=1)]


def work_in(db: Session, now: datetime = NOW) -> Work:
    """Every unit of work is this one."""

    def open_() -> AbstractContextManager[Session]:
        return nullcontext(db)

    return Work(reading=open_, writing=open_, clock=lambda: now, provenance=FROM_THE_OFFICE)


def load(
    db: Session,
    accounts: Iterable[Record],
    members: Iterable[Record],
    *,
    now: datetime = NOW,
    source: str = "letterbox.db",
    many_may_go: bool = False,
    **arguments: Any,
) -> Load:
    """Load a source that tells everything, unless `arguments` of `Reading` say otherwise."""
    with Stage() as stage:
        reading = Reading(stage, (ACCOUNTS, MEMBERS), **{"whole": True} | arguments)
        reading.take(ACCOUNTS, entries(accounts))
        reading.take(MEMBERS, entries(members))
        reading.judge(db, many_may_go=many_may_go)
        loaded = Load(reading, work_in(db, now), source)
        loaded.write()
        return loaded


def counts(db: Session) -> tuple[dict[str, int], dict[str, int]]:
    """The number of members of each account: as it is stored, and as it is."""
    stored = dict(db.execute(select(Account.id, Account.member_count)).all())
    counted = select(Member.account_id, func.count()).group_by(Member.account_id)
    true = dict.fromkeys(stored, 0) | dict(db.execute(counted).all())
    return stored, true
