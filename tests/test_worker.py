"""The worker ends what is over while nobody is looking."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app import worker
from app.domain import doubts, passkey_challenges, verification_events
from app.domain.audit_copies import Courier
from app.domain.audit_trail import AuditAction
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint
from app.domain.errors import Halted
from app.domain.passkey_challenges import LIFETIME as CHALLENGE_LIFETIME
from app.domain.passkey_challenges import Question
from app.outgoing.log_file import LogFile
from app.outgoing.webhook import Webhook
from app.postgresql_server import Server
from app.storage import counters, locks
from app.storage.admins import Admin
from app.storage.counters import Counter
from app.storage.database import Database
from app.storage.factors import HalfOpenSignIn, PasskeyChallenge, Purpose
from app.storage.impersonations import LIFETIME, Impersonation, open_impersonations
from app.storage.members import Member
from app.worker import MORE, Job
from tests import copying, factories, trail
from tests.cast import ADA
from tests.conftest import on_postgresql, on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.outgoing.receivers import web
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.twins import fails_without, line, value

PATIENCE_SECONDS = 30


def start(database: Database, now: datetime) -> str:
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        return factories.start(db, impersonator=ada, target=mia, now=now).impersonation.id


@pytest.mark.requirement("I6")
@fails_without(value(worker, "end_due", lambda *_, **__: []))
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


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Database]:
    """Yield the database as another worker has it open."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.mark.requirement("R4")
@fails_without(line(worker.alone, " if mine else None"))
def test_of_several_workers_one_at_a_time_does_a_job(
    database: Database, elsewhere: Database, now: datetime
) -> None:
    """What hangs in one worker is done twice by none, and other jobs go on."""
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


@on_postgresql
@pytest.mark.requirement("R4")
def test_a_worker_that_is_cut_off_has_lost_its_turn(
    database: Database, elsewhere: Database, postgresql_server: Server
) -> None:
    def lose_it() -> None:
        with locks.one_at_a_time(database, "the copy") as mine:
            assert mine
            postgresql_server.stop()
            postgresql_server.start()
            with locks.one_at_a_time(elsewhere, "the copy") as others:
                assert others

    with pytest.raises(SQLAlchemyError):
        lose_it()


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
@fails_without(line(worker.look_at_trail, "checkpoints.look(db, kept)", "pass"))
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


@pytest.fixture
def signed(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Three events, each with a checkpoint, inside the database and outside."""
    signed = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    for _ in range(3):
        signed.record(1)
        signed.sign()
    return signed


def doubted(signed: Proven) -> dict[str, object]:
    """Let the worker look and sign, for three seconds, and return the facts of its doubt."""
    signing = worker.jobs(signed.database, signed.checkpoints)[1]
    for second in range(3):
        signing.run(signed.now + timedelta(hours=1, seconds=second))
    with signed.database.unit_of_work(writing=False) as db:
        return dict(trail.only(db, AuditAction.AUDIT_DOUBTED).details)


def cleared(signed: Proven) -> bool:
    """Verify, and say whether no doubt stands after that."""
    with signed.database.unit_of_work(writing=True) as db:
        verification_events.record(
            db, signed.verify(), by="flask audit verify", provenance=FROM_THE_OFFICE, now=signed.now
        )
    with signed.database.unit_of_work(writing=False) as db:
        return not doubts.standing(db)


@on_sqlite
@pytest.mark.requirement("L8", "F10")
@pytest.mark.parametrize("old", ["\n\n", "head", "localhost"])
def test_garbage_in_the_file_of_checkpoints_is_a_doubt(signed: Proven, old: str) -> None:
    """Nothing is signed until the file has been mended, and a verification clears it then."""
    path = signed.checkpoints.file
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace(old, "garbage\n"), encoding="utf-8")
    assert doubted(signed) == {"by": "worker", "kind": "kept_damaged", "first": 3, "last": 3}
    with pytest.raises(Halted):
        start(signed.database, signed.now)
    path.write_text(good, encoding="utf-8")
    assert cleared(signed)


@fails_without(line(Checkpoints.check_kept, "if kept is None and", "if False and"))
@on_sqlite
@pytest.mark.requirement("L8", "F10")
@pytest.mark.parametrize("emptied", [False, True])
def test_a_file_of_checkpoints_that_has_gone_is_a_doubt(signed: Proven, emptied: bool) -> None:
    """It is not begun anew but by an operator, who may have moved it."""
    path = signed.checkpoints.file
    path.unlink()
    if emptied:
        path.touch()
    signed.record(1)
    assert doubted(signed) == {"by": "worker", "kind": "kept_gone", "first": 3, "last": 3}
    assert signed.kept == []
    assert not cleared(signed)
    signed.sign()
    assert cleared(signed)


@on_sqlite
@pytest.mark.requirement("F3")
def test_the_very_first_checkpoint_may_have_been_signed_when_the_power_went(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    first = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    first.record(1)
    with database.unit_of_work(writing=True) as db:
        made = first.checkpoints.make(db, now=now)
    worker.sign_checkpoint(database, first.checkpoints, now=now)
    assert first.kept == [made]


@on_sqlite
@pytest.mark.requirement("L9", "F10")
@fails_without(
    line(worker._doubting, "except Exception as", "except (Tampered, BadCheckpoint) as"),
    raises=(OverflowError, MemoryError, TypeError),
)
@pytest.mark.parametrize("error", [OverflowError("too large"), MemoryError(), TypeError("x")])
def test_a_trail_that_cannot_be_followed_is_a_doubt(
    signed: Proven, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Checkpoints, "look", fail)
    signed.record(1)
    assert doubted(signed) == {"by": "worker", "kind": "unreadable", "first": 1, "last": 1}


@on_sqlite
@pytest.mark.requirement("L9")
@fails_without(line(worker._doubting, "    except (*FAILURES, OSError):\n        raise\n"))
@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("locked"), psycopg.OperationalError(), OSError("full")]
)
def test_what_the_machine_is_to_blame_for_is_tried_again(
    signed: Proven, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Checkpoints, "look", fail)
    with pytest.raises(type(error)):
        doubted(signed)
    with signed.database.unit_of_work(writing=False) as db:
        assert not doubts.standing(db)


@pytest.mark.requirement("L7", "F10")
def test_one_event_with_a_huge_number_is_a_doubt(signed: Proven, database_url: str) -> None:
    """Nobody goes through the numbers before it."""
    signed.record(1)
    with as_owner(database_url) as db:
        for table in ("audit_events", "audit_words"):
            without_trigger(db, table, f"{table}_no_update")
        db.execute(text(f"UPDATE audit_events SET id = {10**12} WHERE id = 4"))
        db.execute(text(f"UPDATE audit_words SET event_id = {10**12} WHERE event_id = 4"))
    found = {"by": "worker", "kind": "missing", "first": 4, "last": 10**12 - 1}
    assert doubted(signed) == found


@pytest.mark.requirement("R4")
@fails_without(
    line(Checkpoints.make, "kept = kept or self.newest_kept()", "kept = self.newest_kept()")
)
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


def test_counters_that_count_no_more_are_forgotten_by_the_minute(
    database: Database, now: datetime
) -> None:
    minute = timedelta(minutes=1)
    with database.unit_of_work(writing=True) as db:
        for number in range(3):
            counters.add(db, {f"it {number}": minute}, now=now + number * minute)
    for late, left in ((1.9, 3), (2, 1), (3.9, 1), (4, 0)):
        worker.forget_counters(database, now=now + late * minute)
        with database.unit_of_work(writing=False) as db:
            assert len(db.scalars(select(Counter.name)).all()) == left


def test_what_nobody_has_answered_is_forgotten_a_day_later(
    database: Database, now: datetime
) -> None:
    day, minute = timedelta(days=1), timedelta(minutes=1)
    with database.unit_of_work(writing=True) as db:
        for number in range(2):
            good_until = now + number * day
            asked_at = good_until - CHALLENGE_LIFETIME
            passkey_challenges.issue(
                db, Question(Purpose.SIGN_IN), address="192.0.2.7", now=asked_at
            )
            db.add(
                HalfOpenSignIn(
                    secret_hash=f"{number}",
                    admin_id=ADA.id,
                    method="password",
                    good_until=good_until,
                )
            )
    for late, left in ((day, 2), (day + minute, 1), (2 * day, 1), (2 * day + minute, 0)):
        worker.forget_proofs(database, now=now + late)
        with database.unit_of_work(writing=False) as db:
            rows = [
                len(db.scalars(select(one)).all()) for one in (PasskeyChallenge, HalfOpenSignIn)
            ]
        assert rows == [left, left]
