"""Signing in by the company's provider, which is a real one in a process of its own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import text

from app.config import CompanySettings, Config
from app.domain import company_accounts
from app.domain.audit_trail import AuditAction
from app.domain.company_provider import Proof
from app.domain.company_rules import BY_COMPANY_ALONE, CompanyRules
from app.domain.company_sign_in import Stranger, check, refuse
from app.domain.company_sign_in import sign_in as sign_in_by_company
from app.domain.company_sign_in import step_up as step_up_by_company
from app.domain.factors import Lock
from app.domain.throttles import FREE_FAILURES_PER_ADDRESS, SIGN_IN_WINDOW
from app.outgoing.openid import OpenIDProvider
from app.storage import counters, sqlite
from app.storage.admins import Admin, SignIn
from app.storage.database import Database
from app.web.admin import company_sign_in
from app.web.admin import sign_in as sign_in_view
from app.web.application import Application
from tests import openid_provider, trail
from tests.browsing import FROM_HERE, Browser, Page
from tests.cast import ADA, CY, MIA, OMAR, PASSWORD, Person
from tests.clock import Clock
from tests.conftest import ADMIN_URL, on_sqlite
from tests.devices import add_app
from tests.factories import FROM_THE_OFFICE
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.twins import each_fails_without, fails_without, line, together, value

pytestmark = [pytest.mark.requirement("S11"), on_sqlite]

CONFIRM = "/settings/security/step-up/company"
CALLBACK = "/sign-in/company/callback"
LINK = "/settings/security/company-account"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def now() -> datetime:
    """The provider's clock is the machine's."""
    return datetime.now(UTC)


@pytest.fixture
def company(provider: Provider) -> CompanySettings:
    return CompanySettings(provider.issuer, CLIENT_ID, CLIENT_SECRET, label="Harbourmaster")


@pytest.fixture
def config(config: Config, company: CompanySettings) -> Config:
    return replace(config, company=company)


@pytest.fixture
def link(database: Database, provider: Provider, now: datetime) -> Callable[..., None]:
    """Link somebody to what the provider calls them."""

    def link(person: Person, subject: str = "s-1") -> None:
        with database.unit_of_work(writing=True) as db:
            company_accounts.link(
                db,
                db.get_one(Admin, person.id),
                issuer=provider.issuer,
                subject=subject,
                by=None,
                provenance=FROM_THE_OFFICE,
                now=now,
            )

    return link


def go(browser: Browser, path: str = "/sign-in/company") -> str:
    """Go to the provider and back as far as its answer; return where that leads."""
    if path == LINK:
        browser.get("/settings/security")
        browser.submit(LINK, status=200)
        url = browser.page.one("a", class_="button button--primary")["href"]
        assert browser.page.one("meta", http_equiv="refresh")["content"] == f"0; url={url}"
    else:
        browser.get(path, status=303)
        url = browser.response.headers["Location"]
    there = requests.get(url, allow_redirects=False, timeout=10)
    back = urlsplit(there.headers["Location"])
    assert back.path == CALLBACK
    return f"{back.path}?{back.query}"


def come_back(browser: Browser, status: int = 303, path: str = "/sign-in/company") -> None:
    browser.get(go(browser, path), status=status)


def told(database: Database, action: AuditAction) -> list[Any]:
    with database.unit_of_work(writing=False) as db:
        return list(trail.events(db, action))


def whys(database: Database) -> list[str]:
    return [one.details["why"] for one in told(database, AuditAction.COMPANY_SIGN_IN_REFUSED)]


def test_whoever_is_linked_signs_in_and_comes_where_they_wanted(
    stranger: Browser, provider: Provider, database: Database, link: Callable[..., None]
) -> None:
    link(ADA)
    provider.tell(subject="s-1")
    stranger.get("/sign-in?next=/members")
    (button,) = stranger.page.all("a", href="/sign-in/company?next=/members")
    assert button.words == "Sign in with Harbourmaster"
    come_back(stranger, path=button["href"])
    assert stranger.response.headers["Location"] == "/members"
    assert ADA.name in stranger.get("/").one("header", class_="topbar").words
    assert told(database, AuditAction.SIGN_IN_SUCCEEDED)[0].details == {"proof": "company"}


@fails_without(
    line(
        sign_in_by_company,
        "db.get(CompanyAccount, (proof.issuer, proof.subject))",
        "db.query(CompanyAccount).one()",
    )
)
@pytest.mark.parametrize("claims", [{}, {"email": ADA.email, "email_verified": True}])
def test_nobody_is_known_by_an_address(
    stranger: Browser,
    provider: Provider,
    database: Database,
    link: Callable[..., None],
    claims: dict[str, Any],
) -> None:
    link(ADA, "another")
    provider.tell(subject="s-1", claims=claims)
    come_back(stranger, 403)
    assert "Nobody here is linked to this company account" in stranger.page.words
    stranger.get("/", status=303)
    (refused,) = told(database, AuditAction.COMPANY_SIGN_IN_REFUSED)
    assert (refused.details["why"], refused.details["detail"]) == ("unknown", "s-1")


@pytest.mark.requirement("S5")
@fails_without(
    line(sign_in_by_company, "if admin.is_disabled", "if False"),
    value(company_sign_in.SENTENCES, Stranger.DISABLED, (403, "You are disabled.")),
)
def test_who_is_disabled_is_told_no_more_than_a_stranger(
    stranger: Browser, provider: Provider, database: Database, link: Callable[..., None]
) -> None:
    link(OMAR)
    with database.unit_of_work(writing=True) as db:
        omar = db.get_one(Admin, OMAR.id)
        omar.disabled_at = omar.created_at
    provider.tell(subject="s-1")
    come_back(stranger, 403)
    assert "Nobody here is linked" in stranger.page.words
    assert whys(database) == ["disabled"]


@pytest.mark.requirement("S8")
@fails_without(line(CompanyRules.proved_at, "if not strong or", "if"))
def test_a_second_factor_is_ours_unless_the_provider_is_known_for_one(
    stranger: Browser,
    provider: Provider,
    database: Database,
    link: Callable[..., None],
    lock: Lock,
    now: datetime,
) -> None:
    link(ADA)
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    provider.tell(subject="s-1", amr=["mfa"], auth_time=int(time.time()))
    come_back(stranger)
    assert stranger.response.headers["Location"].startswith("/sign-in/second-step")
    stranger.get("/", status=303)


@pytest.mark.requirement("S8", "S9")
@fails_without(
    together(
        line(CompanyRules.proved_at, "if not strong or proof.authenticated_at is None", "if False"),
        line(CompanyRules.proved_at, "min(proof.authenticated_at, now)", "now"),
    )
)
@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"acr": "gold"}, True),
        ({"amr": ["pwd"]}, False),
        ({"acr": "silver"}, False),
        ({"amr": ["mfa"], "misbehave": "no auth_time"}, False),
    ],
)
def test_a_factor_that_the_provider_has_seen_counts_from_when_it_has(
    stranger: Browser,
    provider: Provider,
    database: Database,
    admin_app: Application,
    company: CompanySettings,
    link: Callable[..., None],
    said: dict[str, Any],
    *,
    enough: bool,
) -> None:
    strong = {"strong_amr": frozenset({"mfa"}), "strong_acr": frozenset({"gold"})}
    rules = admin_app.extensions["company_rules"]
    admin_app.extensions["company_rules"] = replace(rules, **strong)
    link(ADA)
    at = int(time.time()) - 300
    provider.tell(**{"subject": "s-1", "auth_time": at} | said)
    come_back(stranger)
    with database.unit_of_work(writing=False) as db:
        (row,) = db.query(SignIn).filter_by(admin_id=ADA.id).all()
    assert row.verified_at == (datetime.fromtimestamp(at, UTC) if enough else None)


def mapped(admin_app: Application, claim: str = "groups") -> None:
    admin_app.extensions["company_rules"] = replace(
        admin_app.extensions["company_rules"],
        role_claim=claim,
        superadmins=frozenset({"support leads"}),
        admins=frozenset({"support"}),
    )


@fails_without(
    together(
        line(sign_in_by_company, "if rules.role_claim and not _take_role", "if not _take_role"),
        line(CompanyRules.role_in, "self.role_claim", "'groups'"),
        line(CompanyRules.role_in, "self.superadmins", "{'support leads'}"),
    )
)
def test_a_role_never_comes_from_the_provider_unless_it_is_mapped(
    stranger: Browser, provider: Provider, database: Database, link: Callable[..., None]
) -> None:
    link(OMAR)
    provider.tell(subject="s-1", claims={"groups": ["support leads"], "role": "superadmin"})
    come_back(stranger)
    with database.unit_of_work(writing=False) as db:
        assert not db.get_one(Admin, OMAR.id).is_superadmin


@pytest.mark.requirement("A2", "S2")
@pytest.mark.parametrize(
    ("claims", "claim", "role", "in_"),
    [
        ({"groups": ["support", "support leads"]}, "groups", "superadmin", True),
        ({"groups": "support"}, "groups", "admin", True),
        ({"realm": {"roles": ["support leads"]}}, "realm.roles", "superadmin", True),
        ({"groups": ["sales"]}, "groups", "admin", False),
        ({}, "groups", "admin", False),
        ({"groups": {"support leads": 1}}, "groups", "admin", False),
        ({"groups": [["support leads"], 7]}, "groups", "admin", False),
    ],
)
def test_a_role_that_is_mapped_is_taken_on_and_lost_at_the_next_sign_in(
    stranger: Browser,
    provider: Provider,
    database: Database,
    admin_app: Application,
    link: Callable[..., None],
    start_session: Callable[..., str],
    claims: dict[str, Any],
    claim: str,
    role: str,
    *,
    in_: bool,
) -> None:
    mapped(admin_app, claim)
    link(CY)
    start_session(CY, MIA)
    provider.tell(subject="s-1", claims=claims)
    come_back(stranger, 303 if in_ else 403)
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Admin, CY.id).role == role
    changed = [one.details["after"] for one in told(database, AuditAction.ADMIN_ROLE_CHANGED)]
    assert changed == ([] if role == "superadmin" else ["admin"])
    # What was done as superadmin ends with it.
    ended = told(database, AuditAction.IMPERSONATION_ENDED)
    assert len(ended) == (role == "admin")
    assert whys(database) == ([] if in_ else ["no_role"])


@pytest.mark.requirement("S11", "H6")
@fails_without(
    line(
        company_sign_in.bring, "if kept is None or not _is_kept(kept, state, now=g.now)", "if False"
    )
)
def test_what_was_not_begun_in_this_browser_signs_nobody_in(
    stranger: Browser,
    provider: Provider,
    admin_app: Application,
    database: Database,
    link: Callable[..., None],
) -> None:
    """Else a stranger could let somebody work as somebody else, by a link."""
    link(ADA)
    provider.tell(subject="s-1")
    attacker = Browser(admin_app.test_client())
    stolen = go(attacker)
    for browser in (stranger, Browser(admin_app.test_client())):
        browser.get(stolen, status=400)
        assert "not begun in this browser" in browser.page.words
        browser.get("/", status=303)
    # It did not use it up for who began it.
    attacker.get(stolen, status=303)
    assert whys(database) == ["state", "state"]


@fails_without(
    line(company_sign_in.bring, "if not verbs.use(db, state, now=g.now)", "if False"),
    line(company_sign_in._is_kept, " <= ERRAND_LIFETIME"),
)
def test_what_has_been_used_or_is_old_signs_nobody_in(
    stranger: Browser,
    provider: Provider,
    clock: Clock,
    database: Database,
    link: Callable[..., None],
) -> None:
    link(ADA)
    # A provider that takes a code twice is not what keeps a copied cookie from being used.
    provider.tell(subject="s-1", misbehave="codes again")
    back = go(stranger)
    cookie = stranger.client.get_cookie("understudy", domain="localhost")
    assert cookie
    stranger.get(back, status=303)
    stranger.client.set_cookie("understudy", cookie.value, domain="localhost")
    stranger.get(back, status=400)
    assert whys(database) == ["used"]
    late = go(stranger)
    clock.move(minutes=11)
    stranger.get(late, status=400)
    assert len(told(database, AuditAction.SIGN_IN_SUCCEEDED)) == 1
    assert whys(database)[-1] == "state"


ERRORS = {
    "denied": (403, "denied", "did not let you in"),
    "nonce": (502, "nonce", "cannot be trusted"),
    "aud": (502, "audience", "cannot be trusted"),
    "iss": (502, "issuer", "cannot be trusted"),
    "exp": (502, "expired", "cannot be trusted"),
    "none": (502, "token", "cannot be trusted"),
    "html": (502, "answer", "cannot be trusted"),
    "status": (503, "unavailable", "cannot be reached"),
}


@pytest.mark.requirement("L1")
@pytest.mark.parametrize("how", ERRORS)
def test_each_error_has_a_sentence_and_an_event(
    stranger: Browser,
    provider: Provider,
    database: Database,
    link: Callable[..., None],
    how: str,
) -> None:
    link(ADA)
    status, why, sentence = ERRORS[how]
    provider.tell(subject="s-1", misbehave=how)
    come_back(stranger, status)
    assert "You came from Harbourmaster." in stranger.page.words
    assert sentence in stranger.page.words
    assert whys(database) == [why]
    stranger.get("/", status=303)


def test_a_provider_that_is_down_has_a_sentence_too(
    stranger: Browser, provider: Provider, database: Database
) -> None:
    provider.tell(misbehave="status", at="/.well-known/openid-configuration")
    stranger.get("/sign-in/company", status=503)
    assert "cannot be reached" in stranger.page.words
    assert whys(database) == ["unavailable"]


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x", "?state=x&code=y", "?state=%ED%A0%80", "?error=x&state=y"]
)
def test_whatever_else_comes_signs_nobody_in(stranger: Browser, query: str) -> None:
    stranger.get(f"{CALLBACK}{query}", status=400)


@pytest.mark.requirement("W6")
@fails_without(
    together(
        line(
            company_sign_in.bring,
            "return provider.prove(",
            "with transaction(writing=True) as db:\n            db.connection()\n"
            "            return provider.prove(",
        ),
        # Whoever has to wait fails at once.
        value(sqlite, "BUSY_TIMEOUT_MS", 0),
    )
)
def test_nobody_waits_for_a_writer_while_the_provider_is_asked(
    stranger: Browser,
    provider: Provider,
    database: Database,
    link: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever else wants to write does so meanwhile, or this fails."""
    prove, wrote = OpenIDProvider.prove, []

    def prove_slowly(ours: OpenIDProvider, **brought: Any) -> Proof:
        with database.unit_of_work(writing=True) as db:
            wrote.append(db.execute(text("SELECT 1")).scalar())
        return prove(ours, **brought)

    monkeypatch.setattr(OpenIDProvider, "prove", prove_slowly)
    link(ADA)
    provider.tell(subject="s-1")
    back = go(stranger)
    assert stranger.client.head(back).status_code == 405
    stranger.get(back, status=303)
    assert wrote


def test_an_admin_links_their_own_account_and_is_told_which(
    superadmin: Browser, provider: Provider, database: Database
) -> None:
    provider.tell(subject="s-7", claims={"name": "Mallory\u202e", "email": ["m@evil.example"]})
    come_back(superadmin, path=LINK)
    assert "the company account of Mallory, s-7." in superadmin.follow().words
    (linked,) = told(database, AuditAction.COMPANY_ACCOUNT_LINKED)
    assert (linked.actor_id, linked.details["subject"]) == (ADA.id, "s-7")
    superadmin.submit("/settings/security/company-account/end")
    assert "is unlinked" in superadmin.follow().words
    assert superadmin.page.all("form", action=LINK)


@pytest.mark.requirement("W5")
@fails_without(value(company_sign_in, "_is_from_elsewhere", lambda: False))
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/sign-in/company?next=/members", CONFIRM])
def test_a_link_of_another_site_begins_nothing(superadmin: Browser, site: str, path: str) -> None:
    superadmin.get(path, headers={"Sec-Fetch-Site": site}, status=303)
    assert superadmin.response.headers["Location"].startswith(("/sign-in?next=", "/settings/"))
    with superadmin.client.session_transaction(base_url=ADMIN_URL) as session:
        assert "company_sign_in" not in session
    superadmin.get(path, status=303)


def test_nobody_links_anything_by_following_a_link(superadmin: Browser) -> None:
    superadmin.get(LINK, status=405)


@fails_without(
    line(
        company_accounts.link,
        "if db.get(CompanyAccount, (issuer, subject)) is not None",
        "if False",
    )
)
def test_an_account_that_is_somebody_elses_is_not_linked(
    superadmin: Browser, provider: Provider, link: Callable[..., None]
) -> None:
    link(OMAR, "s-7")
    provider.tell(subject="s-7")
    come_back(superadmin, 409, LINK)
    assert "belongs to another admin" in superadmin.page.words


@fails_without(line(company_sign_in._own, ' or current_user.sign_in_id != kept["sign_in_id"]'))
@pytest.mark.parametrize("who", [OMAR, ADA])
def test_what_was_begun_in_one_sign_in_links_in_no_other(
    superadmin: Browser,
    provider: Provider,
    sign_in: Callable[[Person], object],
    database: Database,
    who: Person,
) -> None:
    provider.tell(subject="s-7")
    back = go(superadmin, LINK)
    sign_in(who)
    superadmin.get(back, status=400)
    assert whys(database) == ["state"]
    assert told(database, AuditAction.COMPANY_ACCOUNT_LINKED) == []


@pytest.mark.requirement("S9")
@fails_without(line(company_sign_in.create_link, "if not step_up.passed()", "if False"))
def test_linking_takes_a_fresh_proof(
    superadmin: Browser, database: Database, lock: Lock, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    superadmin.get("/settings/security")
    superadmin.submit(LINK)
    assert superadmin.response.headers["Location"].startswith("/settings/security/step-up")


@fails_without(line(sign_in_view.create, "if not settings().password_sign_in", "if False"))
def test_passwords_can_be_switched_off(
    client: FlaskClient, admin_app: Application, config: Config
) -> None:
    browser = Browser(client)
    before = browser.get("/sign-in")
    admin_app.extensions["settings"] = replace(config, password_sign_in=False)
    page = browser.get("/sign-in")
    assert not page.all("input", type="password")
    # The token is that of a form that stood there before.
    token = {"csrf_token": before.form("/sign-in")["csrf_token"]}
    data = token | {"email": ADA.email, "password": PASSWORD}
    answer = client.post("/sign-in", data=data, headers=FROM_HERE)
    assert answer.status_code == 403
    assert "Nobody signs in with a password here." in answer.text
    browser.get("/", status=303)


# Minutes ago, how, and what is answered.
SEEN = {"just now": (1, "mfa", 303), "long ago": (11, "mfa", 403), "no factor": (1, "pwd", 403)}


@pytest.mark.requirement("S9")
@each_fails_without(
    "seen",
    {
        "just now": None,
        "long ago": line(step_up_by_company, " or now > proved_at + rules.fresh_for"),
        "no factor": line(CompanyRules.proved_at, "if not strong or", "if"),
    },
)
def test_a_fresh_factor_at_the_provider_is_a_step_up(
    superadmin: Browser,
    provider: Provider,
    database: Database,
    admin_app: Application,
    lock: Lock,
    now: datetime,
    link: Callable[..., None],
    seen: str,
) -> None:
    minutes, amr, status = SEEN[seen]
    rules = admin_app.extensions["company_rules"]
    admin_app.extensions["company_rules"] = replace(rules, strong_amr=frozenset({"mfa"}))
    link(ADA)
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    question = f"/members/{MIA.id}/impersonations/new"
    (button,) = superadmin.get(question).all("a", href=CONFIRM)
    assert button["target"] == "_blank"
    at = int(time.time()) - 60 * minutes
    provider.tell(subject="s-1", amr=[amr], auth_time=at)
    come_back(superadmin, status, button["href"])
    assert bool(superadmin.get(question).all("a", href=CONFIRM)) is (status != 303)
    confirmed = [one.details for one in told(database, AuditAction.STEP_UP_SUCCEEDED)]
    assert confirmed == ([{"factor": "company"}] if status == 303 else [])


@pytest.mark.requirement("S9")
@fails_without(
    line(
        step_up_by_company,
        "if account is None or account.admin_id != admin.id",
        "if account is None",
    )
)
def test_somebody_elses_account_confirms_nothing(
    superadmin: Browser,
    provider: Provider,
    database: Database,
    admin_app: Application,
    link: Callable[..., None],
) -> None:
    rules = admin_app.extensions["company_rules"]
    admin_app.extensions["company_rules"] = replace(rules, strong_amr=frozenset({"mfa"}))
    link(OMAR, "s-2")
    provider.tell(subject="s-2", amr=["mfa"], auth_time=int(time.time()))
    come_back(superadmin, 403, CONFIRM)
    assert whys(database) == ["unknown"]
    assert told(database, AuditAction.STEP_UP_SUCCEEDED) == []


def strongly(admin_app: Application) -> None:
    rules = admin_app.extensions["company_rules"]
    admin_app.extensions["company_rules"] = replace(rules, strong_amr=frozenset({"mfa"}))


def type_password(browser: Browser, person: Person, status: int, password: str = PASSWORD) -> Page:
    browser.get("/sign-in")
    return browser.submit("/sign-in", status=status, email=person.email, password=password).page


@pytest.mark.requirement("S5", "S8")
@fails_without(
    line(
        CompanyRules.shuts_out,
        "if not self.role_claim and (by_factor or not self.knows_factors)",
        "if True",
    )
)
def test_a_password_is_no_way_around_the_companys_second_factor(
    stranger: Browser, database: Database, admin_app: Application, link: Callable[..., None]
) -> None:
    link(ADA)
    strongly(admin_app)
    wrong = type_password(stranger, ADA, 401, "not the password").words
    assert "do not match" in wrong
    assert BY_COMPANY_ALONE in type_password(stranger, ADA, 401).words
    stranger.get("/", status=303)
    whys = [one.details["why"] for one in told(database, AuditAction.SIGN_IN_FAILED)]
    assert whys == ["no_match", "company_alone"]
    # Who is not linked has no other way in.
    type_password(stranger, CY, 303)
    stranger.get("/")


@pytest.mark.requirement("S8")
def test_a_password_and_a_factor_of_ours_are_as_good_as_the_companys(
    stranger: Browser,
    database: Database,
    admin_app: Application,
    link: Callable[..., None],
    lock: Lock,
    now: datetime,
) -> None:
    link(ADA)
    strongly(admin_app)
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    type_password(stranger, ADA, 303)
    assert stranger.response.headers["Location"].startswith("/sign-in/second-step")


@fails_without(line(CompanyRules.shuts_out, "not self.role_claim and "))
def test_whose_role_is_the_companys_signs_in_by_the_company_alone(
    stranger: Browser,
    database: Database,
    admin_app: Application,
    link: Callable[..., None],
    lock: Lock,
    now: datetime,
) -> None:
    """Else nobody would hear of a role that was lost there."""
    link(CY)
    mapped(admin_app)
    with database.unit_of_work(writing=True) as db:
        add_app(db, CY.id, lock=lock, now=now)
    assert BY_COMPANY_ALONE in type_password(stranger, CY, 401).words
    type_password(stranger, ADA, 303)


@fails_without(line(company_sign_in.end_link, "if company_rules().role_claim", "if False"))
def test_nobody_unlinks_themselves_whose_role_is_the_companys(
    superadmin: Browser, database: Database, admin_app: Application, link: Callable[..., None]
) -> None:
    """They would keep here what they lose there."""
    link(ADA)
    end = f"{LINK}/end"
    superadmin.get("/settings/security").form(end)
    mapped(admin_app)
    superadmin.submit(end, status=409)
    assert "Ask another superadmin" in superadmin.page.words
    assert not superadmin.get("/settings/security").all("form", action=end)
    assert told(database, AuditAction.COMPANY_ACCOUNT_UNLINKED) == []


def test_a_superadmin_unlinks_a_colleague_by_a_reset(
    superadmin: Browser, database: Database, link: Callable[..., None]
) -> None:
    path = f"/admins/{CY.id}"
    reset = f"{path}/factor-reset"
    assert not superadmin.get(path).all("form", action=reset)
    link(CY)
    superadmin.get(path).one("form", action=reset)
    superadmin.get(reset)
    superadmin.submit(reset)
    (unlinked,) = told(database, AuditAction.COMPANY_ACCOUNT_UNLINKED)
    assert (unlinked.actor_id, unlinked.details["admin_id"]) == (ADA.id, CY.id)


def copies(browser: Browser) -> Callable[[], None]:
    """Return what puts the cookie of now back."""
    cookie = browser.client.get_cookie("understudy", domain="localhost")
    assert cookie
    return lambda: browser.client.set_cookie("understudy", cookie.value, domain="localhost")


@pytest.mark.requirement("H2")
@fails_without(line(company_sign_in.bring, "if not verbs.use(db, state, now=g.now)", "if False"))
def test_the_provider_is_asked_once_whatever_becomes_of_it(
    stranger: Browser, provider: Provider, database: Database
) -> None:
    back = go(stranger)
    put_back = copies(stranger)
    provider.tell(misbehave="status")
    for status in (503, 400, 400):
        put_back()
        stranger.get(back, status=status)
    assert whys(database) == ["unavailable", "used", "used"]


@pytest.mark.requirement("S6")
@fails_without(line(check, "run.count < throttles.FREE_FAILURES_PER_ADDRESS", "True"))
def test_who_was_refused_too_often_waits_before_the_provider_is_asked(
    stranger: Browser,
    provider: Provider,
    database: Database,
    clock: Clock,
    now: datetime,
    link: Callable[..., None],
) -> None:
    link(ADA)
    provider.tell(subject="s-1")
    back = go(stranger)
    name = "company sign-in from 127.0.0.1"
    with database.unit_of_work(writing=True) as db:
        counters.add(db, {name: SIGN_IN_WINDOW}, now=now, steps=FREE_FAILURES_PER_ADDRESS)
    for path in (back, "/sign-in/company"):
        stranger.get(path, status=429)
        assert stranger.response.headers["Retry-After"] == "60"
    clock.move(minutes=1)
    # Waiting has not used it up.
    stranger.get(back, status=303)
    stranger.get("/")


@fails_without(
    line(
        refuse,
        "count <= throttles.FREE_FAILURES_PER_ADDRESS or throttles.is_told(count)",
        "True",
    )
)
@pytest.mark.parametrize("admin", [OMAR, CY])
def test_refusals_of_one_admin_do_not_fill_the_trail(
    stranger: Browser,
    provider: Provider,
    database: Database,
    admin_app: Application,
    now: datetime,
    link: Callable[..., None],
    admin: Person,
) -> None:
    link(admin)
    mapped(admin_app)
    if admin is OMAR:
        with database.unit_of_work(writing=True) as db:
            db.get_one(Admin, OMAR.id).disabled_at = now
    provider.tell(subject="s-1", claims={})
    back = go(stranger)
    with database.unit_of_work(writing=True) as db:
        name = "company sign-in from 127.0.0.1"
        # The next is the thirty-first, and it is a minute later.
        early = now - timedelta(minutes=2)
        counters.add(db, {name: SIGN_IN_WINDOW}, now=early, steps=FREE_FAILURES_PER_ADDRESS)
    stranger.get(back, status=403)
    assert whys(database) == []
