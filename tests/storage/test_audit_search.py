"""Searching the trail: every event that fits is met once, and no page looks through all of it."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as listen_to
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Outcome, append, event
from app.storage import audit_search, audit_trail
from app.storage.admins import Admin
from app.storage.audit_search import EventFilters, EventPage, search_events
from app.storage.audit_trail import AuditEvent
from app.storage.base import EPOCH, MICROSECOND
from app.storage.database import Database
from app.storage.folding import fold
from app.storage.members import Member
from app.storage.paging import BadCursor, Cursor
from tests import trail
from tests.budget import tries
from tests.cast import ADA, CY, EVE, MIA
from tests.conftest import NOW
from tests.factories import FROM_THE_OFFICE
from tests.filling import fill_trail

ACTIONS = (AuditAction.HANDOFF_RENEWED, AuditAction.HANDOFF_REDEEMED)
REASONS = ("Her template is broken", "100%", "Ärger mit Łukasz", "a_b", None)


@pytest.fixture
def events(db: Session) -> list[AuditEvent]:
    """Ninety events of all sorts; the clock of whoever recorded them jumps to and fro."""
    chance = random.Random(11)  # noqa: S311 - the same events each time
    admins = [db.get_one(Admin, person.id) for person in (ADA, CY)]
    members = [None, *(db.get_one(Member, person.id) for person in (MIA, EVE))]
    for _ in range(90):
        one = event(
            chance.choice(ACTIONS),
            now=NOW + timedelta(hours=chance.randrange(72)),
            provenance=FROM_THE_OFFICE,
            actor=chance.choice(admins),
            subject=chance.choice(members),
            outcome=chance.choice(list(Outcome)),
            reason=chance.choice(REASONS),
        )
        one.impersonation_id = chance.choice(["session-1", "session-2", None])
        append(db, one)
    return list(trail.events(db))


def fits(one: AuditEvent, wanted: EventFilters) -> bool:
    """The same question, asked of one event at a time."""
    columns = (*audit_search.COLUMNS, "outcome")
    return (
        all(getattr(wanted, name) in (None, getattr(one, name)) for name in columns)
        and (wanted.since is None or one.at >= wanted.since)
        and (wanted.until is None or one.at < wanted.until)
        and fold(wanted.text) in (one.words_row.folded if one.words_row else "")
    )


def some(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, None, *values])


DAYS = st.none() | st.integers(0, 72).map(lambda hours: NOW + timedelta(hours=hours))
FILTERS = st.builds(
    EventFilters,
    actor_id=some(ADA.id, CY.id, "nobody"),
    subject_id=some(MIA.id, EVE.id),
    account_id=some("harbour"),
    impersonation_id=some("session-1"),
    action=some(*ACTIONS),
    outcome=some(*Outcome),
    since=DAYS,
    until=DAYS,
    text=st.sampled_from(["", "", "TEMPLATE", "arger mit lukasz", "%", "_"]),
)


@settings(
    max_examples=tries(120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(wanted=FILTERS, size=st.integers(1, 7), most=st.integers(1, 40))
def test_walking_there_and_back_meets_each_event_that_fits_once(
    db: Session, events: list[AuditEvent], wanted: EventFilters, size: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(audit_search, "PAGE_SIZE", size)
        monkeypatch.setattr(audit_trail, "SEARCHED_AT_ONCE", max(most, size))
        pages = [search_events(db, cursor=None, filters=wanted)]
        while pages[-1].next:
            pages.append(search_events(db, cursor=travelled(pages[-1].next), filters=wanted))
        back = [pages[-1]]
        while back[0].previous:
            place = travelled(back[0].previous)
            back.insert(0, search_events(db, cursor=place, filters=wanted))
    newest_first = sorted(
        (one for one in events if fits(one, wanted)),
        key=lambda one: (one.at if wanted.is_by_time else NOW, one.id),
        reverse=True,
    )
    assert numbers(pages) == numbers(back) == [one.id for one in newest_first]
    assert all(page.stop or len(page.rows) == size or not page.next for page in pages)


def test_a_search_says_how_far_it_has_looked(
    db: Session, events: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "SEARCHED_AT_ONCE", 40)
    nothing = EventFilters(text="nothing is called so")
    first = search_events(db, cursor=None, filters=nothing)
    last_looked_at = events[-40]
    assert first.rows == []
    assert first.stop
    assert (first.stop.events, first.stop.at) == (40, last_looked_at.at)
    assert first.next == Cursor((last_looked_at.id,))
    second = search_events(db, cursor=first.next, filters=nothing)
    third = search_events(db, cursor=second.next, filters=nothing)
    assert (second.stop is None, third.stop, third.next) == (False, None, None)


def test_a_page_that_is_full_has_not_stopped(
    db: Session, events: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "PAGE_SIZE", 5)
    monkeypatch.setattr(audit_trail, "SEARCHED_AT_ONCE", 80)
    found = search_events(db, cursor=None, filters=EventFilters(text="template"))
    assert (len(found.rows), found.stop) == (5, None)
    assert found.next


@pytest.mark.parametrize("before", [False, True])
def test_a_place_outside_the_time_that_is_asked_for_is_refused(db: Session, before: bool) -> None:
    noon = EventFilters(since=NOW, until=NOW + timedelta(hours=1))
    outside = NOW + timedelta(hours=-1 if before else 1)
    keys = ((outside - EPOCH) // MICROSECOND, 5)
    with pytest.raises(BadCursor):
        search_events(db, cursor=Cursor(keys, before), filters=noon)


COMBINATIONS = {
    "nothing": EventFilters(),
    "text": EventFilters(text="no such words"),
    "actor and text": EventFilters(actor_id=f"admin-{3:030}", text="no such words"),
    "busy and rare": EventFilters(action="action.recorded", actor_id="nobody"),
    "actor and account": EventFilters(actor_id=f"admin-{3:030}", account_id=f"account-{7:028}"),
    "outcome": EventFilters(outcome="failed"),
    "outcome and action": EventFilters(outcome="succeeded", action="action.finished"),
    "time and text": EventFilters(since=NOW, text="no such words"),
    "time and account": EventFilters(since=NOW, account_id=f"account-{7:028}", outcome="failed"),
    "time and actor": EventFilters(until=NOW + timedelta(days=9), actor_id=f"admin-{3:030}"),
}


@pytest.fixture(scope="module")
def long_trail(
    empty_database_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A trail of six thousand events."""
    path = tmp_path_factory.mktemp("long") / "understudy.db"
    path.write_bytes(empty_database_file.read_bytes())
    database = Database(f"sqlite:///{path}")
    fill_trail(database, events=6_000, now=NOW)
    yield database
    database.dispose()


@pytest.fixture
def work(long_trail: Database) -> Callable[[Callable[[Session], object]], int]:
    """Count what SQLite does for something, in steps of its machine: time would depend on ours."""

    def work(something: Callable[[Session], object]) -> int:
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        with long_trail.unit_of_work(writing=False) as db:
            connection: Any = db.connection().connection.driver_connection
            connection.set_progress_handler(step, 10)
            something(db)
            connection.set_progress_handler(None, 10)
        return steps * 10

    return work


@pytest.mark.parametrize("wanted", COMBINATIONS.values(), ids=COMBINATIONS)
@pytest.mark.parametrize("back", [False, True], ids=["onwards", "backwards"])
def test_no_page_looks_through_the_whole_trail(
    work: Callable[[Callable[[Session], object]], int],
    monkeypatch: pytest.MonkeyPatch,
    wanted: EventFilters,
    back: bool,
) -> None:
    monkeypatch.setattr(audit_trail, "SEARCHED_AT_ONCE", 100)
    middle = (NOW + timedelta(seconds=3_000) - EPOCH) // MICROSECOND
    place = (middle, 3_000) if wanted.is_by_time else (3_000,)
    everything = work(lambda db: db.connection().exec_driver_sql(SCAN).all())
    for cursor in (None, Cursor(place, before=back)):
        page = work(lambda db, at=cursor: search_events(db, cursor=at, filters=wanted))  # type: ignore[misc]
        assert page < everything / 3


SCAN = "SELECT id FROM audit_events WHERE facts = ''"


def test_a_time_range_is_found_by_the_index_on_time(long_trail: Database) -> None:
    asked: list[tuple[str, Any]] = []
    listen_to.listen(
        long_trail.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3]))
    )
    wanted = EventFilters(since=NOW, until=NOW + timedelta(hours=1), text="template")
    with long_trail.unit_of_work(writing=False) as db:
        search_events(db, cursor=Cursor((1, 1)), filters=wanted)
        statement, parameters = next(one for one in asked if "LIKE" in one[0])
        plan = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    steps = " / ".join(row[3] for row in plan)
    assert "USING INDEX ix_audit_events_at (at>? AND at<?)" in steps


def travelled(cursor: Cursor | None) -> Cursor | None:
    """The cursor as it comes back in an address."""
    return Cursor.parse(str(cursor))


def numbers(pages: list[EventPage]) -> list[int]:
    return [row.id for page in pages for row in page.rows]
