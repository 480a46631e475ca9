"""What stands above a session's timeline: from its events, and where it is not, told so."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain import endings
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.paging import PAGE_SIZE
from app.web import session_heads
from tests.browsing import Browser
from tests.cast import CY, EVE, MIA
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line

pytestmark = [on_sqlite, pytest.mark.requirement("L12")]

StartSession = Callable[..., str]
ARCHIVED = (
    "Events 1 to {last}, from before {at} UTC, are not in the database any more: they are said to"
    " be in archives."
)


@pytest.fixture
def session_id(start_session: StartSession, database: Database, clock: Clock) -> str:
    """Cy's session as Mia, events 2 and 3; then one as Eve, event 4, a day later."""
    session_id = start_session(CY, MIA, reason="Mia called", ticket_url="https://t.example/7")
    with database.unit_of_work(writing=True) as db:
        endings.end(
            db,
            db.get_one(Impersonation, session_id),
            why=EndReason.TAB_CLOSED,
            provenance=FROM_THE_OFFICE,
            now=clock.move(seconds=90),
        )
    clock.move(seconds=30)
    start_session(CY, EVE, reason="Eve called")
    return session_id


def archive(url: str, last: int) -> None:
    """Take events out of the table, as archiving does."""
    with as_owner(url) as db:
        for table, number in (("audit_words", "event_id"), ("audit_events", "id")):
            without_trigger(db, table, f"{table}_no_delete")
            db.execute(text(f"DELETE FROM {table} WHERE {number} <= {last}"))


def rewrite(url: str) -> None:
    """Change all that the table of sessions repeats of the events."""
    with as_owner(url) as db:
        db.execute(
            text(
                "UPDATE impersonations SET reason = 'Approved', ticket_url = 'https://forged/',"
                " started_at = started_at - 1000000, expires_at = expires_at - 1000000,"
                " ended_at = CASE WHEN ended_at IS NOT NULL THEN started_at END, address = 'forged'"
            )
        )


def facts(browser: Browser, session_id: str) -> str:
    return browser.get(f"/impersonations/{session_id}").one("section", id="session").words


def transcript(browser: Browser, session_id: str) -> str:
    browser.get(f"/impersonations/{session_id}/transcript")
    return browser.response.text


@fails_without(
    line(session_heads.head_of, "known = start or _start_of", "known = _start_of"),
    line(session_heads.head_of, "end or _end_of", "_end_of"),
)
def test_the_table_of_sessions_says_nothing_that_events_say(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    page, plain = facts(plain_admin, session_id), transcript(plain_admin, session_id)
    rewrite(database_url)
    assert facts(plain_admin, session_id) == page
    assert transcript(plain_admin, session_id) == plain
    assert "Mia called" in page
    assert "Ended:    2026-03-02 09:01:30.000000 UTC, after 1 min 30 s" in plain


@fails_without(
    line(
        session_heads.head_of,
        "NO_END: end is None and impersonation.ended_at is not None",
        "NO_END: False",
    )
)
def test_an_end_that_no_event_tells_is_told(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_delete")
        db.execute(text("DELETE FROM audit_events WHERE id IN (1, 3)"))
    for told in (facts(plain_admin, session_id), transcript(plain_admin, session_id)):
        assert "The event of its end cannot be read here" in told
        assert "The event of its start" not in told
        assert "archives" not in told


@fails_without(line(session_heads.head_of, "NO_START: start is None", "NO_START: False"))
def test_a_start_that_cannot_be_read_is_told(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text("UPDATE audit_events SET facts = '[' WHERE id <= 3"))
    for told in (facts(plain_admin, session_id), transcript(plain_admin, session_id)):
        assert "The event of its start cannot be read here" in told
        assert "The event of its end cannot be read here" in told


def test_an_archived_session_says_where_its_events_are(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    archive(database_url, 3)
    archived = ARCHIVED.format(last=3, at="2026-03-02 09:02")
    page = plain_admin.get(f"/impersonations/{session_id}")
    session = page.one("section", id="session")
    assert archived in session.words
    assert "table of sessions, which no hash covers" in session.words
    assert page.one("a", href="/audit/archives").words == "See the archives"
    assert "None of its events is in the database." in page.one("section", id="timeline").words
    plain = transcript(plain_admin, session_id)
    assert f"{archived} http://localhost:8000/audit/archives lists them." in plain
    assert "None of its events is in the database." in plain
    assert "has the hash" not in plain


def test_a_session_that_is_archived_in_part_says_so(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    archive(database_url, 2)
    rewrite(database_url)
    told = transcript(plain_admin, session_id)
    assert "Reason:   Approved" in told
    assert "The event of its start cannot be read here" in told
    assert "The event of its end" not in told
    timeline = plain_admin.get(f"/impersonations/{session_id}").one("section", id="timeline")
    assert "1 event in the database" in timeline.words


def test_an_erased_session_says_so(
    plain_admin: Browser, session_id: str, database_url: str
) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_words", "audit_words_no_delete")
        db.execute(text("DELETE FROM audit_words WHERE event_id <= 3"))
    told = transcript(plain_admin, session_id)
    assert "Reason:   (erased)\nTicket:   (erased)\nStarted:  2026-03-02 09:00" in told
    page = plain_admin.get(f"/impersonations/{session_id}")
    assert not page.all("a", rel="noopener noreferrer")


@pytest.mark.parametrize(
    ("query", "is_told"),
    [
        ("", True),
        ("?since=2026-03-01", True),
        ("?until=2026-02-01", True),
        ("?action=account.added", True),
        ("?since=2026-03-03", False),
    ],
)
def test_the_trail_says_what_has_left_it_where_one_looks_for_it(
    plain_admin: Browser, session_id: str, database_url: str, query: str, is_told: bool
) -> None:
    assert "said to be in archives" not in plain_admin.get(f"/audit{query}").words
    archive(database_url, 3)
    words = plain_admin.get(f"/audit{query}").words
    assert ("said to be in archives" in words) == is_told
    if query == "?until=2026-02-01":
        assert "No event in the database fits these filters." in words


def test_filters_that_reach_back_are_told_at_once_and_others_at_the_end(
    plain_admin: Browser, session_id: str, database: Database, database_url: str, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        for _ in range(PAGE_SIZE):
            append(db, event(AuditAction.HANDOFF_REDEEMED, now=clock.now, provenance=OPERATOR))
    archive(database_url, 3)
    assert "said to be in archives" in plain_admin.get("/audit?since=2026-03-01").words
    assert "said to be in archives" not in plain_admin.get("/audit").words


@fails_without(line(session_heads._end_in, "min(event.at, start.ends_by)", "event.at"))
def test_a_session_that_was_found_to_be_over_late_was_over_in_time(
    plain_admin: Browser, start_session: StartSession, database: Database, clock: Clock
) -> None:
    session_id = start_session(CY, MIA)
    with database.unit_of_work(writing=True) as db:
        endings.end_due(db, provenance=FROM_THE_OFFICE, now=clock.now + timedelta(minutes=21))
    told = transcript(plain_admin, session_id)
    assert "Ended:    2026-03-02 09:20:00.000000 UTC, after 20 min 0 s" in told
