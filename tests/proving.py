"""A trail to be proved: events, checkpoints of them inside and outside, and a verdict."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.domain import audit_verification, checkpoints, signing_keys
from app.domain.audit_trail import AuditAction, append, event
from app.domain.audit_verification import Verdict
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint, CheckpointKey
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from tests.factories import FROM_THE_OFFICE


@dataclass
class Proven:
    """The trail of one database, and the checkpoints of it that lie elsewhere."""

    database: Database
    checkpoints: Checkpoints
    now: datetime

    def record(self, count: int) -> None:
        """Record that Ada was refused so many starts as Mia, each in its own transaction."""
        for _ in range(count):
            self.record_at_once(1)

    def record_at_once(self, count: int) -> None:
        """The same in one transaction."""
        with self.database.unit_of_work(writing=True) as db:
            ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
            for _ in range(count):
                refused = event(
                    AuditAction.IMPERSONATION_REFUSED,
                    now=self.now,
                    provenance=FROM_THE_OFFICE,
                    actor=ada,
                    subject=mia,
                    reason="Her template is broken",
                    details={"why": "member_protected"},
                )
                append(db, refused)

    def sign(self) -> Checkpoint:
        """Make a checkpoint and keep it elsewhere."""
        with self.database.unit_of_work(writing=True) as db:
            made = self.checkpoints.make(db, now=self.now)
        self.checkpoints.keep(made)
        return made

    @property
    def kept(self) -> list[Checkpoint]:
        """The checkpoints that lie elsewhere."""
        path = self.checkpoints.file
        return checkpoints.read(path, self.checkpoints.key.verifier) if path.exists() else []

    def verify(
        self, *, kept: list[Checkpoint] | None = None, since: Checkpoint | None = None
    ) -> Verdict:
        """Verify the trail, against what lies elsewhere unless told otherwise."""
        with self.database.unit_of_work(writing=False) as db:
            return audit_verification.verify(
                db,
                key=self.checkpoints.key.verifier,
                kept=self.kept if kept is None else kept,
                since=since,
            )


def proven(database: Database, *, key_folder: Path, folder: Path, now: datetime) -> Proven:
    """Return the trail of that database; its checkpoints are kept in `folder`."""
    key = CheckpointKey(
        "localhost:8000/audit", signing_keys.load(key_folder / "checkpoint-key.pem")
    )
    made = Checkpoints(key, folder / "kept.txt", every_events=100, every=timedelta(minutes=5))
    return Proven(database, made, now)
