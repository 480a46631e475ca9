"""`flask demo load` and `flask demo seed`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import func, select

from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from tests.proving import proven

Run = Callable[..., Result]
SEED = ("demo", "seed", "--accounts", "20", "--members", "300", "--events", "200")


@pytest.fixture
def demo(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `flask …` where UNDERSTUDY_DEMO is 1."""
    monkeypatch.setenv("UNDERSTUDY_DEMO", "1")
    return run


def everybody(database: Database) -> list[tuple[str, ...]]:
    """Return all members and their accounts, by id."""
    query = select(Member.id, Member.name, Member.email, Member.role, Account.name)
    with database.unit_of_work(writing=False) as db:
        rows = db.execute(query.join(Account).order_by(Member.id)).all()
        return [tuple(row) for row in rows]


def count(database: Database, what: type) -> int:
    with database.unit_of_work(writing=False) as db:
        return db.scalar(select(func.count()).select_from(what)) or 0


def test_production_gets_no_demo_data(run: Run, database: Database) -> None:
    before = count(database, Admin)
    assert "no demo" in run(*SEED).output
    assert "no demo" in run("demo", "load").output
    assert count(database, Admin) == before


def test_loading_adds_nothing_where_the_people_are_already(demo: Run, database: Database) -> None:
    before = count(database, Admin)
    assert "here already" in demo("demo", "load").output
    assert count(database, Admin) == before


def test_a_seed_has_the_size_that_was_asked_for(demo: Run, database: Database) -> None:
    accounts, members = count(database, Account), count(database, Member)
    result = demo(*SEED)
    assert result.exit_code == 0, result.output
    assert count(database, Account) == accounts + 20
    assert count(database, Member) == members + 300
    assert 180 < count(database, AuditEvent) < 240


def test_each_account_knows_how_many_members_it_was_given(demo: Run, database: Database) -> None:
    demo(*SEED)
    counted = select(Account.id, func.count(Member.id)).outerjoin(Member).group_by(Account.id)
    with database.unit_of_work(writing=False) as db:
        stored = dict(db.execute(select(Account.id, Account.member_count)).all())
        assert stored == dict(db.execute(counted).all())


def test_a_second_seed_adds_nothing(demo: Run, database: Database) -> None:
    demo(*SEED)
    there, sessions = everybody(database), count(database, Impersonation)
    assert "Added 0 accounts and members, and 0 events" in demo(*SEED).output
    assert everybody(database) == there
    assert count(database, Impersonation) == sessions


def test_the_seeded_past_verifies(
    demo: Run, database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    demo(*SEED)
    verdict = proven(database, key_folder=key_folder, folder=tmp_path, now=now).verify(kept=[])
    assert verdict.finding is None
    assert verdict.last > 180


def test_no_seeded_session_is_still_open(demo: Run, database: Database) -> None:
    demo(*SEED)
    still_open = select(func.count()).where(Impersonation.ended_at.is_(None))
    with database.unit_of_work(writing=False) as db:
        assert db.scalar(still_open) == 0
