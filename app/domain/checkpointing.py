"""Making checkpoints: verified first, signed then, and kept outside the database as well."""

import fcntl
import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain import checkpoints
from app.domain.audit_following import compare_with_tree, follow_run
from app.domain.audit_scan import (
    KEPT_DAMAGED,
    KEPT_GONE,
    MISSING,
    UNREADABLE,
    Finding,
    Tampered,
)
from app.domain.audit_tree import TrailTree
from app.domain.audit_verification import checkpoint_in, verify
from app.domain.checkpoints import BadCheckpoint, Checkpoint, CheckpointKey
from app.storage import audit_chain, audit_extent
from app.storage.audit_checkpoints import (
    AuditCheckpoint,
    count_checkpoints,
    latest_note,
    note_of,
)
from app.storage.clocks import CLOCKS_DIFFER_BY

log = logging.getLogger("understudy.checkpoints")

# It holds nobody's data: whoever is in its group may fetch it.
MODE = 0o640


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are made and how often: after so many events or so much time."""

    key: CheckpointKey
    file: Path
    every_events: int
    every: timedelta

    def are_due(self, db: Session, *, now: datetime) -> bool:
        """Whether enough has been recorded since the last one, or waited for long enough.

        Raises Tampered when the last one is not ours.
        """
        _, size = audit_extent.bounds(db)
        last = self.latest(db)
        waiting = size - (last.size if last else 0)
        if waiting == 0:
            return False
        return waiting >= self.every_events or last is None or now >= last.at + self.every

    def make(self, db: Session, *, now: datetime, kept: Checkpoint | None = None) -> Checkpoint:
        """Sign what the trail is now, unless that has been done; return the newest checkpoint.

        What has been added since the last one is verified first, and the last one against the
        file: nothing is signed that contradicts what was signed before. `kept` is what
        `newest_kept` has returned to whoever asked before the transaction. Raises Tampered, and
        BadCheckpoint if what the file ends with is not ours.
        """
        # A disk may take its time: nobody else should wait for it.
        kept = kept or self.newest_kept()
        size, head = audit_chain.lock(db)
        last = self.latest(db)
        self.look(db, kept)
        if last is not None and last.size == size:
            return last
        tree = TrailTree(db)
        tree.extend(size)
        return self._sign(db, size, tree.root(size), head, after=last, now=now)

    def look(self, db: Session, kept: Checkpoint | None) -> None:
        """Verify what was added since the last checkpoint, and that against one from the file.

        Raises Tampered.
        """
        known = [kept] if kept else []
        verdict = verify(db, key=self.key.verifier, kept=known, since=self.latest(db))
        if verdict.finding:
            raise Tampered(verdict.finding)

    def check_kept(self, db: Session, kept: Checkpoint | None) -> None:
        """Raise Tampered when the file holds none of the checkpoints, which the worker keeps there.

        The very first may have been signed when the power went. `kept` is what `newest_kept` has
        returned.
        """
        if kept is None and count_checkpoints(db, limit=2) > 1:
            raise Tampered(_about_file(db, KEPT_GONE))

    def newest_kept(self) -> Checkpoint | None:
        """Return the newest checkpoint in the file; raise BadCheckpoint if it is not ours."""
        return checkpoints.newest_in(self.file, self.key.verifier)

    def make_past(self, db: Session, size: int, *, now: datetime) -> Checkpoint:
        """Sign what the trail was at an earlier size, of which there are whole tiles alone.

        Raises Tampered when the events up to there are not what was recorded.
        """
        if made := self.of_size(db, size):
            return made
        run = follow_run(db, frozenset(), size - 1, size)
        if run.finding or run.head is None:
            raise Tampered(run.finding or Finding(MISSING, size, size))
        tree = TrailTree(db)
        # The tiles that the root is read from must be those of what was signed later.
        if last := self.latest(db):
            compare_with_tree(tree, last)
        return self._sign(db, size, tree.root(size), run.head, after=last, now=now)

    def _sign(
        self,
        db: Session,
        size: int,
        root: bytes,
        head: bytes,
        *,
        after: Checkpoint | None,
        now: datetime,
    ) -> Checkpoint:
        """Sign one, dated no earlier than the one `after` which it is made (F5)."""
        at = max(now, after.at) if after else now
        if at - now > CLOCKS_DIFFER_BY:
            log.warning("the clock is %s behind the last checkpoint: set it by NTP", at - now)
        made = Checkpoint(self.key.name, size, root, head, at)
        db.add(AuditCheckpoint(size=size, at=at, note=self.key.sign(made)))
        return made

    def latest(self, db: Session) -> Checkpoint | None:
        """Return the newest checkpoint in the database; raise Tampered if it is not ours."""
        found = latest_note(db)
        return checkpoint_in(*found, self.key.verifier) if found else None

    def of_size(self, db: Session, size: int) -> Checkpoint | None:
        """Return the checkpoint of that many events; raise Tampered if it is not ours."""
        note = note_of(db, size)
        return checkpoint_in(size, note, self.key.verifier) if note is not None else None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint that has been committed to the file, unless it is there already."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        with open(opened, "a", encoding="utf-8") as file:
            # Of two who have signed, the one with the newer checkpoint may come first.
            fcntl.flock(file, fcntl.LOCK_EX)
            if half := checkpoints.unfinished_in(self.file, self.key.verifier):
                # A note that was never finished says nothing, and would spoil the one after it.
                log.warning("%s: cut off a checkpoint that was never finished", self.file)
                file.truncate(self.file.stat().st_size - half)
            kept = checkpoints.newest_in(self.file, self.key.verifier)
            if kept is not None and kept.size >= checkpoint.size:
                return
            file.write(self.key.sign(checkpoint) + "\n")
            file.flush()
            os.fsync(file.fileno())


def finding_of(db: Session, error: Exception) -> Finding:
    """Return what it says of the trail that looking at it or signing it ended with this error."""
    if isinstance(error, Tampered):
        return error.finding
    if isinstance(error, BadCheckpoint):
        return _about_file(db, KEPT_DAMAGED)
    first = max(1, audit_extent.bounds(db)[0])
    return Finding(UNREADABLE, first, first)


def _about_file(db: Session, kind: str) -> Finding:
    """Return what is wrong with the file, at the last event that was signed."""
    found = latest_note(db)
    size = found[0] if found and type(found[0]) is int else 1
    return Finding(kind, size, size)
