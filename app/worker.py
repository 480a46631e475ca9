"""The worker: what has to happen whether anybody is looking or not.

Each job runs in a thread of its own, so that a slow one keeps no other waiting.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from wsgiref.simple_server import WSGIServer

from app import config, configured, logs, monitoring, start_check
from app.config import Config
from app.domain import directory_following, directory_sync
from app.domain.audit_copies import CannotSend, Courier, Target
from app.domain.audit_scan import Tampered
from app.domain.audit_trail import WORKER
from app.domain.checkpointing import Checkpoints, finding_of
from app.domain.checkpoints import BadCheckpoint
from app.domain.directory_loads import work_of
from app.domain.directory_sync import Source
from app.domain.endings import end_due
from app.domain.signing_keys import UnusableKey
from app.domain.verification_events import record_doubt
from app.monitoring import ClockWatch, TrailFigures
from app.storage import counters, factors, locks
from app.storage.database import FAILURES, Database
from app.storage.impersonations import open_impersonations
from app.storage.postgresql import WORKER as WORKER_PATIENCE

PERIOD_SECONDS = 1.0
# Not each by itself: they are deleted by the minute.
COUNTERS_KEPT = timedelta(minutes=1)
# For whoever looks at what went wrong.
PROOFS_KEPT = timedelta(days=1)
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


def forget_counters(database: Database, *, now: datetime) -> None:
    """Delete the counters of throttles and alerts that count no more."""
    with database.unit_of_work(writing=False) as db:
        if not counters.has_any_over(db, now=now - COUNTERS_KEPT):
            return
    with database.unit_of_work(writing=True) as db:
        counters.forget(db, now=now)


def forget_proofs(database: Database, *, now: datetime) -> None:
    """Delete the challenges and half-open sign-ins that were over a day ago, answered or not."""
    before = now - PROOFS_KEPT
    with database.unit_of_work(writing=False) as db:
        if not factors.has_any_over(db, before=before - COUNTERS_KEPT):
            return
    with database.unit_of_work(writing=True) as db:
        factors.forget_over(db, before=before)


def sign_checkpoint(database: Database, checkpoints: Checkpoints, *, now: datetime) -> None:
    """Sign a checkpoint of the trail when one is due; record it when the trail is not what it was.

    Then nothing more is signed: what was signed before stays the last thing we vouch for.
    """
    with _doubting(database, now=now):
        kept = checkpoints.newest_kept()
        with database.unit_of_work(writing=False) as db:
            checkpoints.check_kept(db, kept)
            last, due = checkpoints.latest(db), checkpoints.are_due(db, now=now)
        if due:
            with database.unit_of_work(writing=True) as db:
                last = checkpoints.make(db, now=now, kept=kept)
        # One that was signed when the power went is kept now.
        if last:
            checkpoints.keep(last)


def look_at_trail(database: Database, checkpoints: Checkpoints, *, now: datetime) -> None:
    """Verify what was added since the last checkpoint, and record it when that is not what it was.

    A backup that was put in place of the database is seen at once, and no session starts (L9, F10).
    """
    with _doubting(database, now=now):
        # First the file, as another worker may be signing: it must not know more than we see.
        kept = checkpoints.newest_kept()
        with database.unit_of_work(writing=False) as db:
            checkpoints.check_kept(db, kept)
            checkpoints.look(db, kept)


@contextmanager
def _doubting(database: Database, *, now: datetime) -> Iterator[None]:
    """Record it when the trail, or the file of its checkpoints, is not what it was.

    What keeps us from finding that out is a finding too, unless the machine is to blame: a
    database that is away and a disk that is full are tried again.
    """
    try:
        yield
    except (*FAILURES, OSError):
        raise
    except Exception as error:
        known = isinstance(error, (Tampered, BadCheckpoint))
        log.critical(
            "the audit trail is not what it was: %s", error, exc_info=None if known else error
        )
        with database.unit_of_work(writing=True) as db:
            record_doubt(db, finding_of(db, error), by="worker", provenance=WORKER, now=now)


def copy_trail(database: Database, courier: Courier, *, now: datetime) -> object:
    """Bring one place the next batch of the trail; return MORE as long as it goes."""
    if not courier.is_due(now=now):
        return None
    try:
        with database.unit_of_work(writing=False) as db:
            batch = courier.next_batch(db)
        if batch is None:
            return None
        if batch.missing:
            log.critical(
                "%d events up to %d are not in the trail, or not as they were recorded:"
                " %s has a gap",
                *(batch.missing, batch.last_event_id, courier.target.name),
            )
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


def sync_directory(database: Database, source: Source) -> None:
    """Bring the directory in line with a source, if that is due."""
    work = work_of(database, clock=lambda: datetime.now(UTC), provenance=WORKER)
    if problem := directory_following.follow(source, work):
        log.warning("the directory is not in step with %s: %s", source.name, problem)


def jobs(
    database: Database,
    checkpoints: Checkpoints,
    targets: Sequence[Target] = (),
    source: Source | None = None,
) -> list[Job]:
    """Return what the worker does."""
    watch = ClockWatch(database)
    return [
        Job("the sweep", lambda now: sweep(database, now=now)),
        _signing(database, checkpoints),
        *(_copying(database, target) for target in targets),
        *([_syncing(database, source)] if source else []),
        Job("the counters", lambda now: forget_counters(database, now=now)),
        Job("the challenges", lambda now: forget_proofs(database, now=now)),
        Job("the clock", lambda now: watch.look(now=now)),
    ]


def _signing(database: Database, checkpoints: Checkpoints) -> Job:
    """Return the job that signs checkpoints; before the first one it looks at what there is."""
    looked = False

    def run(now: datetime) -> None:
        nonlocal looked
        if not looked:
            look_at_trail(database, checkpoints, now=now)
            looked = True
        sign_checkpoint(database, checkpoints, now=now)

    return alone(database, Job("the checkpoint", run))


def _copying(database: Database, target: Target) -> Job:
    courier = Courier(target)
    return alone(
        database,
        Job(f"the copy to {target.name}", lambda now: copy_trail(database, courier, now=now)),
    )


def _syncing(database: Database, source: Source) -> Job:
    return alone(database, Job(directory_sync.LOCK, lambda _: sync_directory(database, source)))


def alone(database: Database, job: Job) -> Job:
    """Return the job as one worker at a time does it, of however many there are.

    Who is killed or cut off has lost its turn. The sweep is not done like this: it does no harm
    twice, and must not wait for a worker that hangs.
    """

    def run(now: datetime) -> object:
        with locks.one_at_a_time(database, job.name) as mine:
            return job.run(now) if mine else None

    return Job(job.name, run)


def run(jobs: list[Job], stop: threading.Event) -> None:
    """Repeat all jobs until `stop` is set."""
    threads = [threading.Thread(target=job.repeat, args=(stop,), name=job.name) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _shown(settings: Config, database: Database) -> WSGIServer | None:
    if settings.metrics_address is None:
        return None
    names = [target.name for target in configured.copy_targets(settings)]
    figures = TrailFigures(database, names, lambda: datetime.now(UTC))
    try:
        return monitoring.serve(settings.metrics_address, figures, folder=settings.metrics_folder)
    except OSError as error:
        sys.exit(f"understudy: UNDERSTUDY_METRICS_ADDRESS cannot be used: {error.strerror}")


def main() -> None:
    """Run as a process until it is asked to stop."""
    environ = config.read_environment(os.environ)
    if found := start_check.findings(environ):
        sys.exit("\n".join(f"understudy: {sentence}" for sentence in found))
    try:
        settings = config.from_environment(environ)
        logs.set_up("worker", as_json=not settings.demo)
        database = Database(settings.database_url, patience=WORKER_PATIENCE)
        what = jobs(
            database,
            configured.checkpoints(settings),
            configured.copy_targets(settings),
            configured.directory_source(settings, environ),
        )
    except (config.BadSetting, UnusableKey) as error:
        sys.exit(f"understudy: {error}")
    figures = _shown(settings, database)
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    run(what, stop)
    if figures:
        figures.shutdown()
    database.dispose()


if __name__ == "__main__":
    main()
