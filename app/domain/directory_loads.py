"""Writing what a source has said into the directory.

Each batch is a short transaction of its own, so that whoever ends a session meanwhile does not
wait for a million members. A load that is killed while it writes leaves whole batches behind, and
the event that it had begun; loading again completes it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy.orm import Session

from app.domain import directory
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.directory import Tally
from app.domain.directory_reading import BATCH, Reading
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.directory import ACCOUNTS, MEMBERS, Kind, MemberRecord, Record
from app.storage.impersonations import open_impersonations

# SQLite has one write lock and no queue for it. Who waits for it looks every tenth of a second, so
# that this lets them in; an admin who ends a session is not to wait for a load.
LONGEST_REST_SECONDS = 0.1
# How many are written at once is as many as that takes.
LONGEST_SECONDS = 0.2
FIRST_STEP, SMALLEST_STEP = 200, 20


@dataclass(frozen=True)
class Work:
    """How a load reads and writes: each call opens a unit of work of its own.

    `rest` is called with a number of seconds after each that has written, so that others get their
    turn.
    """

    reading: Callable[[], AbstractContextManager[Session]]
    writing: Callable[[], AbstractContextManager[Session]]
    clock: Callable[[], datetime]
    provenance: Provenance
    progress: Callable[[int], object] = lambda _: None
    rest: Callable[[float], object] = lambda _: None


def work_of(
    database: Database,
    *,
    clock: Callable[[], datetime],
    provenance: Provenance,
    progress: Callable[[int], object] = lambda _: None,
) -> Work:
    """Return how a load reads and writes that database."""
    return Work(
        reading=partial(database.unit_of_work, writing=False),
        writing=partial(database.unit_of_work, writing=True),
        clock=clock,
        provenance=provenance,
        progress=progress,
        # On PostgreSQL nobody waits for anybody else's rows.
        rest=(lambda _: None) if database.is_postgresql else time.sleep,
    )


def paced(step: int, *, took: float) -> int:
    """Return how many to write next, when so many took so many seconds.

    A thousand are quick on an idle machine, and slow where the search index is large and the disk
    busy: what others have to wait is what counts.
    """
    return max(SMALLEST_STEP, min(BATCH, int(step * LONGEST_SECONDS / max(took, 0.001))))


class Keeper(Protocol):
    """Who keeps account of loads."""

    def is_done(self, db: Session, *, now: datetime) -> None:
        """Called in the transaction that completes one."""


@dataclass
class Load:
    """One source, read and judged, on its way into the directory.

    `source` is its name in the trail, `sha256` that of its files in hexadecimal if it is files.
    `quiet` records nothing if nothing was to be done, for what is asked every few minutes.
    """

    reading: Reading
    work: Work
    source: str
    sha256: str = ""
    quiet: bool = False
    keeper: Keeper | None = None
    tally: Tally = field(default_factory=Tally)
    has_begun: bool = False
    step: int = FIRST_STEP

    def write(self) -> Tally:
        """Write what differs; return how much that was.

        What ends sessions goes first: it cannot wait for a million others.
        """
        self.tally.skipped = self.reading.bad
        if self.reading.whole:
            for kind in self.reading.kinds:
                self._retire(kind)
        self._put_impersonated()
        for kind in self.reading.kinds:
            self._put(kind)
        with self.work.writing() as db:
            now = self.work.clock()
            if self.keeper:
                self.keeper.is_done(db, now=now)
            if self.has_begun or not self.quiet:
                append(db, self._done(now))
        return self.tally

    def _retire(self, kind: Kind) -> None:
        for ids in self.reading.stage.missing(kind, size=BATCH):
            with self._writing() as (db, now):
                count = directory.retire(db, kind, ids, provenance=self.work.provenance, now=now)
            self.tally.missing += count

    def _put_impersonated(self) -> None:
        """Write what is told of members who are impersonated now, and of their accounts."""
        with self.work.reading() as db:
            running = [(one.target_id, one.account_id) for one in open_impersonations(db)]
        stage = self.reading.stage
        members = stage.those(MEMBERS, [member_id for member_id, _ in running])
        # Whoever has moved needs the account they are in now.
        moved = [one.account_id for one in members if isinstance(one, MemberRecord)]
        self._put_batch(
            ACCOUNTS, stage.those(ACCOUNTS, [*moved, *(account_id for _, account_id in running)])
        )
        self._put_batch(MEMBERS, members)

    def _put(self, kind: Kind) -> None:
        for records in self.reading.stage.records(kind, size=BATCH):
            self._put_batch(kind, records)
            self.work.progress(len(records))

    def _put_batch(self, kind: Kind, records: Sequence[Record]) -> None:
        # Looking first keeps SQLite's one write lock free where nothing has changed.
        with self.work.reading() as db:
            differing = directory.differing(db, kind, records)
        while differing:
            some, differing = differing[: self.step], differing[self.step :]
            with self._writing() as (db, now):
                put = directory.put(db, kind, some, provenance=self.work.provenance, now=now)
            self.tally += put

    @contextmanager
    def _writing(self) -> Iterator[tuple[Session, datetime]]:
        began = time.monotonic()
        with self.work.writing() as db:
            # Sessions end at the time of their batch: a load takes minutes.
            now = self.work.clock()
            if not self.has_begun:
                append(db, self._started(now))
            yield db, now
        self.has_begun = True
        took = time.monotonic() - began
        self.step = paced(self.step, took=took)
        self.work.rest(min(took, LONGEST_REST_SECONDS))

    def _started(self, now: datetime) -> AuditEvent:
        return event(
            AuditAction.DIRECTORY_LOAD_STARTED,
            now=now,
            provenance=self.work.provenance,
            details={"source": self.source, "sha256": self.sha256},
        )

    def _done(self, now: datetime) -> AuditEvent:
        details: dict[str, object] = {"source": self.source, **asdict(self.tally)}
        if self.sha256:
            details["sha256"] = self.sha256
        return event(
            AuditAction.DIRECTORY_IMPORTED if self.sha256 else AuditAction.DIRECTORY_SYNCED,
            now=now,
            provenance=self.work.provenance,
            details=details,
        )
