"""Keeping the directory in step with a source that is read time and again.

How far a source has been read moves in the transaction that completes what was read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.directory_loads import Work
from app.domain.directory_reading import Reading
from app.storage.audit_trail import canonical_json
from app.storage.directory import ACCOUNTS, MEMBERS
from app.storage.directory_sources import DirectorySource
from app.storage.directory_stage import Stage

# What whoever syncs locks by this name, so that nobody else does at the same time.
LOCK = "the directory sync"


class Position(NamedTuple):
    """The newest change that was read: when it was made, and in which form the source says so."""

    at: datetime
    form: str


Positions = Mapping[str, Position]


class Source(Protocol):
    """A place that knows all accounts and members."""

    @property
    def name(self) -> str:
        """Which place it is; it holds no secret."""

    @property
    def every(self) -> timedelta:
        """How often it is to be asked."""

    @property
    def full_every(self) -> timedelta | None:
        """How often it is to be asked for everything; None if it can tell nothing less."""

    @property
    def skip_bad(self) -> bool:
        """Whether what is wrong is left out; else it spoils the whole."""

    def read(self, reading: Reading, *, since: Positions) -> Positions:
        """Let `reading` take what has changed since then; return how far that goes.

        Without a position everything is read. Raises Unusable.
        """


@dataclass
class Sync:
    """One sync of a source, and what it asks for: everything, if there are no positions."""

    source: Source
    since: Positions
    provenance: Provenance
    keep_missing: bool = False
    reached: Positions = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether everything is read, so that who is missing is deactivated."""
        return not self.since and not self.keep_missing

    def reading_into(self, stage: Stage) -> Reading:
        """Return what takes what the source is about to say."""
        kinds, skip_bad = (ACCOUNTS, MEMBERS), self.source.skip_bad
        return Reading(stage, kinds, whole=self.is_full, skip_bad=skip_bad)

    def read(self, reading: Reading, work: Work, *, many_may_go: bool = False) -> None:
        """Read what is asked for, and judge it. Raises Unusable."""
        now = work.clock()
        reached = self.source.read(reading, since=self.since)
        # A change from the future would hide all that come before it.
        self.reached = {
            kind: position._replace(at=min(position.at, now)) for kind, position in reached.items()
        }
        with work.reading() as db:
            reading.judge(db, many_may_go=many_may_go)

    def is_done(self, db: Session, *, now: datetime) -> None:
        """Remember how far the source has been read, in the transaction that completes it."""
        row = _row(db, self.source)
        row.synced_at = now
        row.full_at = now if self.is_full else row.full_at
        row.positions = _written({**self.since, **self.reached})
        if row.problem is not None:
            row.problem = row.failing_since = None
            self._append(db, AuditAction.DIRECTORY_SYNC_RECOVERED, Outcome.SUCCEEDED, now=now)

    def failed(self, db: Session, problem: str, *, now: datetime) -> bool:
        """Remember why it failed; return whether that is news.

        The first of several failures in a row is an event.
        """
        row = _row(db, self.source)
        is_news, row.problem = row.problem != problem, problem
        if row.failing_since is None:
            row.failing_since = now
            action = AuditAction.DIRECTORY_SYNC_FAILED
            self._append(db, action, Outcome.FAILED, now=now, problem=problem)
        return is_news

    def _append(
        self, db: Session, action: AuditAction, outcome: Outcome, *, now: datetime, **details: str
    ) -> None:
        append(
            db,
            event(
                action,
                now=now,
                provenance=self.provenance,
                outcome=outcome,
                details={"source": self.source.name, **details},
            ),
        )


def is_due(db: Session, source: Source, *, now: datetime) -> bool:
    """Whether the source is to be synced."""
    row = db.get(DirectorySource, source.name)
    # When the clock has been set back, nobody waits until it is that late again.
    return row is None or not row.started_at <= now < row.started_at + source.every


def start(
    db: Session,
    source: Source,
    *,
    full: bool = False,
    keep_missing: bool = False,
    provenance: Provenance,
    now: datetime,
) -> Sync:
    """Start to sync the source; `full` asks for everything, whether that is due or not.

    `keep_missing` leaves whoever is missing as they are.

    The caller sees to it that nobody else is at it.
    """
    row = db.get(DirectorySource, source.name)
    if row is None:
        row = DirectorySource(name=source.name, started_at=now, positions=_written({}))
        db.add(row)
    row.started_at = now
    full_due = row.full_at is None or source.full_every is None
    if row.full_at is not None and source.full_every is not None:
        full_due = now >= row.full_at + source.full_every
    since = {} if full or full_due else _read(row.positions)
    return Sync(source, since, provenance, keep_missing=keep_missing)


def _row(db: Session, source: Source) -> DirectorySource:
    return db.get_one(DirectorySource, source.name)


def _read(positions: str) -> Positions:
    return {
        kind: Position(datetime.fromisoformat(at), form)
        for kind, (at, form) in json.loads(positions).items()
    }


def _written(positions: Positions) -> str:
    return canonical_json({kind: (one.at.isoformat(), one.form) for kind, one in positions.items()})
