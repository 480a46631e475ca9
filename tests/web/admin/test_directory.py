"""Accounts and members: find one, see one, see why not."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

import pytest

from app.domain import accounts
from app.domain.audit_trail import AuditAction
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.paging import Cursor
from app.web.admin import accounts as view
from app.web.admin.refusals import refusals
from tests import factories
from tests.browsing import Browser, Page
from tests.cast import (
    CY,
    DRYDOCK,
    ELSEWHERE,
    EVE,
    HARBOUR,
    IVO,
    LIGHTHOUSE,
    MIA,
    NOOR,
    OMAR_AS_MEMBER,
    OPAL,
    PIA,
    SAM,
    Person,
)
from tests.clock import Clock
from tests.conftest import NOW
from tests.trail import only
from tests.twins import fails_without, line

REFUSALS = [
    (NOOR, "This member is deactivated"),
    (IVO, "This member has not accepted the invitation"),
    (PIA, "This member is protected"),
    (OMAR_AS_MEMBER, "Admins cannot be impersonated"),
    (SAM, "This account is suspended"),
    (OPAL, "Impersonation is off for this account"),
]


def names_in(page: Page) -> list[str]:
    return [link.words for link in page.all("a", class_="person__name")]


def refusal_of(page: Page, member: Person) -> str | None:
    """What stands beside the disabled button; None where the button can be pressed."""
    reasons = page.all("p", id=f"refusal-{member.id}")
    if not reasons:
        assert page.all("form", action=f"/members/{member.id}/impersonations/new")
        return None
    button = page.one("button", aria_describedby=f"refusal-{member.id}")
    assert "disabled" in button.attributes
    assert button.words == "Impersonate"
    return reasons[0].words


@pytest.mark.parametrize("words", ["mia", "MIA", "søndergaard", "sondergaard", "mia@harbour"])
def test_a_member_is_found_by_name_or_address(superadmin: Browser, words: str) -> None:
    assert names_in(superadmin.get(f"/members?q={words}")) == [MIA.name]
    assert names_in(superadmin.fragment(f"/members?q={words}")) == [MIA.name]


@pytest.mark.requirement("X3")
@pytest.mark.parametrize("words", ["%", "_", "' OR 1=1 --", "*", "\\"])
def test_signs_are_letters_to_a_search(superadmin: Browser, words: str) -> None:
    page = superadmin.client.get("/members", query_string={"q": words})
    assert page.status_code == 200
    assert names_in(Page(page.get_data(as_text=True))) == []


def test_nobody_found_is_said(superadmin: Browser) -> None:
    assert "Nobody of that name or address." in superadmin.get("/members?q=zz-nobody").words
    assert "No account is called that." in superadmin.get("/accounts?q=zz-nothing").words


@pytest.mark.requirement("A3")
@fails_without(line(refusals, "refusal.sentence if refusal else otherwise", "otherwise"))
@pytest.mark.parametrize(("member", "why"), REFUSALS, ids=[who.id for who, _ in REFUSALS])
def test_a_refusal_stands_beside_the_button(superadmin: Browser, member: Person, why: str) -> None:
    for path in ("/members", f"/members/{member.id}"):
        assert refusal_of(superadmin.get(path), member) == why


@pytest.mark.requirement("A3")
@fails_without(line(refusals, "refusal.sentence if refusal else otherwise", "otherwise"))
def test_an_admin_is_told_what_is_missing(plain_admin: Browser) -> None:
    page = plain_admin.get("/members")
    for member in (MIA, EVE, PIA):
        assert refusal_of(page, member) == "Superadmin access required"


def test_a_superadmin_may_press_the_button(superadmin: Browser) -> None:
    for path in ("/members", f"/members/{MIA.id}", f"/accounts/{HARBOUR}"):
        assert refusal_of(superadmin.get(path), MIA) is None


@pytest.mark.requirement("A10")
@fails_without(
    line(
        view.show,
        "list_members(g.db, cursor=cursor(), account_id=account.id)",
        "list_members(g.db, cursor=cursor())",
    ),
    line(
        view.show, "text=text, cursor=cursor(), account_id=account.id", "text=text, cursor=cursor()"
    ),
)
def test_an_account_shows_its_own_members(superadmin: Browser) -> None:
    names = names_in(superadmin.get(f"/accounts/{HARBOUR}"))
    assert MIA.name in names
    assert EVE.name not in names
    assert names_in(superadmin.get(f"/accounts/{HARBOUR}?q=eve")) == []
    assert names_in(superadmin.get(f"/accounts/{ELSEWHERE}")) == [EVE.name]


def test_pages_follow_each_other_and_lead_back(superadmin: Browser, database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        account = db.get_one(Account, ELSEWHERE)
        for number in range(120):
            name = f"Person {number:03}"
            db.add(factories.member(id=f"p{number}", name=name, account=account, now=NOW))
    page = superadmin.get(f"/accounts/{ELSEWHERE}")
    first = names_in(page)
    seen = list(first)
    while following := page.all("a", rel="next"):
        page = superadmin.get(following[0]["href"])
        seen += names_in(page)
    assert seen == sorted(seen, key=str.casefold)
    assert len(seen) == len(set(seen)) == 121
    while previous := page.all("a", rel="prev"):
        page = superadmin.get(previous[0]["href"])
    assert names_in(page) == first


def test_a_place_in_a_list_that_is_nonsense_is_refused(superadmin: Browser) -> None:
    superadmin.get("/members?at=nonsense", status=400)


def test_an_account_shows_the_sessions_in_it(
    superadmin: Browser, start_session: Callable[..., str]
) -> None:
    start_session(CY, EVE)
    assert CY.name in superadmin.get(f"/accounts/{ELSEWHERE}/sessions").words
    assert CY.name not in superadmin.get(f"/accounts/{HARBOUR}/sessions").words
    assert CY.name in superadmin.get(f"/members/{EVE.id}").words


@pytest.mark.requirement("I9")
@fails_without(
    line(accounts.switch_impersonation, "end_due(db, provenance=provenance, now=now)", "pass")
)
def test_switching_an_account_off_ends_what_runs_there_and_says_so(
    superadmin: Browser, start_session: Callable[..., str], database: Database, clock: Clock
) -> None:
    session_id = start_session(CY, EVE)
    superadmin.get(f"/accounts/{ELSEWHERE}/impersonation-switch")
    superadmin.submit(f"/accounts/{ELSEWHERE}/impersonation-switch")
    assert "Running sessions have ended." in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Impersonation, session_id).end_reason == "account_unavailable"
        switched = only(db, AuditAction.ACCOUNT_IMPERSONATION_SWITCHED)
        assert (switched.account_id, switched.details) == (ELSEWHERE, {"allowed": False})
    assert refusal_of(superadmin.get(f"/members/{EVE.id}"), EVE)
    superadmin.get(f"/accounts/{ELSEWHERE}/settings")
    superadmin.submit(f"/accounts/{ELSEWHERE}/impersonation-switch")
    assert refusal_of(superadmin.get(f"/members/{EVE.id}"), EVE) is None


def test_what_the_customer_switched_off_we_cannot_switch_on(superadmin: Browser) -> None:
    page = superadmin.get(f"/accounts/{LIGHTHOUSE}/settings")
    assert "Only they can allow it again." in page.words
    superadmin.get(f"/accounts/{DRYDOCK}")


def test_a_suspended_account_does_not_claim_that_it_can_be_impersonated(
    superadmin: Browser,
) -> None:
    assert "Off" in superadmin.get("/accounts?q=drydock").words
    assert "Nobody can" in superadmin.get(f"/accounts/{DRYDOCK}/settings").words


def test_after_a_search_the_next_tab_leads_to_what_was_found(superadmin: Browser) -> None:
    for path, has_focus in (("/members?q=mia", True), ("/members", False)):
        box = superadmin.get(path).one("input", id="q")
        assert ("autofocus" in box.attributes) is has_focus


def test_an_admin_sees_the_switch_but_cannot_press_it(plain_admin: Browser) -> None:
    page = plain_admin.get(f"/accounts/{HARBOUR}/settings")
    button = page.one("button", aria_describedby="switch-refusal")
    assert "disabled" in button.attributes
    assert page.one("p", id="switch-refusal").words == "Superadmin access required"


def test_how_many_there_are_stands_above_the_list(superadmin: Browser) -> None:
    for path, counted in {
        "/accounts": "4 accounts",
        "/members": "8 members",
        f"/accounts/{HARBOUR}": "5 members",
        "/members?q=mia": "1 member matches",
    }.items():
        page = superadmin.get(path)
        assert page.one("p", class_="count").words == counted
        assert page.all("div", data_announce=counted)


def test_the_search_at_the_top_finds_a_member_by_an_address_of_the_product(
    superadmin: Browser,
) -> None:
    url = f"http://127.0.0.1:8001/people/{MIA.id}/edit?tab=1"
    page = superadmin.get(f"/members?{urlencode({'q': url})}")
    assert names_in(page) == [MIA.name]


def test_pages_of_a_search_follow_each_other(superadmin: Browser, database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        account = db.get_one(Account, ELSEWHERE)
        for number in range(60):
            db.add(factories.member(name=f"Quill {number:02}", account=account, now=NOW))
    page = superadmin.get("/members?q=quill")
    first = names_in(page)
    page = superadmin.get(page.one("a", rel="next")["href"])
    assert [*first, *names_in(page)] == [f"Quill {number:02}" for number in range(60)]
    assert names_in(superadmin.get(page.one("a", rel="prev")["href"])) == first


def test_a_member_page_leads_to_the_same_address_in_other_accounts(
    superadmin: Browser, database: Database
) -> None:
    with database.unit_of_work(writing=True) as db:
        account = db.get_one(Account, ELSEWHERE)
        db.add(factories.member(id="twin", email=MIA.email.upper(), account=account, now=NOW))
    assert superadmin.get(f"/members/{MIA.id}").all("a", href="/members/twin")
    assert superadmin.get("/members/twin").all("a", href=f"/members/{MIA.id}")
    assert not superadmin.get(f"/members/{EVE.id}").all("section", id="elsewhere")


# The sort keys of some list or other, and of none.
PLACES = [
    Cursor(keys, before)
    for keys in [(), ("a",), (1,), ("a", "b"), (1, "b"), ("a", 1), (1, 2), (1, "a", "b"), (1,) * 4]
    for before in (False, True)
]
PAGED = [
    "/accounts",
    "/accounts?q=a",
    "/members",
    "/members?q=a",
    f"/members/{MIA.id}",
    f"/accounts/{HARBOUR}",
    f"/accounts/{HARBOUR}?q=a",
    f"/accounts/{HARBOUR}/sessions",
    "/impersonations",
    "/impersonations?state=ended",
    "/audit",
    "/audit?since=2026-03-01",
    "/audit?until=2026-03-01&outcome=refused",
    "/audit?outcome=refused&actor=cy",
    "/audit?q=a",
]


@pytest.mark.requirement("X3")
@pytest.mark.parametrize("path", PAGED)
def test_a_place_in_another_list_is_refused(
    superadmin: Browser, start_session: Callable[..., str], path: str
) -> None:
    start_session(CY, EVE)
    url, _, query = path.partition("?")
    places = {str(place) for place in PLACES} | {"nonsense", "5", "%", "W10"}
    answers = {
        place: superadmin.client.get(f"{url}?{query}&{urlencode({'at': place})}").status_code
        for place in places
    }
    # One kind of place at most, there and back, is that of this very list.
    own = [place for place, status in answers.items() if status == HTTPStatus.OK]
    assert len(own) <= 2
    assert {answers[place] for place in places if place not in own} == {HTTPStatus.BAD_REQUEST}


@pytest.mark.requirement("A10")
@pytest.mark.parametrize(
    "path",
    ["/members/{}", "/accounts/{}", "/impersonations/{}", "/admins/{}", "/accounts/{}/settings"],
)
def test_what_is_not_there_looks_the_same_whatever_was_asked(
    superadmin: Browser, path: str
) -> None:
    pages = {
        superadmin.get(path.format(name), status=404).one("main").words.split("Request")[0]
        for name in ("nobody", "0", "' OR 1=1", "x" * 300)
    }
    assert len(pages) == 1


@pytest.mark.requirement("X1")
@pytest.mark.failure("X28")
def test_hostile_names_are_text(superadmin: Browser, database: Database) -> None:
    name = '</title></bdi><script>alert(1)</script>{{7*7}}" onmouseover="alert(1)'
    with database.unit_of_work(writing=True) as db:
        account = factories.account(id="hostile", name=name, now=NOW)
        db.add_all([account, factories.member(id="h", name=name, account=account, now=NOW)])
    paths = (
        "/members",
        "/members/h",
        "/accounts",
        "/accounts/hostile",
        "/accounts/hostile/settings",
    )
    for path in (*paths, "/members/h/impersonations/new"):
        page = superadmin.get(path)
        assert name in page.words
        assert "49" not in page.one("main").words
