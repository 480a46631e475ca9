"""The directory: accounts and members as the product knows them, copied here.

Nothing is ever deleted: a past session refers to the member it was about. Who disappears at the
source is deactivated, and a running session loses its ground in the same transaction.

These are the verbs for whoever brings changes, in whatever numbers: app.domain.directory_loads for
files and databases, thousands at a time.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import Provenance
from app.domain.endings import end_due
from app.domain.errors import Invalid
from app.storage import directory, locks
from app.storage.directory import (
    ACCOUNTS,
    MEMBERS,
    AccountRecord,
    Kind,
    Known,
    MemberRecord,
    Record,
)

# Who changes the directory takes turns: what is compared with it stays true until it is written.
LOCK = "the directory"


@dataclass
class Tally:
    """How many were new, differed, or were no longer there; and what could not be used."""

    added: int = 0
    changed: int = 0
    missing: int = 0
    skipped: int = 0

    def __iadd__(self, other: "Tally") -> "Tally":
        self.added += other.added
        self.changed += other.changed
        self.missing += other.missing
        self.skipped += other.skipped
        return self


def put_accounts(
    db: Session, records: Sequence[AccountRecord], *, provenance: Provenance, now: datetime
) -> Tally:
    """Add the accounts that are new, and bring those that differ in line with their records.

    What takes a running session's ground ends it. No id may be there twice.
    """
    return put(db, ACCOUNTS, records, provenance=provenance, now=now)


def put_members(
    db: Session, records: Sequence[MemberRecord], *, provenance: Provenance, now: datetime
) -> Tally:
    """Add the members that are new, and bring those that differ in line with their records.

    What takes a running session's ground ends it. No id may be there twice. Raises Invalid for a
    member of an account that is not there.
    """
    return put(db, MEMBERS, records, provenance=provenance, now=now)


def put(
    db: Session, kind: Kind, records: Sequence[Record], *, provenance: Provenance, now: datetime
) -> Tally:
    """Put accounts or members, as `kind` says; see above."""
    # What the caller has changed by other means is part of what is compared here.
    db.flush()
    locks.take(db, LOCK)
    there = directory.known(db, kind, [record.id for record in records])
    added = [record for record in records if record.id not in there]
    differing = [record for record in records if not _is_there(kind, record, there)]
    changed = [record for record in differing if record.id in there]
    moves = _moves(added, changed, there)
    _check_accounts(db, moves)
    directory.add(db, kind, added, now=now)
    directory.change(db, kind, changed, now=now)
    directory.count_anew(db, moves)
    if changed:
        _end_sessions(db, provenance=provenance, now=now)
    return Tally(added=len(added), changed=len(changed))


def suspend_accounts(
    db: Session, ids: Collection[str], *, provenance: Provenance, now: datetime
) -> int:
    """Suspend the accounts, and end what runs in them; return how many were not suspended yet."""
    return retire(db, ACCOUNTS, ids, provenance=provenance, now=now)


def deactivate_members(
    db: Session, ids: Collection[str], *, provenance: Provenance, now: datetime
) -> int:
    """Deactivate the members, and end sessions as them; return how many were not deactivated."""
    return retire(db, MEMBERS, ids, provenance=provenance, now=now)


def retire(
    db: Session, kind: Kind, ids: Collection[str], *, provenance: Provenance, now: datetime
) -> int:
    """Suspend accounts or deactivate members, as `kind` says; see above."""
    db.flush()
    locks.take(db, LOCK)
    count = directory.retire(db, kind, ids, now=now)
    if count:
        _end_sessions(db, provenance=provenance, now=now)
    return count


def differing(db: Session, kind: Kind, records: Sequence[Record]) -> list[Record]:
    """Return those that are new or differ from what is there; the rest need not be written.

    What is found by other words than its names give today, in this version, differs too.
    """
    there = directory.known(db, kind, [record.id for record in records])
    return [one for one in records if not _is_there(kind, one, there)]


def _is_there(kind: Kind, record: Record, there: dict[str, Known]) -> bool:
    before = there.get(record.id)
    return before is not None and before.is_equal_to(kind, record)


def _moves(
    added: Sequence[Record], changed: Sequence[Record], there: dict[str, Known]
) -> Counter[str]:
    """Return by how much each account gains or loses members; of accounts themselves, nothing."""
    moves: Counter[str] = Counter()
    for record in (*added, *changed):
        if isinstance(record, MemberRecord):
            moves[record.account_id] += 1
            before = there.get(record.id)
            if before is not None and isinstance(before.record, MemberRecord):
                moves[before.record.account_id] -= 1
    return moves


def _check_accounts(db: Session, moves: Counter[str]) -> None:
    for id_ in sorted(moves.keys() - directory.account_ids_among(db, moves.keys())):
        raise Invalid(f"there is no account with the id {id_}.")


def _end_sessions(db: Session, *, provenance: Provenance, now: datetime) -> None:
    # The rows were written past the session, which must not judge by what it has seen before.
    db.expire_all()
    end_due(db, provenance=provenance, now=now)
