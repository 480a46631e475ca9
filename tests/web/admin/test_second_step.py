"""The second step of signing in, as a browser goes through it."""

import json
from http import HTTPStatus

import pytest

from app.domain import passkey_challenges, recovery_codes, second_step, sign_ins
from app.domain.factors import Lock
from app.storage.admins import Admin
from app.storage.database import Database
from tests.browsing import FROM_HERE, Browser
from tests.cast import ADA, PASSWORD
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.devices import App, Passkey, add_app, add_passkey
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

# Which engine it is matters to the domain, and is tried there.
pytestmark = on_sqlite
SECOND_STEP = "/sign-in/second-step"


@pytest.fixture
def app(database: Database, lock: Lock, clock: Clock) -> App:
    """Ada's telephone."""
    with database.unit_of_work(writing=True) as db:
        return add_app(db, ADA.id, lock=lock, now=clock.now)


@pytest.fixture
def half_in(app: App, stranger: Browser) -> Browser:
    """Somebody who knows Ada's password."""
    stranger.get("/sign-in?next=/members")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    stranger.follow()
    return stranger


@pytest.mark.requirement("S8")
def test_the_code_leads_on_to_what_was_asked_for(half_in: Browser, app: App, clock: Clock) -> None:
    half_in.submit(SECOND_STEP, code=app.code(clock.now))
    assert half_in.response.headers["Location"] == "/members"
    assert ADA.name in half_in.follow().one("header", class_="topbar").words


@pytest.mark.requirement("S8")
@fails_without(line(sign_ins.begin, "if not has_factors(db, admin.id)", "if True"))
@pytest.mark.parametrize(
    "path", ["/", "/members", "/settings/security", "/settings/security/apps/new"]
)
def test_half_a_sign_in_opens_no_page(half_in: Browser, path: str) -> None:
    half_in.get(path, status=303)
    assert half_in.response.headers["Location"].startswith("/sign-in?next=")


def test_a_wrong_code_is_told_and_asked_for_again(half_in: Browser, app: App, clock: Clock) -> None:
    half_in.submit(SECOND_STEP, status=401, code="000000")
    assert "This code is not good" in half_in.page.one("div", role="alert").words
    half_in.submit(SECOND_STEP, code=app.code(clock.now))
    half_in.follow()


@pytest.mark.requirement("S6")
@fails_without(
    line(
        second_step.finish,
        "if throttled := _throttle(db, admin, answer, address=address, now=now)",
        "if throttled := None",
    )
)
def test_too_many_are_told_how_long_to_wait(half_in: Browser) -> None:
    for _ in range(5):
        half_in.submit(SECOND_STEP, status=401, code="000000")
    half_in.submit(SECOND_STEP, status=429, code="000000")
    assert int(half_in.response.headers["Retry-After"]) > 0


def test_an_empty_answer_says_what_to_do(half_in: Browser) -> None:
    half_in.submit(SECOND_STEP, status=422, code="")
    assert "Type a code" in half_in.page.one("div", role="alert").words


@pytest.mark.requirement("S8")
@fails_without(line(second_step.find, " or now >= row.good_until"))
def test_after_five_minutes_it_begins_anew(half_in: Browser, app: App, clock: Clock) -> None:
    clock.move(minutes=5)
    half_in.submit(SECOND_STEP, code=app.code(clock.now))
    assert half_in.response.headers["Location"] == "/sign-in?next=/members"


@pytest.mark.requirement("S2")
@fails_without(line(second_step.find, "row.closed_at is not None or "))
def test_the_second_step_makes_a_new_cookie(half_in: Browser, app: App, clock: Clock) -> None:
    before = half_in.client.get_cookie("understudy", domain="localhost")
    half_in.submit(SECOND_STEP, code=app.code(clock.now))
    assert before
    half_in.client.set_cookie("understudy", before.value, domain="localhost")
    # Neither is anybody in by it, nor is the second step still to be done.
    for path in ("/members", SECOND_STEP):
        half_in.get(path, status=303)


@pytest.mark.requirement("S8")
def test_a_recovery_code_lets_in_whoever_has_lost_the_device(
    half_in: Browser, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        ada = db.get_one(Admin, ADA.id)
        code, *_ = recovery_codes.make(db, ada, provenance=FROM_THE_OFFICE, now=clock.now)
    half_in.submit(SECOND_STEP, recovery_code=code)
    assert "You used a recovery code." in half_in.follow().words


def test_whoever_has_not_begun_begins(stranger: Browser) -> None:
    stranger.get(f"{SECOND_STEP}?next=/members", status=303)
    assert stranger.response.headers["Location"] == "/sign-in?next=/members"


@pytest.fixture
def passkey(database: Database, lock: Lock, clock: Clock) -> Passkey:
    """Ada's laptop."""
    with database.unit_of_work(writing=True) as db:
        return add_passkey(db, ADA.id, lock=lock, now=clock.now)


def challenge(browser: Browser, url: str) -> str:
    """Ask as the page's script does."""
    token = browser.page.all("input", name="csrf_token")[0]["value"]
    headers = {**FROM_HERE, "X-CSRFToken": token}
    answer = browser.client.post(url, headers=headers)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.get_data(as_text=True)


@pytest.mark.requirement("S8")
def test_a_passkey_alone_signs_in(stranger: Browser, passkey: Passkey) -> None:
    stranger.get("/sign-in?next=/members")
    options = challenge(stranger, "/sign-in/challenge")
    assert not json.loads(options).get("allowCredentials")
    stranger.submit("/sign-in/passkey", credential=passkey.prove(options))
    assert stranger.response.headers["Location"] == "/members"
    stranger.follow()


@pytest.mark.requirement("S8")
def test_a_passkey_is_a_second_step_too(stranger: Browser, passkey: Passkey) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    stranger.follow()
    options = challenge(stranger, f"{SECOND_STEP}/challenge")
    assert len(json.loads(options)["allowCredentials"]) == 1
    stranger.submit(SECOND_STEP, credential=passkey.prove(options))
    stranger.follow()


@pytest.mark.usefixtures("passkey")
def test_whoever_has_a_passkey_alone_is_offered_that_first(stranger: Browser) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    page = stranger.follow()
    first, last = page.all("button", class_="button button--primary")
    assert first.words == "Use a passkey"
    assert last.is_in(page.one("details"))


@pytest.mark.usefixtures("app")
def test_whoever_has_an_app_is_asked_for_its_code_first(half_in: Browser) -> None:
    (button,) = half_in.page.all("button", class_="button button--primary")
    assert button.words == "Sign in"
    assert not button.is_in(half_in.page.one("details"))


def test_a_passkey_that_nobody_knows_is_told(stranger: Browser, lock: Lock) -> None:
    stranger.get("/sign-in")
    answer = Passkey(lock.site.origin).prove(challenge(stranger, "/sign-in/challenge"))
    stranger.submit("/sign-in/passkey", status=401, credential=answer)
    assert "could not be verified" in stranger.page.one("div", role="alert").words


def test_a_flood_of_questions_ends(stranger: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkey_challenges, "MOST_CHALLENGES", 1)
    stranger.get("/sign-in")
    challenge(stranger, "/sign-in/challenge")
    token = stranger.page.all("input", name="csrf_token")[0]["value"]
    headers = {**FROM_HERE, "X-CSRFToken": token}
    answer = stranger.client.post("/sign-in/challenge", headers=headers)
    assert answer.status_code == HTTPStatus.CONFLICT
