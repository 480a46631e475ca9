"""Making checkpoints: verified first, signed then, and kept outside the database as well."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain import checkpoints
from app.domain.audit_scan import BAD_CHECKPOINT, MISSING, Finding
from app.domain.audit_tree import TrailTree
from app.domain.audit_verification import Tampered, follow_run, verify
from app.domain.checkpoints import BadCheckpoint, Checkpoint, CheckpointKey
from app.storage import audit_chain
from app.storage.audit_checkpoints import AuditCheckpoint, latest_checkpoint


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are made and how often: after so many events or so much time."""

    key: CheckpointKey
    file: Path
    every_events: int
    every: timedelta

    def are_due(self, db: Session, *, now: datetime) -> bool:
        """Whether enough has been recorded since the last one, or waited for long enough."""
        size, _ = audit_chain.head(db)
        last = latest_checkpoint(db)
        waiting = size - (last.size if last else 0)
        if waiting == 0:
            return False
        return waiting >= self.every_events or last is None or now >= last.at + self.every

    def make(self, db: Session, *, now: datetime) -> Checkpoint:
        """Sign what the trail is now, unless that has been done; return the newest checkpoint.

        What has been added since the last one is verified first, and the last one against the
        file: nothing is signed that contradicts what was signed before. Raises Tampered.
        """
        size, head = audit_chain.lock(db)
        last, kept = self.latest(db), checkpoints.newest_in(self.file, self.key.verifier)
        verdict = verify(db, key=self.key.verifier, kept=[kept] if kept else [], since=last)
        if verdict.finding:
            raise Tampered(verdict.finding)
        if last is not None and last.size == size:
            return last
        tree = TrailTree(db)
        tree.extend(size)
        made = Checkpoint(self.key.name, size, tree.root(size), head, now)
        db.add(AuditCheckpoint(size=size, at=now, note=self.key.sign(made)))
        return made

    def make_past(self, db: Session, size: int, *, now: datetime) -> Checkpoint:
        """Sign what the trail was at an earlier size, of which there are whole tiles alone.

        Raises Tampered when the events up to there are not what was recorded.
        """
        if made := self.of_size(db, size):
            return made
        run = follow_run(db, frozenset(), size - 1, size)
        if run.finding or run.head is None:
            raise Tampered(run.finding or Finding(MISSING, size, size))
        made = Checkpoint(self.key.name, size, TrailTree(db).root(size), run.head, now)
        db.add(AuditCheckpoint(size=size, at=now, note=self.key.sign(made)))
        return made

    def latest(self, db: Session) -> Checkpoint | None:
        """Return the newest checkpoint in the database; raise Tampered if it is not ours."""
        row = latest_checkpoint(db)
        return self._opened(row) if row else None

    def of_size(self, db: Session, size: int) -> Checkpoint | None:
        """Return the checkpoint of that many events; raise Tampered if it is not ours."""
        row = db.get(AuditCheckpoint, size)
        return self._opened(row) if row else None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint that has been committed to the file, unless it is there already."""
        kept = checkpoints.newest_in(self.file, self.key.verifier)
        if kept is not None and kept.size >= checkpoint.size:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(self.key.sign(checkpoint) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _opened(self, row: AuditCheckpoint) -> Checkpoint:
        try:
            return checkpoints.opened(row.note, self.key.verifier)
        except BadCheckpoint as error:
            raise Tampered(Finding(BAD_CHECKPOINT, row.size, row.size)) from error
