"""One's own second factors, and what is open until there is one."""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import pyotp
import pytest

from app.config import Config
from app.domain import factors, recovery_codes, sign_ins
from app.domain.audit_trail import AuditAction
from app.domain.factors import Lock
from app.domain.permissions import Permission
from app.domain.sign_ins import SignedIn
from app.storage.database import Database
from app.storage.factors import factors_of
from app.web import authentication
from app.web.admin import enrolment, step_up
from app.web.admin import factors as view
from app.web.admin.routes import ROUTES
from app.web.application import Application
from tests.browsing import FROM_HERE, HTMX, Browser, Page
from tests.cast import ADA, CY, OMAR, PASSWORD, Person
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.devices import Passkey, add_app
from tests.trail import actions
from tests.twins import fails_without, line, value
from tests.web.admin.test_second_step import challenge

# Which engine it is matters to the domain, and is tried there.
pytestmark = on_sqlite
SECURITY = "/settings/security"
SignIn = Callable[[Person], SignedIn]


def add(browser: Browser, clock: Clock, *, status: int = 201, code: str = "") -> str:
    """Add an app as its page says; return the secret."""
    page = browser.get(f"{SECURITY}/apps/new")
    secret = secret_on(page)
    code = code or pyotp.TOTP(secret).at(clock.now)
    browser.submit(f"{SECURITY}/apps", status=status, app_code=code, name="Telephone")
    return secret


@pytest.mark.requirement("S8")
@fails_without(value(step_up, "asked_to_enrol", lambda: None))
@pytest.mark.parametrize("path", ["apps/new", "passkeys/new"])
def test_the_proof_comes_first_where_there_is_one(
    superadmin: Browser, database: Database, lock: Lock, clock: Clock, path: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        phone = add_app(db, ADA.id, lock=lock, now=clock.now)
    superadmin.get(f"{SECURITY}/{path}", status=303)
    superadmin.follow()
    superadmin.submit(f"{SECURITY}/step-up", code=phone.code(clock.now))
    assert superadmin.follow().one("h1").words.startswith("Add a")


def secret_on(page: Page) -> str:
    return "".join(page.one("code", class_="secret").words.split())


def codes_on(browser: Browser) -> list[str]:
    return [one.words for one in browser.page.all("code") if one.words.count("-") == 3]


@pytest.mark.requirement("S8")
def test_an_app_is_added_by_the_code_that_it_shows(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    add(superadmin, clock)
    assert len(set(codes_on(superadmin))) == 10
    page = superadmin.get(SECURITY)
    assert "Telephone" in page.one("section", id="factors").words
    assert "10 are left" in page.words
    with database.unit_of_work(writing=False) as db:
        added = [AuditAction.FACTOR_ADDED, AuditAction.RECOVERY_CODES_MADE]
        assert actions(db)[-2:] == added


def test_a_wrong_code_shows_the_same_square_again(superadmin: Browser, clock: Clock) -> None:
    secret = add(superadmin, clock, status=422, code="000000")
    assert "not the code" in superadmin.page.one("div", role="alert").words
    again = superadmin.page.one("code", class_="secret").words
    assert "".join(again.split()) == secret
    code = pyotp.TOTP(secret).at(clock.now)
    superadmin.submit(f"{SECURITY}/apps", status=201, app_code=code)


@pytest.mark.requirement("K3")
@fails_without(
    line(
        view._secret_in,
        'factor_lock().key.open(form.sealed.data or "", owner=current_sign_in().id)',
        "form.sealed.data",
    )
)
def test_a_secret_that_was_not_shown_here_is_not_taken(superadmin: Browser, clock: Clock) -> None:
    superadmin.get(f"{SECURITY}/apps/new")
    code = pyotp.TOTP("A" * 32).at(clock.now)
    superadmin.submit(f"{SECURITY}/apps", status=422, app_code=code, name="Mine", sealed="A" * 32)


@pytest.mark.requirement("S8")
def test_a_passkey_is_added(superadmin: Browser, lock: Lock) -> None:
    superadmin.get(f"{SECURITY}/passkeys/new")
    made = Passkey(lock.site.origin).make(challenge(superadmin, f"{SECURITY}/passkeys/challenge"))
    superadmin.submit(f"{SECURITY}/passkeys", status=201, new_passkey=made, name="Laptop")
    assert "Laptop" in superadmin.get(SECURITY).one("section", id="factors").words


@pytest.mark.requirement("S8")
@fails_without(value(step_up, "passed_to_enrol", lambda: True))
def test_another_factor_needs_a_proof_of_one_that_is_there(
    superadmin: Browser, database: Database, lock: Lock, clock: Clock
) -> None:
    secret = secret_on(superadmin.get(f"{SECURITY}/apps/new"))
    with database.unit_of_work(writing=True) as db:
        phone = add_app(db, ADA.id, lock=lock, now=clock.now)
    code = pyotp.TOTP(secret).at(clock.now)
    superadmin.submit(f"{SECURITY}/apps", status=422, app_code=code)
    assert secret_on(superadmin.page) == secret
    superadmin.submit(
        f"{SECURITY}/apps",
        status=201,
        app_code=pyotp.TOTP(secret).at(clock.now),
        code=phone.code(clock.now),
    )


@pytest.mark.requirement("S1")
@fails_without(
    line(
        factors._add,
        'sign_ins.end_others(db, row, why="factors_changed", provenance=provenance, now=now)',
        "pass",
    )
)
def test_a_change_of_factors_ends_the_other_sign_ins(
    superadmin: Browser, sign_in: SignIn, clock: Clock
) -> None:
    first = superadmin.client.get_cookie("understudy", domain="localhost")
    assert first
    sign_in(ADA)
    add(superadmin, clock)
    superadmin.get("/")
    superadmin.client.set_cookie("understudy", first.value, domain="localhost")
    superadmin.get("/", status=303)


@pytest.mark.requirement("S8")
def test_a_factor_is_removed_after_one_question(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    add(superadmin, clock)
    with database.unit_of_work(writing=False) as db:
        (factor,) = factors_of(db, ADA.id)
    path = f"{SECURITY}/factors/{factor.id}/removal"
    assert "Telephone" in superadmin.get(path).words
    superadmin.submit(path)
    assert "You have no second factor." in superadmin.follow().words


@pytest.mark.requirement("S8")
@fails_without(line(recovery_codes.make, "void_codes(db, admin.id, now=now)", "pass"))
def test_new_recovery_codes_replace_the_old(superadmin: Browser, clock: Clock) -> None:
    add(superadmin, clock)
    before = codes_on(superadmin)
    superadmin.get(f"{SECURITY}/recovery-codes/new")
    superadmin.submit(f"{SECURITY}/recovery-codes", status=201)
    assert not set(before) & set(codes_on(superadmin))
    assert "10 are left" in superadmin.get(SECURITY).words


@pytest.mark.requirement("S10")
@fails_without(
    line(sign_ins.end_all, 'end_sign_ins(db, admin.id, but=but.id if but else "", now=now)', "1")
)
def test_all_other_sign_ins_end_at_once(superadmin: Browser, sign_in: SignIn) -> None:
    first = superadmin.client.get_cookie("understudy", domain="localhost")
    assert first
    sign_in(ADA)
    superadmin.get(f"{SECURITY}/others/end")
    superadmin.submit(f"{SECURITY}/others/end")
    assert "signed in here alone" in superadmin.follow().words
    superadmin.client.set_cookie("understudy", first.value, domain="localhost")
    superadmin.get("/", status=303)


@pytest.mark.requirement("S8", "S10")
def test_a_superadmin_resets_anothers_factors(
    superadmin: Browser, database: Database, lock: Lock, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        add_app(db, CY.id, lock=lock, now=clock.now)
    assert superadmin.get(f"/admins/{CY.id}").one("form", action=f"/admins/{CY.id}/factor-reset")
    superadmin.get(f"/admins/{CY.id}/factor-reset")
    superadmin.submit(f"/admins/{CY.id}/factor-reset")
    assert "No second factor" in superadmin.follow().words


@pytest.fixture
def production(config: Config, admin_app: Application) -> None:
    """The site asks everybody for a second factor."""
    admin_app.settings = replace(config, second_factor_required=True)
    admin_app.extensions["settings"] = admin_app.settings


@pytest.mark.requirement("S8")
@fails_without(
    line(
        authentication._check_admin,
        "if current_user.is_limited and not route.enrolling",
        "if False",
    )
)
@pytest.mark.usefixtures("production")
def test_a_password_alone_opens_nothing_but_enrolment(stranger: Browser) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    for route in ROUTES:
        if isinstance(route.audience, Permission) and not route.enrolling:
            path = re.sub("<.*?>", "any", route.path)
            answer = stranger.client.open(path, method=route.method, headers=FROM_HERE)
            assert answer.headers.get("Location") == f"{SECURITY}/enrolment", path


@pytest.mark.requirement("S8")
@fails_without(
    line(
        authentication._check_admin,
        "if current_user.is_limited and not route.enrolling",
        "if False",
    )
)
@pytest.mark.usefixtures("production")
def test_enrolment_opens_the_rest(stranger: Browser, clock: Clock) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    stranger.get("/", status=303)
    page = stranger.follow()
    assert page.one("h1").words == "Set up a second factor"
    assert not page.all("nav")
    stranger.get("/members", status=403, headers=HTMX)
    add(stranger, clock)
    stranger.get("/")
    stranger.get(f"{SECURITY}/enrolment", status=303)


@pytest.mark.requirement("S8")
@pytest.mark.usefixtures("production")
def test_whoever_has_not_enrolled_can_sign_out(stranger: Browser) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=OMAR.email, password=PASSWORD)
    stranger.get(f"{SECURITY}/enrolment")
    stranger.submit("/sign-out")
    stranger.get("/", status=303)
    assert stranger.response.headers["Location"].startswith("/sign-in")


@pytest.mark.requirement("S8")
@fails_without(line(enrolment.show, "if has_factors(g.db, current_user.id)", "if False"))
@pytest.mark.usefixtures("production")
def test_whoever_has_a_factor_proves_it_instead_of_adding_one(
    superadmin: Browser, database: Database, lock: Lock, clock: Clock
) -> None:
    """As with a sign-in from the time before factors were required."""
    with database.unit_of_work(writing=True) as db:
        phone = add_app(db, ADA.id, lock=lock, now=clock.now)
    superadmin.get("/", status=303)
    superadmin.get(f"{SECURITY}/enrolment", status=303)
    superadmin.follow()
    superadmin.submit(f"{SECURITY}/step-up", code=phone.code(clock.now))
    superadmin.get("/")


@pytest.mark.usefixtures("production")
def test_the_last_factor_cannot_be_removed_where_one_is_required(
    stranger: Browser, database: Database, clock: Clock
) -> None:
    stranger.get("/sign-in")
    stranger.submit("/sign-in", email=ADA.email, password=PASSWORD)
    add(stranger, clock)
    assert "One has to stay" in stranger.get(SECURITY).words
    with database.unit_of_work(writing=False) as db:
        (factor,) = factors_of(db, ADA.id)
    path = f"{SECURITY}/factors/{factor.id}/removal"
    stranger.get(path)
    stranger.submit(path, status=HTTPStatus.CONFLICT)
