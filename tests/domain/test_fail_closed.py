"""What cannot be recorded does not happen (L3). The API's side is in tests/web/api."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app.domain import activity, admins, endings, impersonations
from app.domain.impersonations import Started
from app.storage import audit_chain
from app.storage.admins import Admin, SignIn
from app.storage.audit_chain import NotRecorded
from app.storage.database import Database
from app.storage.impersonations import EndReason, Handoff, Impersonation
from app.storage.members import Member
from tests import factories, linking, trail
from tests.breaking import break_trail
from tests.conftest import on_sqlite
from tests.domain import crashing
from tests.factories import FROM_THE_OFFICE
from tests.faults import IGNORE, RULE, full_disk
from tests.owner import as_owner
from tests.proving import proven
from tests.twins import by_hand, fails_without, line

IGNORE_ONE = (
    "CREATE TRIGGER swallow BEFORE INSERT ON audit_words WHEN NEW.event_id = {0}"
    " BEGIN SELECT RAISE(IGNORE); END"
)
RULE_FOR_ONE = (
    "CREATE RULE swallow AS ON INSERT TO audit_words WHERE NEW.event_id = {0} DO INSTEAD NOTHING"
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def started(database: Database, now: datetime) -> Started:
    """Ada's session as Mia, committed."""
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        return factories.start(db, impersonator=ada, target=mia, now=now)


Act = Callable[[Session, Started, datetime], object]
ACTS: dict[str, Act] = {
    "start": lambda db, _started, now: factories.start(
        db, impersonator=db.get_one(Admin, "cy"), target=db.get_one(Member, "eve"), now=now
    ),
    "replace": lambda db, _started, now: factories.start(
        db, impersonator=db.get_one(Admin, "ada"), target=db.get_one(Member, "eve"), now=now
    ),
    "redeem": lambda db, started, now: impersonations.redeem(
        db, ticket=started.ticket, provenance=FROM_THE_OFFICE, now=now
    ),
    "make a link": lambda db, _started, now: linking.make(db, now=now),
    "record an action": lambda db, started, now: activity.record_action(
        db,
        db.get_one(Impersonation, started.impersonation.id),
        method="POST",
        path="/",
        provenance=FROM_THE_OFFICE,
        now=now + timedelta(seconds=1),
    ),
    "end": lambda db, started, now: endings.end(
        db,
        db.get_one(Impersonation, started.impersonation.id),
        why=EndReason.ADMIN_ENDED,
        provenance=FROM_THE_OFFICE,
        now=now,
    ),
    "demote": lambda db, _started, now: admins.change_role(
        db,
        db.get_one(Admin, "ada"),
        role="admin",
        by=db.get_one(Admin, "cy"),
        provenance=FROM_THE_OFFICE,
        now=now,
    ),
}


def state(database: Database) -> list[object]:
    with database.unit_of_work(writing=False) as db:
        tables = (
            "impersonations",
            "impersonation_links",
            "handoffs",
            "admins",
            "sign_ins",
            "audit_events",
        )
        return [db.execute(text(f"SELECT * FROM {table}")).all() for table in tables]


def attempt(database: Database, act: Act, started: Started, now: datetime) -> None:
    with database.unit_of_work(writing=True) as db:
        act(db, started, now)


@pytest.mark.requirement("L3", "R2")
@fails_without(line(Database._session, "audit_chain.seal(session)", "pass"))
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.failure("X24")
def test_what_cannot_be_recorded_does_not_happen(
    database: Database, database_url: str, started: Started, now: datetime, act: Act
) -> None:
    before = state(database)
    break_trail(database_url)
    with pytest.raises(DatabaseError):
        attempt(database, act, started, now)
    assert state(database) == before


@pytest.mark.requirement("L3", "R2")
@fails_without(line(audit_chain.seal, "_check_written(connection, waiting, words)"))
@pytest.mark.parametrize("table", ["audit_events", "audit_words"])
def test_an_event_of_which_the_database_has_kept_one_half_is_none(
    database: Database, database_url: str, started: Started, now: datetime, table: str
) -> None:
    with as_owner(database_url) as db:
        statement = IGNORE if db.get_bind().dialect.name == "sqlite" else RULE
        db.execute(text(statement.format(table)))
    before = state(database)
    with pytest.raises(NotRecorded):
        attempt(database, ACTS["start"], started, now)
    assert state(database) == before


@pytest.mark.requirement("L3", "R2")
@fails_without(
    line(audit_chain.seal, "_check_written(connection, waiting, words)"),
)
def test_of_two_events_none_may_be_swallowed(
    database: Database, database_url: str, started: Started, now: datetime
) -> None:
    """Replacing a session ends one and starts another, in one transaction."""
    with as_owner(database_url) as db:
        size, _ = audit_chain.head(db)
        swallow = (IGNORE_ONE if db.get_bind().dialect.name == "sqlite" else RULE_FOR_ONE).format
        db.execute(text(swallow(size + 1)))
    before = state(database)
    with pytest.raises(NotRecorded):
        attempt(database, ACTS["replace"], started, now)
    assert state(database) == before


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@by_hand
def test_the_same_happens_when_it_can_be_recorded(
    database: Database, started: Started, now: datetime, act: Act
) -> None:
    """It was the broken trail that stopped it."""
    before = state(database)
    attempt(database, act, started, now)
    assert state(database) != before


@pytest.mark.requirement("L3", "R2")
@fails_without(line(Database._session, "audit_chain.seal(session)", "pass"))
def test_a_link_whose_session_cannot_be_recorded_is_not_used_up(
    database: Database, database_url: str, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        secret = linking.make(db, now=now)
    before = state(database)
    break_trail(database_url)
    with pytest.raises(DatabaseError), database.unit_of_work(writing=True) as db:
        linking.follow(db, secret, now=now)
    assert state(database) == before


@on_sqlite
@pytest.mark.requirement("L3", "R2")
def test_a_full_disk_leaves_nothing_half_done(
    database: Database, started: Started, now: datetime
) -> None:
    before = state(database)

    def fill() -> None:
        with database.unit_of_work(writing=True) as db:
            ada, eve = db.get_one(Admin, "ada"), db.get_one(Member, "eve")
            for number in range(500):
                factories.start(
                    db,
                    impersonator=ada,
                    target=eve,
                    reason="x" * 400,
                    form_key=f"{number}",
                    now=now,
                )

    with full_disk(database.engine), pytest.raises(DatabaseError, match="full"):
        fill()
    assert state(database) == before
    with database.unit_of_work(writing=False) as db:
        handoffs = db.scalars(select(Handoff.impersonation_id)).all()
    assert handoffs == [started.impersonation.id]


@pytest.mark.requirement("R2", "F3")
@pytest.mark.parametrize("act", crashing.ACTS)
def test_being_killed_after_any_statement_leaves_nothing(
    database: Database, database_url: str, key_folder: Path, tmp_path: Path, now: datetime, act: str
) -> None:
    """Each attempt but the last is killed; only the last one is there, with its event."""
    command = [sys.executable, "-m", "tests.domain.crashing", database_url, act]
    killed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert int(killed) > 3
    with database.unit_of_work(writing=False) as db:
        counted = Counter(trail.actions(db))
        ended = Impersonation.ended_at.is_not(None)
        done = {
            "impersonation.started": db.scalar(select(func.count(Impersonation.id))),
            "impersonation.ended": db.scalar(select(func.count()).where(ended)),
            "sign_in.succeeded": db.scalar(select(func.count(SignIn.id))),
        }
    assert counted[crashing.ACTS[act][1]] == 1
    assert {name: counted[name] for name in done} == done
    assert (
        proven(database, key_folder=key_folder, folder=tmp_path, now=now).verify().finding is None
    )
