"""Many processes at once. Each race has a twin that runs it the naive way, and fails."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app.domain import handoffs
from app.domain.audit_trail import AuditAction
from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT
from app.storage.admins import Admin
from app.storage.audit_checkpoints import AuditCheckpoint
from app.storage.database import Database
from app.storage.impersonations import LIFETIME, open_impersonations
from app.storage.members import Member
from tests import factories, linking, trail
from tests.conftest import on_sqlite
from tests.devices import add_app
from tests.domain import contending, racing
from tests.domain.racing import CONTENDERS, Contenders
from tests.proving import proven
from tests.twins import by_hand, fails_without, statement

TICKETS = 12
SESSIONS = 12


@pytest.fixture(scope="module")
def contenders() -> Iterator[Contenders]:
    with racing.contenders() as contenders:
        yield contenders


@pytest.fixture
def tickets(database: Database, now: datetime) -> list[str]:
    """Many tickets of one session."""
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        started = factories.start(db, impersonator=ada, target=mia, now=now)
        more = [handoffs.issue(db, started.impersonation, now=now) for _ in range(TICKETS - 1)]
    return [started.ticket, *more]


@pytest.fixture
def sessions(database: Database, now: datetime) -> list[str]:
    """A session each of many superadmins."""
    with database.unit_of_work(writing=True) as db:
        mia = db.get_one(Member, "mia")
        admins = [factories.admin(role="superadmin", now=now) for _ in range(SESSIONS)]
        db.add_all(admins)
        return [
            factories.start(db, impersonator=one, target=mia, now=now).impersonation.id
            for one in admins
        ]


@pytest.mark.requirement("I2", "R1", "R3", "R4", "F4")
def test_an_admin_has_one_active_session_however_many_start_at_once(
    contenders: Contenders, database: Database, database_url: str, now: datetime
) -> None:
    """Nobody fails for want of a lock either, and starts = ends + active."""
    violations = contenders.race(contending.start_often, database_url, "ada", now)
    with database.unit_of_work(writing=False) as db:
        active = len(open_impersonations(db))
        counted = Counter(trail.actions(db))
    assert (sum(violations), active) == (0, 1)
    assert counted["impersonation.started"] == CONTENDERS * contending.STARTS
    assert counted["impersonation.ended"] == CONTENDERS * contending.STARTS - 1


@pytest.mark.requirement("P5", "R3", "R4")
def test_a_request_that_several_send_at_once_starts_one_session(
    contenders: Contenders, database: Database, database_url: str, now: datetime
) -> None:
    started = contenders.race(contending.start_once, database_url, now)
    with database.unit_of_work(writing=False) as db:
        counted = Counter(trail.actions(db))
    assert sum(started) == counted["impersonation.started"] == contending.STARTS
    assert counted["handoff.renewed"] <= (CONTENDERS - 1) * contending.STARTS


@on_sqlite
@pytest.mark.requirement("R4")
@by_hand
def test_a_transaction_that_begins_by_reading_cannot_write(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    """The twin: with a plain BEGIN the same contest ends in "database is locked"."""
    assert sum(contenders.race(contending.write_after_reading, database_url, "ada", now)) > 0


# SQLite names the column, PostgreSQL the index.
ONE_ACTIVE_SESSION = r"impersonations\.impersonator_id|uq_impersonations_active_impersonator"
SECOND_SESSION = """
    INSERT INTO impersonations SELECT 'another', impersonator_id, target_id, account_id, reason,
    ticket_url, 'another', token_id, address, user_agent, started_at, expires_at, opened_at,
    last_seen_at, page_id, closing_at, ended_at, end_reason, ended_by_id, api_key_id, kept
        FROM impersonations
"""


@pytest.mark.requirement("R1")
@fails_without(statement("DROP INDEX uq_impersonations_active_impersonator"))
def test_the_database_itself_refuses_a_second_active_session(
    database: Database, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        factories.start(db, impersonator=ada, target=mia, now=now)
    with (
        pytest.raises(IntegrityError, match=ONE_ACTIVE_SESSION),
        database.unit_of_work(writing=True) as db,
    ):
        db.execute(text(SECOND_SESSION))


@pytest.mark.requirement("H2", "F4")
def test_of_eight_who_bring_the_same_ticket_one_wins(
    contenders: Contenders, database_url: str, tickets: list[str], now: datetime
) -> None:
    assert sum(contenders.race(contending.consume, database_url, tickets, now)) == TICKETS


@pytest.mark.requirement("H2", "F4")
@by_hand
def test_reading_before_writing_lets_several_bring_a_ticket(
    contenders: Contenders, database_url: str, tickets: list[str], now: datetime
) -> None:
    """The twin of the race above."""
    assert sum(contenders.race(contending.consume_naively, database_url, tickets, now)) > TICKETS


@pytest.mark.requirement("H3", "R3")
def test_a_ticket_that_several_bring_at_once_ends_its_session_once(
    contenders: Contenders,
    database: Database,
    database_url: str,
    tickets: list[str],
    now: datetime,
) -> None:
    assert sum(contenders.race(contending.redeem, database_url, tickets[0], now)) == 1
    with database.unit_of_work(writing=False) as db:
        counted = Counter(trail.actions(db))
    assert counted["handoff.redeemed"] == counted["impersonation.ended"] == 1
    assert counted["handoff.refused"] == CONTENDERS - 1


@pytest.mark.requirement("H2", "H3", "R3")
def test_a_link_that_several_follow_at_once_starts_and_ends_one_session(
    contenders: Contenders, database: Database, database_url: str, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        secret = linking.make(db, now=now)
    assert sum(contenders.race(contending.follow, database_url, secret, now)) == 1
    with database.unit_of_work(writing=False) as db:
        counted = Counter(trail.actions(db))
    assert counted["impersonation.started"] == counted["impersonation.ended"] == 1
    assert counted["impersonation_link.refused"] == CONTENDERS - 1


@pytest.mark.requirement("H3", "R3")
def test_of_several_tickets_of_a_session_one_opens_it(
    contenders: Contenders, database_url: str, tickets: list[str], now: datetime
) -> None:
    assert sum(contenders.race(contending.redeem_one, database_url, tickets, now)) == 1


@pytest.mark.requirement("I4", "R3", "F4")
def test_of_many_who_end_a_session_one_does(
    contenders: Contenders,
    database: Database,
    database_url: str,
    sessions: list[str],
    now: datetime,
) -> None:
    assert sum(contenders.race(contending.end_all, database_url, sessions, now)) == SESSIONS
    with database.unit_of_work(writing=False) as db:
        ends = trail.events(db, AuditAction.IMPERSONATION_ENDED)
    assert sorted(str(end.impersonation_id) for end in ends) == sorted(sessions)


@pytest.mark.requirement("I4", "R3", "F4")
@by_hand
def test_looking_before_ending_lets_several_end_a_session(
    contenders: Contenders, database_url: str, sessions: list[str], now: datetime
) -> None:
    """The twin of the race above."""
    ended = contenders.race(contending.end_all_naively, database_url, sessions, now)
    assert sum(ended) > SESSIONS


@pytest.mark.requirement("I6")
def test_of_several_workers_one_records_each_expiry(
    contenders: Contenders,
    database: Database,
    database_url: str,
    sessions: list[str],
    now: datetime,
) -> None:
    assert sum(contenders.race(contending.sweep, database_url, now + LIFETIME)) == SESSIONS
    with database.unit_of_work(writing=False) as db:
        assert len(trail.events(db, AuditAction.IMPERSONATION_ENDED)) == SESSIONS


@pytest.mark.requirement("K3")
def test_of_several_workers_one_signs_a_checkpoint(
    contenders: Contenders,
    database: Database,
    database_url: str,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
) -> None:
    """And one keeps it: the file holds it once."""
    signed = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    signed.record(1)
    contenders.race(contending.sign, database_url, key_folder, tmp_path, now)
    with database.unit_of_work(writing=False) as db:
        rows = db.scalars(select(AuditCheckpoint.size)).all()
    assert (rows, [one.size for one in signed.kept]) == ([1], [1])


@pytest.mark.requirement("S6")
def test_guesses_are_counted_across_all_processes(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    looked_at = contenders.race(contending.guess, database_url, now)
    assert sum(looked_at) == FREE_FAILURES_PER_ACCOUNT


@pytest.mark.requirement("S6", "R4")
def test_starts_are_counted_across_all_processes(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    started = contenders.race(contending.start_until_throttled, database_url, now)
    assert sum(started) == contending.MOST_STARTS


@pytest.mark.requirement("P5")
def test_the_shares_of_a_key_are_given_out_across_all_processes(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    granted = contenders.race(contending.take_shares, database_url, now)
    assert sum(granted) == contending.MOST_REQUESTS


@pytest.mark.requirement("P5", "S6")
@by_hand
def test_reading_a_counter_before_writing_it_lets_more_through(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    """The twin of the two races above."""
    granted = contenders.race(contending.take_shares_naively, database_url, now)
    assert sum(granted) > contending.MOST_REQUESTS


@pytest.mark.requirement("S8")
def test_of_eight_who_type_the_same_code_one_is_let_in(
    contenders: Contenders, database: Database, database_url: str, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        app = add_app(db, "ada", lock=contending.LOCK, now=now)
    assert sum(contenders.race(contending.type_code, database_url, app.code(now), now)) == 1


@pytest.mark.requirement("L7", "L11")
def test_many_writers_make_one_chain(
    contenders: Contenders,
    database: Database,
    database_url: str,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
) -> None:
    """Without a fork, without a gap."""
    written = contenders.race(contending.append_often, database_url, now)
    verdict = proven(database, key_folder=key_folder, folder=tmp_path, now=now).verify()
    assert (verdict.finding, verdict.last) == (None, sum(written))


@pytest.mark.requirement("L7", "L11")
@by_hand
def test_a_chain_forks_when_its_head_is_read_without_the_lock(
    contenders: Contenders, database_url: str, now: datetime
) -> None:
    """The twin: the database itself refuses the second one."""
    failures = contenders.race(contending.append_naively, database_url, now)
    assert sum(failures) >= contending.EVENTS * (CONTENDERS - 1)
