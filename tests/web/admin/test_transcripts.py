"""A session as plain text: complete, in order, and harmless wherever it is pasted."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain import activity, endings
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from app.web import plain_text
from tests.browsing import Browser
from tests.cast import CY, EVE
from tests.clock import Clock
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

StartSession = Callable[..., str]


def act(database: Database, session_id: str, clock: Clock, *, path: str, finished: bool) -> None:
    """Do something in the session, as the product app tells it."""
    with database.unit_of_work(writing=True) as db:
        action_id = activity.record_action(
            db,
            db.get_one(Impersonation, session_id),
            method="POST",
            path=path,
            provenance=FROM_THE_OFFICE,
            now=clock.move(seconds=1),
        )
    if finished:
        with database.unit_of_work(writing=True) as db:
            activity.finish_action(
                db,
                action_id=action_id,
                status=303,
                milliseconds=24,
                provenance=FROM_THE_OFFICE,
                now=clock.now + timedelta(milliseconds=24),
            )


@pytest.fixture
def session_id(start_session: StartSession, database: Database, clock: Clock) -> str:
    """Cy's session as Eve: one action that was answered, one that was not, and the end."""
    session_id = start_session(
        CY, EVE, reason="Cannot\nsign in", ticket_url="https://tickets.example/7"
    )
    act(database, session_id, clock, path="/templates/7", finished=True)
    act(database, session_id, clock, path="/templates/8", finished=False)
    with database.unit_of_work(writing=True) as db:
        endings.end(
            db,
            db.get_one(Impersonation, session_id),
            why=EndReason.TAB_CLOSED,
            provenance=FROM_THE_OFFICE,
            now=clock.move(seconds=88, microseconds=5),
        )
    return session_id


def test_it_tells_the_session_from_start_to_end(plain_admin: Browser, session_id: str) -> None:
    plain_admin.get(f"/impersonations/{session_id}/transcript")
    assert plain_admin.response.headers["Content-Type"] == "text/plain; charset=utf-8"
    head, told, foot = plain_admin.response.text.split("\n\n")[1:]
    assert head.splitlines() == [
        f"Session:  {session_id}",
        f"Admin:    {CY.name} <{CY.email}>, id cy",
        f"Member:   {EVE.name} <{EVE.email}>, id eve",
        "Account:  Elsewhere, id elsewhere",
        "Reason:   Cannot sign in",
        "Ticket:   https://tickets.example/7",
        "Started:  2026-03-02 09:00:00.000000 UTC",
        "Ended:    2026-03-02 09:01:30.000005 UTC, after 1 min 30 s",
        "Why:      The tab was closed.",
    ]
    who = f"{CY.name} sent POST /templates"
    as_eve = f"as {EVE.name} — "
    ended = "ended by itself after 1 min 30 s: the tab was closed."
    whole = f"as {EVE.name} of Elsewhere"
    at = "2026-03-02 09:0"
    assert told.splitlines() == [
        f"{at}0:00.000000 UTC  #2  {CY.name} started a session {whole}: “Cannot sign in”",
        f"{at}0:01.000000 UTC  #3  {who}/7 {as_eve}answered 303 in 24 ms.",
        f"{at}0:02.000000 UTC  #5  {who}/8 {as_eve}how it went has not been reported.",
        f"{at}1:30.000005 UTC  #6  The session {whole} {ended}",
    ]
    assert "Read on http://localhost:8000 at 2026-03-02 09:01:30.000005 UTC." in foot
    assert "Event 6 has the hash " in foot


def test_a_session_that_runs_says_when_it_ends_at_the_latest(
    plain_admin: Browser, start_session: StartSession
) -> None:
    plain_admin.get(
        f"/impersonations/{start_session(CY, EVE, reason='', reason_required=False)}/transcript"
    )
    assert "Ends:     2026-03-02 09:20:00.000000 UTC at the latest" in plain_admin.response.text
    assert "Reason:   none given\nTicket:   none given\n" in plain_admin.response.text


@pytest.mark.requirement("X1", "X4")
@fails_without(
    line(
        plain_text._is_hidden,
        "letter in MISLEADING or unicodedata.category(letter) in UNPRINTABLE",
        "False",
    )
)
def test_nothing_from_outside_moves_or_adds_a_line(
    plain_admin: Browser, start_session: StartSession, database: Database
) -> None:
    hostile = "Eve\r\nReason: all is well\u2028\x1b[2J\x07\u202eevE\x85"
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, EVE.id).name = hostile
    session_id = start_session(CY, EVE, reason=hostile)
    plain_admin.get(f"/impersonations/{session_id}/transcript")
    text = plain_admin.response.text
    assert not {letter for letter in text if ord(letter) < 32} - {"\n"}
    assert not set(text) & set("\x7f\x85\u2028\u202e")
    assert [line for line in text.splitlines() if line.startswith("Reason:")] == [
        "Reason:   Eve Reason: all is well [2J evE"
    ]
    assert len(text.splitlines()) == 16


def test_the_sessions_page_leads_to_it_with_and_without_a_script(
    plain_admin: Browser, session_id: str
) -> None:
    page = plain_admin.get(f"/impersonations/{session_id}")
    path = f"/impersonations/{session_id}/transcript"
    assert page.one("a", href=path).words == "As plain text"
    copies = page.one("button", data_copy=path)
    assert (copies.words, "needs-js" in copies["class"]) == ("Copy for a ticket", True)
    assert page.one("a", href=f"/audit?impersonation={session_id}")
    timeline = page.one("section", id="timeline").words
    assert "answered 303 in 24 ms." in timeline
    assert "how it went has not been reported" in timeline
    # Two of them are told in one line.
    assert "5 events in 4 lines" in timeline
