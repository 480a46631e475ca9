"""What a pusher does to the directory: one account or one member at a time, as SCIM has it.

Nothing is ever deleted. Who is removed is deactivated, gone for pushers alone, and comes back as
the same row when added again. What takes a session's ground ends it in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import directory
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.push_rules import (
    Push,
    check_account,
    check_free,
    columns_of,
    id_for,
    record_of,
    removed_before,
)
from app.storage import locks, pushed
from app.storage.accounts import Account
from app.storage.directory import MemberRecord
from app.storage.members import Member
from app.storage.pushed import KIND_OF, Row


@dataclass(frozen=True)
class Actions:
    """What a push is recorded as."""

    added: AuditAction
    changed: AuditAction
    removed: AuditAction


ACTIONS: dict[type, Actions] = {
    Account: Actions(
        AuditAction.ACCOUNT_ADDED, AuditAction.ACCOUNT_CHANGED, AuditAction.ACCOUNT_REMOVED
    ),
    Member: Actions(
        AuditAction.MEMBER_ADDED, AuditAction.MEMBER_CHANGED, AuditAction.MEMBER_REMOVED
    ),
}


@dataclass(frozen=True)
class Pusher:
    """Who pushes, when and from where; `name` is how the trail tells it."""

    name: str
    provenance: Provenance
    now: datetime


def held(db: Session, kind: type[Row], id_: str) -> Row | None:
    """Return the row, which nobody else can change until the transaction ends, or None."""
    locks.take(db, directory.LOCK)
    return pushed.find(db, kind, id_)


def add(db: Session, kind: type[Row], push: Push, *, by: Pusher) -> Row:
    """Add an account or a member; return its row. One that was removed comes back.

    Raises Conflict for what is there already, and Invalid for what cannot be stored.
    """
    locks.take(db, directory.LOCK)
    before = removed_before(db, kind, push)
    id_ = before.id if before else id_for(db, kind, push.external_id)
    row = _put(db, kind, push, id_=id_, before=before, by=by)
    _record(db, ACTIONS[kind].added, row, by=by, status=row.status)
    return row


def change(db: Session, row: Row, push: Push, *, by: Pusher) -> Row:
    """Bring the row that `held` has returned in line with the push; return it.

    What changes nothing is not recorded. Raises Conflict and Invalid as `add` does.
    """
    check_free(db, row, push)
    kind, id_, before = type(row), row.id, _told(row)
    row = _put(db, kind, push, id_=id_, before=row, by=by)
    changed = [name for name, value in sorted(_told(row).items()) if value != before[name]]
    if changed:
        _record(db, ACTIONS[kind].changed, row, by=by, status=row.status, fields=changed)
    return row


def remove(db: Session, row: Account | Member, *, by: Pusher) -> None:
    """Deactivate the row that `held` has returned, and let no pusher see it any longer."""
    kind = type(row)
    directory.retire(db, KIND_OF[kind], [row.id], provenance=by.provenance, now=by.now)
    pushed.keep(db, kind, row.id, removed_at=by.now, now=by.now)
    _record(db, ACTIONS[kind].removed, row, by=by)


def _put(
    db: Session, kind: type[Row], push: Push, *, id_: str, before: Row | None, by: Pusher
) -> Row:
    record = record_of(push, kind, id_=id_, before=before, now=by.now)
    columns = {**columns_of(push, record), "removed_at": None}
    if isinstance(record, MemberRecord):
        check_account(db, record.account_id, before)
    differs = before is None or any(
        getattr(before, name) != value for name, value in columns.items()
    )
    directory.put(db, KIND_OF[kind], [record], provenance=by.provenance, now=by.now)
    if differs:
        pushed.keep(db, kind, id_, now=by.now, **columns)
    row = pushed.find(db, kind, id_)
    assert row is not None  # noqa: S101 - it has just been written
    return row


def _told(row: Account | Member) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in KIND_OF[type(row)].record._fields}
    told["external_id"] = pushed.external_id_of(row)
    if isinstance(row, Member):
        told["user_name"] = pushed.user_name_of(row)
    return told


def _record(
    db: Session, action: AuditAction, row: Account | Member, *, by: Pusher, **details: Any
) -> None:
    member = row if isinstance(row, Member) else None
    append(
        db,
        event(
            action,
            now=by.now,
            provenance=by.provenance,
            subject=member,
            account=row if isinstance(row, Account) else None,
            details={"by": by.name, **details},
        ),
    )
