"""The worker ends what is over while nobody is looking."""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import worker
from app.domain.audit_copies import Courier
from app.domain.audit_trail import AuditAction
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint
from app.domain.errors import Halted
from app.outgoing.log_file import LogFile
from app.outgoing.webhook import Webhook
from app.postgresql_server import Server
from app.storage import locks
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import LIFETIME, Impersonation, open_impersonations
from app.storage.members import Member
from app.worker import MORE, Job
from tests import copying, factories, trail
from tests.conftest import on_postgresql
from tests.outgoing.receivers import web
from tests.proving import proven

PATIENCE_SECONDS = 30


def start(database: Database, now: datetime) -> str:
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        return factories.start(db, impersonator=ada, target=mia, now=now).impersonation.id


@pytest.mark.requirement("I6")
def test_a_sweep_ends_what_is_over_and_records_it(database: Database, now: datetime) -> None:
    start(database, now)
    assert worker.sweep(database, now=now) == 0
    assert worker.sweep(database, now=now + LIFETIME) == 1
    assert worker.sweep(database, now=now + LIFETIME) == 0
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.IMPERSONATION_ENDED).user_agent == "worker"


def test_a_sweep_with_nothing_to_do_waits_for_no_writer(database: Database, now: datetime) -> None:
    with database.unit_of_work(writing=True) as db:
        db.execute(text("SELECT 1"))
        assert worker.sweep(database, now=now) == 0


def test_the_worker_goes_on_after_a_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sweep fails, the second one ends the session and stops the worker."""
    monkeypatch.setattr(worker, "PERIOD_SECONDS", 0.01)
    stop = threading.Event()
    id_ = start(database, datetime.now(UTC) - timedelta(hours=1))
    sweep = worker.sweep
    outcomes: list[object] = []

    def sweep_badly_at_first(database: Database, *, now: datetime) -> int:
        if not outcomes:
            outcomes.append("failed")
            with database.unit_of_work(writing=False) as db:
                db.execute(text("SELECT * FROM no_such_table"))
        outcomes.append(sweep(database, now=now))
        stop.set()
        return 0

    monkeypatch.setattr(worker, "sweep", sweep_badly_at_first)
    worker.run([Job("the sweep", lambda now: worker.sweep(database, now=now))], stop)
    assert outcomes == ["failed", 1]
    with database.unit_of_work(writing=False) as db:
        assert open_impersonations(db) == []
        assert db.get_one(Impersonation, id_).end_reason == "expired"


def test_a_job_goes_on_whatever_it_fails_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's own errors are no SQLAlchemyError; a thread that died would be silent."""
    monkeypatch.setattr(worker, "PERIOD_SECONDS", 0.01)
    stop = threading.Event()
    outcomes = iter([sqlite3.OperationalError("Could not decode to UTF-8"), KeyError("name")])

    def run(_: datetime) -> None:
        for outcome in outcomes:
            raise outcome
        stop.set()

    worker.run([Job("the job", run)], stop)


def test_a_job_that_has_more_to_do_does_not_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause would last longer than any test."""
    stop = threading.Event()
    left = iter(range(100))

    def run(_: datetime) -> object:
        monkeypatch.setattr(worker, "PERIOD_SECONDS", 3600)
        if next(left, None) is not None:
            return worker.MORE
        stop.set()
        return None

    monkeypatch.setattr(worker, "PERIOD_SECONDS", 0.01)
    worker.run([Job("the job", run)], stop)
    assert stop.is_set()


@pytest.mark.requirement("R4")
def test_of_several_workers_one_at_a_time_does_a_job(
    database: Database, database_url: str, now: datetime
) -> None:
    """What hangs in one worker is done twice by none, and other jobs go on."""
    elsewhere = Database(database_url)
    done: list[str] = []

    def other(name: str) -> object:
        def do(_: datetime) -> object:
            done.append(name)
            return MORE

        return worker.alone(elsewhere, Job(name, do)).run(now)

    def run(_: datetime) -> object:
        assert (other("the copy"), other("the checkpoint")) == (None, MORE)
        return MORE

    assert worker.alone(database, Job("the copy", run)).run(now) is MORE
    assert other("the copy") is MORE
    assert done == ["the checkpoint", "the copy"]
    elsewhere.dispose()


@on_postgresql
@pytest.mark.requirement("R4")
def test_a_worker_that_is_cut_off_has_lost_its_turn(
    database: Database, database_url: str, postgresql_server: Server
) -> None:
    elsewhere = Database(database_url)

    def lose_it() -> None:
        with locks.one_at_a_time(database, "the copy") as mine:
            assert mine
            postgresql_server.stop()
            postgresql_server.start()
            with locks.one_at_a_time(elsewhere, "the copy") as others:
                assert others

    with pytest.raises(SQLAlchemyError):
        lose_it()
    elsewhere.dispose()


@pytest.mark.requirement("F9")
def test_a_receiver_that_hangs_keeps_nobody_waiting(
    database: Database,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it hangs sessions end, the trail grows, and the log file with it."""
    monkeypatch.setattr(worker, "PERIOD_SECONDS", 0.01)
    checkpoints = proven(database, key_folder=key_folder, folder=tmp_path, now=now).checkpoints
    hangs, leave, stop = threading.Event(), threading.Event(), threading.Event()
    log = LogFile(tmp_path / "audit.log")

    def hang() -> None:
        hangs.set()
        leave.wait()

    with web(before=hang) as received:
        hook = Webhook(received.url, (b"a secret that is long enough for this",), private=True)
        jobs = worker.jobs(database, checkpoints, [hook, log])
        running = threading.Thread(target=worker.run, args=(jobs, stop))
        copying.record(database, 1, now=now)
        running.start()
        hangs.wait()
        id_ = start(database, datetime.now(UTC) - timedelta(hours=1))
        wait_for(lambda: ended(database, id_))
        wait_for(lambda: log.path.read_text(encoding="ascii").count("\n") == 3)
        stuck = copying.state(database, hook)
        assert (stuck.last_event_id, stuck.behind) == (0, 3)
        leave.set()
        wait_for(lambda: copying.state(database, hook).behind == 0)
        stop.set()
        running.join()


def ended(database: Database, id_: str) -> bool:
    with database.unit_of_work(writing=False) as db:
        return db.get_one(Impersonation, id_).ended_at is not None


@pytest.mark.requirement("L9", "F10")
def test_a_worker_that_starts_sees_that_a_backup_stands_in_place_of_the_trail(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    """It says so once, whatever else it does, and no session starts."""
    old = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    old.record(3)
    kept = replace(old.sign(), size=7)
    old.checkpoints.file.write_text(old.checkpoints.key.sign(kept), encoding="utf-8")
    signing = worker.jobs(database, old.checkpoints)[1]
    for second in range(3):
        signing.run(now + timedelta(seconds=second))
    with database.unit_of_work(writing=False) as db:
        found = trail.only(db, AuditAction.AUDIT_DOUBTED).details
        assert (found["kind"], found["last"], found["by"]) == ("cut_off", 7, "worker")
    with pytest.raises(Halted):
        start(database, now)


@pytest.mark.requirement("R4")
def test_nobody_waits_for_the_disk_with_the_checkpoints(
    database: Database,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the file is read others write."""
    old = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    old.record(3)
    old.sign()
    old.record(1)
    newest_kept, read = Checkpoints.newest_kept, list[int]()

    def slowly(checkpoints: Checkpoints) -> Checkpoint | None:
        read.append(len(read))
        if len(read) == 1:
            copying.record(database, 1, now=now)
        return newest_kept(checkpoints)

    monkeypatch.setattr(Checkpoints, "newest_kept", slowly)
    worker.sign_checkpoint(database, old.checkpoints, now=now + timedelta(hours=1))
    assert (read, old.kept[-1].size) == ([0], 5)


def wait_for(come: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not come():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_nothing_is_locked_while_something_is_sent(database: Database, now: datetime) -> None:
    def write() -> None:
        copying.record(database, 1, now=now)

    copying.record(database, 1, now=now)
    with web(before=write) as received:
        hook = Webhook(received.url, (b"a secret that is long enough for this",), private=True)
        assert worker.copy_trail(database, Courier(hook), now=now) is worker.MORE
    assert copying.state(database, hook).behind == 1
