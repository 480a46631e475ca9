"""The worker ends what is over while nobody is looking."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app import worker
from app.domain.audit_trail import AuditAction
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import LIFETIME, Impersonation, open_impersonations
from app.storage.members import Member
from app.worker import Job
from tests import factories, trail


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
