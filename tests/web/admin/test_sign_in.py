"""Signing in and out."""

from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any

import pytest

from app.domain import authentication, endings, sign_ins
from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.web import authentication as web_authentication
from app.web.admin import arrivals
from app.web.admin import sign_in as view
from tests.browsing import FROM_HERE, Browser
from tests.cast import ADA, EVE, OMAR, PASSWORD
from tests.clock import Clock
from tests.trail import actions, only
from tests.twins import fails_without, line


def sign_in(
    browser: Browser, *, email: str = ADA.email, password: str = PASSWORD, to: str = ""
) -> None:
    browser.get(f"/sign-in?next={to}" if to else "/sign-in")
    browser.submit("/sign-in", email=email, password=password)


def test_a_good_password_leads_to_the_overview(stranger: Browser, database: Database) -> None:
    sign_in(stranger)
    assert stranger.response.headers["Location"] == "/"
    assert ADA.name in stranger.follow().one("header", class_="topbar").words
    with database.unit_of_work(writing=False) as db:
        assert only(db, AuditAction.SIGN_IN_SUCCEEDED).actor_id == ADA.id


def test_it_leads_back_to_the_page_that_was_asked_for(stranger: Browser) -> None:
    stranger.get("/members?q=mia", status=HTTPStatus.SEE_OTHER)
    stranger.follow()
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    assert stranger.response.headers["Location"] == "/members?q=mia"


@pytest.mark.requirement("W8")
@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aLocation: https://evil.example",
        "/\thttps://evil.example",
        "members",
    ],
)
@pytest.mark.failure("X28")
def test_it_leads_nowhere_else(stranger: Browser, elsewhere: str) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD, next=elsewhere)
    location = stranger.response.headers["Location"]
    assert location == "/" or location.startswith("/%0d%0a")
    assert "\n" not in location


@pytest.mark.requirement("S5")
@fails_without(
    line(
        authentication.sign_in,
        "NotSignedIn(NO_MATCH)",
        'NotSignedIn(NO_MATCH if admin else "Nobody has this address.")',
    )
)
def test_a_wrong_password_and_an_unknown_address_look_the_same(stranger: Browser) -> None:
    pages = []
    for email in (ADA.email, "nobody@example.com"):
        stranger.get("/sign-in")
        stranger.submit("/sign-in", status=401, email=email, password="not the password")
        assert stranger.page.one("input", name="email")["value"] == email
        assert not stranger.page.one("input", name="password")["value"]
        pages.append(stranger.page.one("div", role="alert").words)
    assert pages[0] == pages[1]


@pytest.mark.requirement("S6")
@fails_without(line(authentication.throttle, "if wait else", "if False else"))
def test_guessing_is_slowed_down(stranger: Browser, clock: Clock) -> None:
    statuses = []
    for _ in range(12):
        stranger.get("/sign-in")
        token = stranger.page.form("/sign-in")
        answer = stranger.client.post(
            "/sign-in",
            data=token | {"email": ADA.email, "password": "a guess"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        statuses.append(answer.status_code)
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert int(answer.headers["Retry-After"]) > 0
    clock.move(hours=1)
    sign_in(stranger)
    assert stranger.response.status_code == HTTPStatus.SEE_OTHER


def test_empty_fields_are_named(stranger: Browser) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", status=422, email="", password="")
    assert "Type your e-mail." in stranger.page.words
    assert stranger.page.one("input", name="email")["aria-invalid"] == "true"


@pytest.mark.requirement("S2")
def test_signing_in_makes_a_new_cookie(stranger: Browser) -> None:
    stranger.get("/sign-in")
    before = stranger.client.get_cookie("understudy", domain="localhost")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    after = stranger.client.get_cookie("understudy", domain="localhost")
    assert before
    assert after
    assert before.value != after.value


@pytest.mark.requirement("S2")
@fails_without(line(arrivals.arrive, "end_sign_in()", "pass"))
def test_signing_in_again_ends_the_sign_in_before(superadmin: Browser) -> None:
    before = superadmin.client.get_cookie("understudy", domain="localhost")
    assert before
    token = {"csrf_token": superadmin.get("/").one("meta", name="csrf-token")["content"]}
    data = token | {"email": OMAR.email, "password": PASSWORD}
    answer = superadmin.client.post("/sign-in", data=data, headers=FROM_HERE)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert OMAR.name in superadmin.get("/").one("header", class_="topbar").words
    superadmin.client.set_cookie("understudy", before.value, domain="localhost")
    superadmin.get("/", status=303)


@pytest.mark.parametrize(
    "sent",
    [
        # Made anew for each engine: a file can be sent once.
        lambda: {"data": {"email": (BytesIO(b"ada"), "a file")}},
        lambda: {"json": [1]},
        lambda: {"json": "ada"},
        lambda: {"json": {"email": 5, "password": 5}},
    ],
    ids=["a file", "a list", "a text", "numbers"],
)
def test_what_holds_no_words_is_a_form_left_empty(
    stranger: Browser, sent: Callable[[], dict[str, Any]]
) -> None:
    stranger.get("/sign-in")
    headers = {**FROM_HERE, "X-CSRFToken": stranger.page.form("/sign-in")["csrf_token"]}
    answer = stranger.client.post("/sign-in", headers=headers, **sent())
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Type your e-mail." in answer.text


@pytest.mark.requirement("S1")
@fails_without(line(view.destroy, "end_sign_in()", "False"))
def test_sign_out_ends_the_sign_in_and_not_only_the_cookie(
    superadmin: Browser, database: Database
) -> None:
    superadmin.get("/")
    cookie = superadmin.client.get_cookie("understudy", domain="localhost")
    assert cookie
    superadmin.submit("/sign-out")
    superadmin.client.set_cookie("understudy", cookie.value, domain="localhost")
    superadmin.get("/", status=HTTPStatus.SEE_OTHER)
    with database.unit_of_work(writing=False) as db:
        assert actions(db)[-1] == AuditAction.SIGN_IN_ENDED


@pytest.mark.requirement("S1")
@fails_without(
    line(
        endings.end_with_sign_in,
        "return end(db, running, why=EndReason.SIGN_IN_ENDED, provenance=provenance, now=now)",
        "return True",
    )
)
def test_sign_out_ends_the_running_session_and_says_so(
    superadmin: Browser, database: Database, start_session: Callable[..., str]
) -> None:
    session_id = start_session(ADA, EVE)
    superadmin.get("/")
    superadmin.submit("/sign-out")
    assert "your impersonation session has ended" in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Impersonation, session_id).end_reason == EndReason.SIGN_IN_ENDED


@pytest.mark.requirement("S3")
@fails_without(
    line(sign_ins.is_over, "now >= row.last_active_at + IDLE_TIMEOUT or "),
    line(web_authentication.stale_sign_in, "or route.background "),
)
def test_half_an_hour_without_a_click_signs_out_however_much_is_polled(
    superadmin: Browser, clock: Clock
) -> None:
    for _ in range(29):
        clock.move(minutes=1)
        superadmin.fragment("/impersonations/active")
    superadmin.get("/members")
    for _ in range(30):
        clock.move(minutes=1)
        superadmin.client.get("/impersonations/active", headers={"HX-Request": "true"})
    superadmin.fragment("/impersonations/active", status=401)
    superadmin.get("/", status=HTTPStatus.SEE_OTHER)


@pytest.mark.requirement("S3")
@fails_without(line(sign_ins.is_over, " or now >= row.started_at + ABSOLUTE_TIMEOUT"))
def test_eight_hours_are_the_end_however_much_is_clicked(superadmin: Browser, clock: Clock) -> None:
    for _ in range(24):
        superadmin.get("/members")
        clock.move(minutes=20)
    superadmin.get("/members", status=HTTPStatus.SEE_OTHER)
