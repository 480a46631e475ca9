"""Copies of the trail elsewhere: what each place has still to get, and how far it has come.

The trail is its own outbox: an event is written in the act's transaction, under a number without a
gap, so all that is kept of a copy is the number it has come to. That moves once the place has
taken a batch. Whoever is killed in between sends the same again and leaves nothing out: at least
once, in order.

The line of an event is its whole record (app.domain.audit_records), its own hash and that of the
event before it included, so a copy can be verified as the trail itself can.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from app.domain.audit_records import as_line
from app.domain.audit_trail import Outcome
from app.storage import audit_chain, audit_extent
from app.storage.audit_chain import StoredEvent
from app.storage.audit_copies import AuditCopy, checkpoints_between, first_event_id
from app.storage.audit_trail import canonical_json
from app.storage.base import EPOCH, MICROSECOND

EVENT, CHECKPOINT = "event", "checkpoint"

BATCH_EVENTS = 500
# Many web servers take a megabyte and no more.
BATCH_BYTES = 512 * 1024
LONGEST_PROBLEM = 200
# What stands in the row as long as nobody has put it right, whatever is recorded meanwhile.
AHEAD = "it is said to have come to event {number}, which was never recorded"
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=1)


class CannotSend(Exception):
    """A place did not take what it was sent; the message says why in one line, without secrets."""

    def __init__(self, problem: str) -> None:
        printable = "".join(one if one.isprintable() else " " for one in problem)
        super().__init__(" ".join(printable.split())[:LONGEST_PROBLEM])


@dataclass(frozen=True)
class Record:
    """One line of a copy: an event, or a checkpoint, whose number is its size.

    `topic` is the event's action; `line` is one JSON object in ASCII, without its line feed.
    """

    kind: str
    number: int
    at: datetime
    topic: str
    succeeded: bool
    line: str


@dataclass(frozen=True)
class Batch:
    """What a place gets next, and how far it will have come with it.

    `missing` is how many events in between the trail does not hold, or not in a form that can be
    written: who gets the copy sees the gap by number.
    """

    records: Sequence[Record]
    last_event_id: int
    last_checkpoint_size: int
    missing: int


class Target(Protocol):
    """A place that gets copies."""

    @property
    def name(self) -> str:
        """Which place it is; it holds no secret. Under a new name it gets everything anew."""

    @property
    def takes_checkpoints(self) -> bool:
        """Whether it gets the signed checkpoints too, after the events they cover."""

    @property
    def topics(self) -> frozenset[str] | None:
        """The actions it is told of, from when it was set up; None for a copy of everything."""

    def send(self, records: Sequence[Record], *, now: datetime) -> None:
        """Return once the place holds all of these; raise CannotSend otherwise."""


@dataclass
class Courier:
    """Brings one place what it does not have yet. What fails is tried again after a growing wait.

    The waits are kept in memory: whoever starts the worker again need not sit them out.
    """

    target: Target
    failures: int = 0
    again_at: datetime | None = None

    def is_due(self, *, now: datetime) -> bool:
        """Whether it may try, for all the failures so far."""
        # When the clock has been set back, nobody waits until it is that late again.
        return self.again_at is None or not now < self.again_at <= now + LONGEST_WAIT

    def next_batch(self, db: Session) -> Batch | None:
        """Return what to send next, None if the place has everything.

        Raises CannotSend while nobody knows what the place has.
        """
        copy = db.get(AuditCopy, self.target.name)
        sent, signed = (copy.last_event_id, copy.last_checkpoint_size) if copy else (0, 0)
        _, size = audit_extent.bounds(db)
        if copy and (problem := _ahead(copy, size)):
            raise CannotSend(problem)
        topics = self.target.topics
        if copy is None and topics is not None and size:
            return Batch([], size, last_checkpoint_size=0, missing=0)
        last, events = _events(db, after=sent)
        wanted = [one for one in events if topics is None or one.topic in topics]
        checkpoints: list[Record] = []
        if self.target.takes_checkpoints:
            checkpoints = _checkpoints(db, after=signed, up_to=last)
        if last == sent and not checkpoints:
            return None
        return Batch(
            records=sorted([*wanted, *checkpoints], key=_place),
            last_event_id=last,
            last_checkpoint_size=checkpoints[-1].number if checkpoints else signed,
            missing=last - sent - len(events),
        )

    def went(self, db: Session, batch: Batch, *, now: datetime) -> None:
        """Remember that the place has taken the batch."""
        self.failures, self.again_at = 0, None
        copy = _copy(db, self.target, now=now)
        # Never back: another worker may have gone on when this one was thought dead.
        copy.last_event_id = max(copy.last_event_id, batch.last_event_id)
        copy.last_checkpoint_size = max(copy.last_checkpoint_size, batch.last_checkpoint_size)
        copy.at, copy.problem = now, None

    def failed(self, db: Session, error: CannotSend, *, now: datetime) -> bool:
        """Remember why the place has not taken it; return whether that is news."""
        wait = FIRST_WAIT * 2 ** min(self.failures, 16)
        self.failures, self.again_at = self.failures + 1, now + min(wait, LONGEST_WAIT)
        copy = _copy(db, self.target, now=now)
        if copy.problem == str(error):
            return False
        copy.at, copy.problem = now, str(error)
        return True


@dataclass(frozen=True)
class Copy:
    """How a copy is doing: the event it has come to, and how many it has still to get.

    `at` is when it last went or, with a problem, since when that stands in the way; None for a
    place that has got nothing yet. Of one that `is_ahead` of the trail nobody knows what it has.
    """

    target: str
    last_event_id: int
    behind: int
    at: datetime | None
    problem: str | None
    is_ahead: bool = False


def copies(db: Session, targets: Iterable[str]) -> Sequence[Copy]:
    """Return how the copies of that name are doing, in that order."""
    _, size = audit_extent.bounds(db)
    found: list[Copy] = []
    for name in targets:
        row = db.get(AuditCopy, name)
        sent = row.last_event_id if row else 0
        ahead = _ahead(row, size) if row else None
        found.append(
            Copy(
                target=name,
                last_event_id=sent,
                behind=max(0, size - sent),
                at=row.at if row else None,
                problem=ahead or (row.problem if row else None),
                is_ahead=ahead is not None,
            )
        )
    return found


def record_of(event: StoredEvent) -> Record | None:
    """Return the record of an event, None if it was tampered with beyond writing.

    Its line is ASCII that can be printed, whatever the event holds (X4).
    """
    try:
        return Record(
            kind=EVENT,
            number=event.id,
            at=EPOCH + event.at * MICROSECOND,
            topic=str(event.action),
            succeeded=event.outcome == Outcome.SUCCEEDED,
            line=as_line(event),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _events(db: Session, *, after: int) -> tuple[int, list[Record]]:
    """Return the next records, as many as fit into a batch, and the number that they lead to."""
    first = first_event_id(db, after=after)
    if first is None:
        return after, []
    records: list[Record] = []
    last, room = after, BATCH_BYTES
    # What has been archived before this place came to it is passed over in one step.
    for event in audit_chain.stored_events(db, after=first - 1, last=first - 1 + BATCH_EVENTS):
        record = record_of(event)
        if record:
            room -= len(record.line)
            # One that is too large by itself goes alone.
            if room < 0 and records:
                break
            records.append(record)
        last = event.id
    return last, records


def _checkpoints(db: Session, *, after: int, up_to: int) -> list[Record]:
    return [
        Record(
            kind=CHECKPOINT,
            number=row.size,
            at=row.at,
            topic=CHECKPOINT,
            succeeded=True,
            line=canonical_json({"kind": CHECKPOINT, "size": row.size, "note": row.note}),
        )
        for row in checkpoints_between(db, after=after, up_to=up_to, limit=BATCH_EVENTS)
    ]


def _ahead(copy: AuditCopy, size: int) -> str | None:
    """Return what is wrong with a copy that has come further than the trail.

    Once that was seen it does not pass because the trail has grown: what was recorded in between
    would be left out.
    """
    number = max(copy.last_event_id, copy.last_checkpoint_size)
    problem = AHEAD.format(number=number)
    return problem if number > size or copy.problem == problem else None


def _place(record: Record) -> tuple[int, bool]:
    # A checkpoint follows the last event that it covers.
    return record.number, record.kind == CHECKPOINT


def _copy(db: Session, target: Target, *, now: datetime) -> AuditCopy:
    copy = db.get(AuditCopy, target.name)
    if copy is None:
        copy = AuditCopy(
            target=target.name, last_event_id=0, last_checkpoint_size=0, at=now, problem=None
        )
        db.add(copy)
    return copy
