"""The directory: accounts and members as the product knows them, copied here.

Nothing is ever deleted: a past session refers to the member it was about. Who disappears at the
source is deactivated, and a running session loses its ground in the same transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.endings import end_due
from app.domain.errors import Invalid
from app.storage.accounts import Account, AccountStatus
from app.storage.members import Member, MemberStatus

BATCH = 500

Record = Mapping[str, Any]


@dataclass
class Tally:
    """What a sync found: rows new, rows that differ, rows that the source no longer has."""

    added: int = 0
    changed: int = 0
    missing: int = 0


def sync(
    db: Session,
    *,
    source: str,
    accounts: Iterable[Record],
    members: Iterable[Record],
    provenance: Provenance,
    now: datetime,
) -> Tally:
    """Make the directory equal to the source, whole or not at all.

    `source` is its name in the trail. Records carry the columns of `Account` and `Member`; raises
    Invalid, naming the record, for one that does not.
    """
    tally = Tally()
    account_ids = _load(db, Account, (_account(record) for record in accounts), tally, now)
    known_members = (_member(record, account_ids) for record in members)
    member_ids = _load(db, Member, known_members, tally, now)
    _retire(db, Account, account_ids, AccountStatus.SUSPENDED, tally, now)
    _retire(db, Member, member_ids, MemberStatus.DEACTIVATED, tally, now)
    append(
        db,
        event(
            AuditAction.DIRECTORY_SYNCED,
            now=now,
            provenance=provenance,
            details={
                "source": source,
                "added": tally.added,
                "changed": tally.changed,
                "missing": tally.missing,
            },
        ),
    )
    end_due(db, provenance=provenance, now=now)
    return tally


def _load(
    db: Session,
    kind: type[Account] | type[Member],
    records: Iterator[dict[str, Any]],
    tally: Tally,
    now: datetime,
) -> set[str]:
    seen: set[str] = set()
    while batch := list(islice(records, BATCH)):
        ids = [record["id"] for record in batch]
        query: Select[Any] = select(kind).where(kind.id.in_(ids))
        known = {row.id: row for row in db.scalars(query).unique()}
        for record in batch:
            if record["id"] in seen:
                raise Invalid(f"id is there twice, the second time in {record}.")
            seen.add(record["id"])
            _put(db, kind, known.get(record["id"]), record, tally, now)
        db.flush()
        db.expunge_all()
    return seen


def _put(
    db: Session,
    kind: type[Account] | type[Member],
    row: Account | Member | None,
    record: dict[str, Any],
    tally: Tally,
    now: datetime,
) -> None:
    if row is None:
        row = kind(**record, updated_at=now)
        db.add(row)
        tally.added += 1
    elif any(getattr(row, name) != value for name, value in record.items()):
        for name, value in record.items():
            setattr(row, name, value)
        row.updated_at = now
        tally.changed += 1
    row.fold_names()


def _retire(
    db: Session,
    kind: type[Account] | type[Member],
    seen: set[str],
    status: str,
    tally: Tally,
    now: datetime,
) -> None:
    known = db.scalars(select(kind.id).where(kind.status != status))
    missing = [id_ for id_ in known if id_ not in seen]
    for start in range(0, len(missing), BATCH):
        ids: Sequence[str] = missing[start : start + BATCH]
        db.execute(update(kind).where(kind.id.in_(ids)).values(status=status, updated_at=now))
    tally.missing += len(missing)


def _account(record: Record) -> dict[str, Any]:
    return {
        "id": _text(record, "id"),
        "name": _text(record, "name"),
        "domain": _text(record, "domain"),
        "plan": _text(record, "plan"),
        "status": _choice(record, "status", AccountStatus),
        "impersonation_allowed": _flag(record, "impersonation_allowed"),
        "created_at": _point(record, "created_at"),
    }


def _member(record: Record, account_ids: set[str]) -> dict[str, Any]:
    if record.get("account_id") not in account_ids:
        raise Invalid(f"account_id is no account of the source in {dict(record)}.")
    return {
        "id": _text(record, "id"),
        "account_id": _text(record, "account_id"),
        "name": _text(record, "name"),
        "email": _text(record, "email"),
        "role": _text(record, "role"),
        "status": _choice(record, "status", MemberStatus),
        "protected": _flag(record, "protected"),
        "created_at": _point(record, "created_at"),
    }


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"{name} is missing in {dict(record)}.")
    return value


def _choice(record: Record, name: str, choices: Iterable[str]) -> str:
    value = _text(record, name)
    if value not in set(choices):
        raise Invalid(f"{name} is none of {', '.join(choices)} in {dict(record)}.")
    return value


def _flag(record: Record, name: str) -> bool:
    """A boolean, or 0 or 1 from a database that has none; a text such as "no" would be true."""
    value = record.get(name)
    if value not in (0, 1):
        raise Invalid(f"{name} is neither true nor false in {dict(record)}.")
    return bool(value)


def _point(record: Record, name: str) -> datetime:
    """A point in time: a datetime, or ISO 8601 text; without a zone it means UTC."""
    value = record.get(name)
    try:
        point = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Invalid(f"{name} is no point in time in {dict(record)}.") from error
    return point if point.tzinfo else point.replace(tzinfo=UTC)
