"""The question, the start, the lists, the timeline, the end."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from app.domain import endings, impersonations, policies
from app.domain.audit_trail import AuditAction
from app.domain.secrets import hash_secret
from app.domain.start_limits import StartLimits
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.impersonations import Handoff, Impersonation, open_impersonations
from app.web import handoffs
from app.web.admin import impersonations as view
from app.web.application import Application
from tests import factories
from tests.browsing import Browser
from tests.cast import ADA, CY, EVE, MIA, OMAR
from tests.clock import Clock
from tests.conftest import NOW, PRODUCT_URL
from tests.trail import only
from tests.twins import fails_without, line

QUESTION = f"/members/{MIA.id}/impersonations/new"
START = f"/members/{MIA.id}/impersonations"

StartSession = Callable[..., str]


def open_sessions(database: Database) -> list[Impersonation]:
    with database.unit_of_work(writing=False) as db:
        return list(open_impersonations(db))


@pytest.mark.requirement("X8")
def test_the_question_says_what_will_happen_and_does_nothing(
    superadmin: Browser, database: Database
) -> None:
    page = superadmin.get(QUESTION)
    for words in (
        MIA.name,
        MIA.email,
        f"Member id {MIA.id}",
        "Harbour",
        "20 minutes",
        "all actions are logged",
    ):
        assert words in page.words
    form = page.one("form", action=START)
    assert (form["method"], form["target"], form["rel"]) == ("post", "_blank", "noopener")
    assert [button.words for button in page.all("button") if button.is_in(form)] == ["OK", "Cancel"]
    fragment = superadmin.fragment(QUESTION)
    assert fragment.one("h2", id="dialog-title").words == f"Impersonate {MIA.name}"
    assert open_sessions(database) == []


@pytest.mark.requirement("S6")
@fails_without(
    line(impersonations.check_policy, "Refusal.STARTS_THROTTLED if wait else None", "None")
)
def test_who_has_started_too_many_is_told_before_the_click_and_after(
    superadmin: Browser, admin_app: Application, start_session: StartSession, clock: Clock
) -> None:
    superadmin.get(QUESTION)
    admin_app.extensions["start_limits"] = StartLimits(per_hour=1)
    start_session(ADA, EVE)
    clock.move(minutes=12)
    superadmin.submit(START, status=429, reason="A look")
    sentence = "Too many sessions within an hour: the next can start in 48 min"
    assert sentence in superadmin.page.words
    assert superadmin.response.headers["Retry-After"] == str(48 * 60)
    for path in (QUESTION, f"/members/{MIA.id}", "/members?q=mia"):
        assert sentence in superadmin.get(path).words


@pytest.mark.requirement("X8")
def test_a_look_alike_is_told_apart(superadmin: Browser, database: Database) -> None:
    name, email = f"\u202e{MIA.name}", "mia.chen\u202e@harbour.example"
    with database.unit_of_work(writing=True) as db:
        account = db.get_one(Account, "harbour")
        db.add(factories.member(id="twin", name=name, email=email, account=account, now=NOW))
    page = superadmin.get("/members/twin/impersonations/new")
    assert {name, email} <= {"".join(isolated.text) for isolated in page.all("bdi")}


@pytest.mark.requirement("W11")
@fails_without(line(view.new, "new_secret()", '"the same for all of them"'))
def test_every_question_has_a_key_of_its_own(superadmin: Browser) -> None:
    keys = {superadmin.get(QUESTION).form(START)["form_key"] for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.requirement("H1", "H2")
@fails_without(line(handoffs.landing_url, "#ticket=", "?ticket="))
def test_ok_leads_to_the_product_with_the_ticket_in_the_fragment(
    superadmin: Browser, database: Database
) -> None:
    superadmin.get(QUESTION)
    superadmin.submit(START, reason="A look", ticket_url="https://tickets.example.com/7")
    answer = superadmin.response
    landing = urlsplit(answer.headers["Location"])
    assert f"{landing.scheme}://{landing.netloc}{landing.path}" == f"{PRODUCT_URL}/impersonation"
    assert not landing.query
    ticket = landing.fragment.removeprefix("ticket=")
    assert len(ticket) >= 43
    assert ticket not in answer.get_data(as_text=True)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    (session,) = open_sessions(database)
    assert (session.impersonator_id, session.target_id) == (ADA.id, MIA.id)
    assert (session.reason, session.ticket_url) == ("A look", "https://tickets.example.com/7")
    with database.unit_of_work(writing=False) as db:
        assert db.get(Handoff, hash_secret(ticket)) is not None
        assert only(db, AuditAction.IMPERSONATION_STARTED).reason == "A look"


@pytest.mark.requirement("A6")
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("reason", "", "Say why you need to see this account."),
        ("reason", " \n ", "Say why you need to see this account."),
        ("reason", "x" * 501, "500"),
        ("ticket_url", "javascript:alert(1)", "not a web address"),
        ("ticket_url", "T-1", "not a web address"),
    ],
)
def test_a_bad_answer_is_asked_again(
    superadmin: Browser, database: Database, field: str, value: str, sentence: str
) -> None:
    superadmin.get(QUESTION)
    superadmin.submit(START, status=422, **{"reason": "A look", "ticket_url": "", field: value})
    assert sentence in superadmin.page.one("div", role="alert").words
    assert superadmin.page.form(START)["form_key"]
    assert open_sessions(database) == []


@pytest.mark.requirement("W11")
def test_the_same_form_starts_one_session(superadmin: Browser, database: Database) -> None:
    superadmin.get(QUESTION)
    form = superadmin.page
    superadmin.submit(START, reason="A look")
    superadmin.page = form
    superadmin.submit(START, status=409, reason="A look")
    assert "It is in another tab." in superadmin.page.words
    assert len(open_sessions(database)) == 1


@pytest.mark.requirement("A3")
@fails_without(line(policies._refusal_of_member, "if target.protected", "if False"))
def test_a_refused_start_is_recorded_and_starts_nothing(
    superadmin: Browser, database: Database
) -> None:
    superadmin.get(QUESTION)
    superadmin.page.one("form", action=START).attributes["action"] = "/members/pia/impersonations"
    superadmin.submit("/members/pia/impersonations", status=403, reason="A look")
    assert "This member is protected." in superadmin.page.words
    assert open_sessions(database) == []
    with database.unit_of_work(writing=False) as db:
        refused = only(db, AuditAction.IMPERSONATION_REFUSED)
        assert (refused.actor_id, refused.subject_id, refused.reason) == (ADA.id, "pia", "A look")


@pytest.mark.requirement("I2")
def test_a_newer_session_replaces_the_older(
    superadmin: Browser, database: Database, start_session: StartSession
) -> None:
    older = start_session(ADA, EVE)
    superadmin.get(QUESTION)
    superadmin.submit(START, reason="A look")
    (newer,) = open_sessions(database)
    assert newer.target_id == MIA.id
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Impersonation, older).end_reason == "replaced"


def test_the_table_shows_who_is_where(
    plain_admin: Browser, start_session: StartSession, clock: Clock
) -> None:
    assert "Nobody is impersonating anybody." in plain_admin.get("/").words
    start_session(CY, EVE, reason="Cannot sign in")
    clock.move(minutes=5)
    page = plain_admin.get("/")
    region = page.one("section", id="active-impersonations")
    assert page.one("h2", id=region["aria-labelledby"]).words == "Active Impersonation Sessions"
    for words in (CY.name, EVE.name, EVE.email, "Elsewhere", "Cannot sign in", "15:00", "End"):
        assert words in region.words


def test_the_poll_answers_304_until_something_moves(
    plain_admin: Browser, start_session: StartSession
) -> None:
    def poll(version: str, status: int) -> str:
        plain_admin.fragment("/impersonations/active", status=status, version=version)
        sections = plain_admin.page.all("section")
        return sections[0]["data-version"] if sections else version

    version = plain_admin.get("/").one("section", id="active-impersonations")["data-version"]
    assert poll(version, HTTPStatus.NOT_MODIFIED) == version
    start_session(CY, EVE)
    newer = poll(version, HTTPStatus.OK)
    assert newer != version
    poll(newer, HTTPStatus.NOT_MODIFIED)


@pytest.mark.requirement("I3", "I4")
@fails_without(line(endings.end, ", Impersonation.ended_at.is_(None)"))
def test_any_admin_ends_any_session_once(
    plain_admin: Browser, database: Database, start_session: StartSession
) -> None:
    path = f"/impersonations/{start_session(CY, EVE)}/end"
    assert "End this session?" in plain_admin.fragment(path).words
    for said in ("has ended.", "had ended already."):
        plain_admin.get(path)
        plain_admin.submit(path)
        assert f"The session as {EVE.name} {said}" in plain_admin.follow().words
    with database.unit_of_work(writing=False) as db:
        ended = only(db, AuditAction.IMPERSONATION_ENDED)
        assert (ended.actor_id, ended.details["why"]) == (OMAR.id, "admin_ended")


def test_a_session_is_told_event_by_event(superadmin: Browser, start_session: StartSession) -> None:
    session_id = start_session(CY, EVE, reason="Cannot sign in")
    page = superadmin.get(f"/impersonations/{session_id}")
    timeline = page.one("section", id="timeline").words
    assert f"{CY.name} started a session as {EVE.name} of Elsewhere: “Cannot sign in”" in timeline
    assert page.all("form", action=f"/impersonations/{session_id}/end")


@pytest.mark.parametrize(("state", "shown"), [("", 2), ("active", 1), ("ended", 1)])
def test_the_list_can_be_filtered(
    superadmin: Browser, start_session: StartSession, state: str, shown: int
) -> None:
    start_session(CY, MIA)
    start_session(CY, EVE)
    page = superadmin.get(f"/impersonations?state={state}")
    rows = [row for row in page.all("tr") if "scope" not in row.attributes]
    assert len(rows) - 1 == shown
    assert superadmin.get(f"/impersonations?impersonator={ADA.id}").words.count(EVE.name) == 0
