"""Admins and their sign-ins: who may come in, and what taking that away does at once."""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import pytest

from app.config import Config
from app.domain import admins, sign_ins
from app.domain.passwords import matches
from app.domain.sign_ins import SignedIn
from app.storage.admins import Admin, admin_by_email
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.web.admin import sign_ins as view
from app.web.application import Application
from tests.browsing import Browser
from tests.cast import ADA, CY, EVE, OMAR, PASSWORD, Person
from tests.twins import each_fails_without, fails_without, line, together

GOOD = {
    "name": "Kim Sato",
    "email": "kim@example.com",
    "role": "admin",
    "password": "a good long password",
}


SIGN_OUT = "sign_ins.end_all(db, admin, why=why, by=by, provenance=provenance, now=now)"


@pytest.fixture
def cys_browser(admin_app: Application, sign_in_to: Callable[[Browser, Person], None]) -> Browser:
    browser = Browser(admin_app.test_client())
    sign_in_to(browser, CY)
    return browser


@pytest.fixture
def sign_in_to() -> Callable[[Browser, Person], None]:
    def sign_in_to(browser: Browser, person: Person) -> None:
        browser.get("/sign-in")
        browser.submit("/sign-in", email=person.email, password=PASSWORD)

    return sign_in_to


def test_a_new_admin_can_sign_in(
    superadmin: Browser, admin_app: Application, sign_in_to: Callable[[Browser, Person], None]
) -> None:
    superadmin.get("/admins/new")
    superadmin.submit("/admins", status=303, **GOOD)
    assert "Kim Sato may sign in now." in superadmin.follow().words
    browser = Browser(admin_app.test_client())
    browser.get("/sign-in")
    browser.submit("/sign-in", email="KIM@example.com", password=GOOD["password"])
    assert "Kim Sato" in browser.follow().words


def test_where_passwords_are_off_an_admin_is_added_without_one(
    superadmin: Browser, admin_app: Application, config: Config, database: Database
) -> None:
    admin_app.extensions["settings"] = replace(config, password_sign_in=False)
    page = superadmin.get("/admins/new")
    assert not page.all("input", type="password")
    assert "linked their company account" in page.words
    superadmin.submit("/admins", status=303, **{**GOOD, "password": "chosen by a stranger"})
    assert "Kim Sato has been added." in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        kim = admin_by_email(db, GOOD["email"])
        assert kim
        assert not matches(kim.password_hash, "chosen by a stranger")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Type a name."),
        ("email", "", "Type an e-mail."),
        ("email", "OMAR@example.com", "already"),
        ("password", "", "Choose a password."),
        ("password", "short", "12"),
        ("password", "Kim Sato 2026", "easy to guess"),
    ],
)
def test_a_bad_new_admin_is_asked_for_again(
    superadmin: Browser, field: str, value: str, sentence: str
) -> None:
    superadmin.get("/admins/new")
    superadmin.submit("/admins", status=422, **{**GOOD, field: value})
    assert sentence in superadmin.page.one("div", role="alert").words
    assert "a good long password" not in superadmin.response.get_data(as_text=True)


@pytest.mark.requirement("A2", "S1")
@pytest.mark.failure("X5")
@each_fails_without(
    "path",
    {
        "role": line(admins._end_everything, SIGN_OUT, "pass"),
        # Who is disabled is out, whatever becomes of the sign-in.
        "disabling": together(
            line(admins._end_everything, SIGN_OUT, "pass"),
            line(admins._end_everything, "end_due(db, provenance=provenance, now=now)", "pass"),
        ),
    },
)
def test_taking_the_right_away_ends_sign_ins_and_the_running_session(
    superadmin: Browser,
    cys_browser: Browser,
    database: Database,
    start_session: Callable[..., str],
    path: str,
) -> None:
    session_id = start_session(CY, EVE)
    cys_browser.get("/")
    assert CY.name in superadmin.get(f"/admins/{CY.id}/{path}").words
    superadmin.submit(f"/admins/{CY.id}/{path}")
    assert CY.name in superadmin.follow().words
    cys_browser.get("/", status=HTTPStatus.SEE_OTHER)
    with database.unit_of_work(writing=False) as db:
        session = db.get_one(Impersonation, session_id)
        assert session.end_reason == "impersonator_lost_access"


def test_the_last_access_of_all_cannot_be_taken_away(superadmin: Browser) -> None:
    page = superadmin.get(f"/admins/{ADA.id}")
    assert "Disable" not in page.words
    superadmin.get(f"/admins/{ADA.id}/disabling")
    superadmin.submit(f"/admins/{ADA.id}/disabling", status=409)
    assert "Ask another superadmin." in superadmin.page.words


def test_what_takes_access_away_asks_first_and_changes_nothing_by_asking(
    superadmin: Browser, cys_browser: Browser
) -> None:
    page = superadmin.get(f"/admins/{CY.id}")
    for path in ("role", "disabling", "sign-ins/end"):
        assert page.one("form", action=f"/admins/{CY.id}/{path}")["method"] == "get"
        assert CY.name in superadmin.fragment(f"/admins/{CY.id}/{path}").one("h2").words
    cys_browser.get("/")


def test_a_disabled_admin_can_be_let_in_again(
    superadmin: Browser, database: Database, cys_browser: Browser
) -> None:
    # To disable asks first, to enable does not.
    for page, path, disabled in (("/disabling", "disabling", True), ("", "enabling", False)):
        superadmin.get(f"/admins/{CY.id}{page}")
        superadmin.submit(f"/admins/{CY.id}/{path}")
        with database.unit_of_work(writing=False) as db:
            assert db.get_one(Admin, CY.id).is_disabled is disabled
    cys_browser.get("/", status=HTTPStatus.SEE_OTHER)


@pytest.mark.requirement("S10")
@fails_without(
    line(sign_ins.end_all, 'end_sign_ins(db, admin.id, but=but.id if but else "", now=now)', "1")
)
def test_an_admin_can_be_signed_out_everywhere(superadmin: Browser, cys_browser: Browser) -> None:
    superadmin.get(f"/admins/{CY.id}/sign-ins/end")
    superadmin.submit(f"/admins/{CY.id}/sign-ins/end")
    cys_browser.get("/", status=HTTPStatus.SEE_OTHER)


def test_an_admin_sees_the_others_and_changes_nothing(plain_admin: Browser) -> None:
    page = plain_admin.get("/admins")
    assert not page.all("a", href="/admins/new")
    page = plain_admin.get(f"/admins/{CY.id}")
    assert [form["action"] for form in page.all("form", method="post")] == ["/sign-out"]


@pytest.mark.requirement("S10")
@fails_without(line(view.end, "if row.admin_id != current_user.id", "if False"))
def test_one_can_end_ones_own_other_sign_ins_but_nobody_elses(
    superadmin: Browser,
    sign_in: Callable[[Person], SignedIn],
    cys_browser: Browser,
    database: Database,
) -> None:
    first = superadmin.client.get_cookie("understudy", domain="localhost")
    assert first
    sign_in(ADA)  # a second time: the first goes on in another browser
    page = superadmin.get("/settings/security")
    one = re.compile(r"/settings/security/(?!others)[^/]+/end")
    ends = [form["action"] for form in page.all("form") if one.fullmatch(form["action"])]
    assert len(ends) == 1
    superadmin.submit(ends[0])
    assert "That sign-in has ended." in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Admin, OMAR.id)
    cys_browser.get("/settings/security")
    form = cys_browser.page.one("form", action="/sign-out")
    form.attributes["action"] = ends[0]
    cys_browser.submit(ends[0], status=404)
