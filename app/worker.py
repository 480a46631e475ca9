"""The worker: what has to happen whether anybody is looking or not.

Each job runs in a thread of its own, so that a slow one keeps no other waiting.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app import config, configured
from app.domain.audit_copies import CannotSend, Courier, Target
from app.domain.audit_trail import WORKER
from app.domain.audit_verification import Tampered
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint
from app.domain.endings import end_due
from app.domain.signing_keys import UnusableKey
from app.domain.verification_events import record_doubt
from app.storage.database import Database
from app.storage.impersonations import open_impersonations

PERIOD_SECONDS = 1.0
# What a job returns that has more to do at once.
MORE = object()

log = logging.getLogger("understudy.worker")


@dataclass(frozen=True)
class Job:
    """Something to be done every so often, at the time it is given."""

    name: str
    run: Callable[[datetime], object]

    def repeat(self, stop: threading.Event) -> None:
        """Do it until `stop` is set. What fails is tried again a moment later."""
        pause = PERIOD_SECONDS
        while not stop.wait(pause):
            pause = PERIOD_SECONDS
            try:
                if self.run(datetime.now(UTC)) is MORE:
                    pause = 0
            except Exception as error:
                # Whatever it is: a job that died unseen would be the worst of failures.
                log.error("%s failed and will be tried again: %s", self.name, error)


def sweep(database: Database, *, now: datetime) -> int:
    """End every session that is over at `now`; return how many this call ended."""
    # Looking first keeps SQLite's one write lock free while nothing is going on.
    with database.unit_of_work(writing=False) as db:
        if not open_impersonations(db):
            return 0
    with database.unit_of_work(writing=True) as db:
        return len(end_due(db, provenance=WORKER, now=now))


def sign_checkpoint(database: Database, checkpoints: Checkpoints, *, now: datetime) -> None:
    """Sign a checkpoint of the trail when one is due; record it when the trail is not what it was.

    Then nothing more is signed: what was signed before stays the last thing we vouch for.
    """
    try:
        with database.unit_of_work(writing=False) as db:
            last, due = checkpoints.latest(db), checkpoints.are_due(db, now=now)
        if due:
            with database.unit_of_work(writing=True) as db:
                last = checkpoints.make(db, now=now)
        # One that was signed when the power went is kept now.
        if last:
            checkpoints.keep(last)
    except (Tampered, BadCheckpoint) as error:
        log.critical("the audit trail is not what it was: %s", error)
        if isinstance(error, Tampered):
            with database.unit_of_work(writing=True) as db:
                record_doubt(db, error.finding, by="worker", provenance=WORKER, now=now)


def copy_trail(database: Database, courier: Courier, *, now: datetime) -> object:
    """Bring one place the next batch of the trail; return MORE as long as it goes."""
    if not courier.is_due(now=now):
        return None
    with database.unit_of_work(writing=False) as db:
        batch = courier.next_batch(db)
    if batch is None:
        return None
    if batch.missing:
        log.critical(
            "%d events up to %d are not in the trail, or not as they were recorded: %s has a gap",
            *(batch.missing, batch.last_event_id, courier.target.name),
        )
    try:
        # No transaction is open meanwhile: a slow receiver keeps nobody else waiting (F9).
        if batch.records:
            courier.target.send(batch.records, now=now)
    except CannotSend as error:
        with database.unit_of_work(writing=True) as db:
            if courier.failed(db, error, now=now):
                log.warning("%s does not take the trail: %s", courier.target.name, error)
        return None
    with database.unit_of_work(writing=True) as db:
        courier.went(db, batch, now=now)
    return MORE


def jobs(database: Database, checkpoints: Checkpoints, targets: Sequence[Target] = ()) -> list[Job]:
    """Return what the worker does."""
    return [
        Job("the sweep", lambda now: sweep(database, now=now)),
        Job("the checkpoint", lambda now: sign_checkpoint(database, checkpoints, now=now)),
        *(_copying(database, target) for target in targets),
    ]


def _copying(database: Database, target: Target) -> Job:
    courier = Courier(target)
    return Job(f"the copy to {target.name}", lambda now: copy_trail(database, courier, now=now))


def run(jobs: list[Job], stop: threading.Event) -> None:
    """Repeat all jobs until `stop` is set."""
    threads = [threading.Thread(target=job.repeat, args=(stop,), name=job.name) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Run as a process until it is asked to stop."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        settings = config.from_environment(config.read_environment(os.environ))
        database = Database(settings.database_url)
        what = jobs(database, configured.checkpoints(settings), configured.copy_targets(settings))
    except (config.BadSetting, UnusableKey) as error:
        sys.exit(f"understudy: {error}")
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    run(what, stop)
    database.dispose()


if __name__ == "__main__":
    main()
