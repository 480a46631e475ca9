"""What is dangerous asks for a second factor of the last ten minutes, and keeps its form (S9)."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain import doubts, sign_ins
from app.domain.audit_scan import CHANGED, Finding
from app.domain.audit_trail import WORKER, AuditAction
from app.domain.factors import Lock
from app.domain.step_up import prove
from app.domain.verification_events import record_doubt
from app.storage.admins import Admin, SignIn
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.storage.factors import factors_of
from app.storage.impersonations import Impersonation
from app.web.admin import step_up as view
from app.web.application import Application
from tests.browsing import HTMX, Browser
from tests.cast import ADA, CY, MIA, OMAR, PASSWORD
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.devices import App, Passkey, add_app, add_passkey
from tests.trail import events
from tests.twins import fails_without, line, value
from tests.web.admin.test_second_step import challenge

# Which engine it is matters to the domain, and is tried there.
pytestmark = on_sqlite
STEP_UP = "/settings/security/step-up"
QUESTION = f"/members/{MIA.id}/impersonations/new"
START = f"/members/{MIA.id}/impersonations"
TYPED: dict[str, Any] = {
    "reason": "Her template is broken",
    "ticket_url": "https://tickets.example.com/7",
}
CODE: dict[str, Any] = {"id": "step-up-code"}


@pytest.fixture
def app(superadmin: Browser, database: Database, lock: Lock, clock: Clock) -> App:
    """Ada's telephone; she proved it just now."""
    with database.unit_of_work(writing=True) as db:
        app = add_app(db, ADA.id, lock=lock, now=clock.now)
        (row,) = db.query(SignIn).filter_by(admin_id=ADA.id)
        row.verified_at = clock.now
    return app


def sessions(database: Database) -> int:
    with database.unit_of_work(writing=False) as db:
        return db.query(Impersonation).count()


@pytest.mark.requirement("S9")
def test_nine_minutes_later_a_session_starts(superadmin: Browser, app: App, clock: Clock) -> None:
    clock.move(minutes=9)
    assert not superadmin.get(QUESTION).all("input", id="step-up-code")
    superadmin.submit(START, **TYPED)
    assert "#ticket=" in superadmin.response.headers["Location"]


@pytest.mark.requirement("S9")
@fails_without(value(view, "passed", lambda: True))
def test_eleven_minutes_later_the_form_asks_and_keeps_what_was_typed(
    superadmin: Browser, app: App, database: Database, clock: Clock
) -> None:
    superadmin.get(QUESTION)
    clock.move(minutes=11)
    superadmin.submit(START, status=422, **TYPED)
    assert superadmin.page.one("textarea").words == TYPED["reason"]
    assert superadmin.page.one("input", name="ticket_url")["value"] == TYPED["ticket_url"]
    assert sessions(database) == 0
    superadmin.submit(START, **TYPED, code=app.code(clock.now))
    assert "#ticket=" in superadmin.response.headers["Location"]


@pytest.mark.requirement("S9")
@fails_without(line(prove, "if kind is None", "if False"))
def test_a_wrong_code_starts_nothing(
    superadmin: Browser, app: App, database: Database, clock: Clock
) -> None:
    clock.move(minutes=11)
    superadmin.get(QUESTION)
    superadmin.submit(START, status=422, **TYPED, code="000000")
    assert "This code is not good" in superadmin.page.one("p", id="step-up-error").words
    assert sessions(database) == 0
    with database.unit_of_work(writing=False) as db:
        assert len(events(db, AuditAction.STEP_UP_FAILED)) == 1


@pytest.mark.requirement("S2", "S9")
@fails_without(line(sign_ins.give_another_secret, "row.secret_hash = hash_secret(secret)", "pass"))
def test_a_proof_is_a_new_cookie_and_the_forms_of_other_tabs_go_on(
    superadmin: Browser, app: App, clock: Clock
) -> None:
    clock.move(minutes=11)
    other_tab = superadmin.get("/")
    before = superadmin.client.get_cookie("understudy", domain="localhost")
    superadmin.get(QUESTION)
    superadmin.submit(START, **TYPED, code=app.code(clock.now))
    after = superadmin.client.get_cookie("understudy", domain="localhost")
    assert before
    assert after
    superadmin.client.set_cookie("understudy", before.value, domain="localhost")
    superadmin.get("/", status=303)
    superadmin.client.set_cookie("understudy", after.value, domain="localhost")
    superadmin.page = other_tab
    superadmin.submit("/sign-out")
    assert superadmin.response.headers["Location"] == "/sign-in"


@pytest.mark.requirement("S9")
@fails_without(line(prove, "if kind is None", "if False"))
def test_the_dialog_proves_ahead_of_the_form(superadmin: Browser, app: App, clock: Clock) -> None:
    clock.move(minutes=11)
    token = superadmin.get(QUESTION).form(START)["csrf_token"]
    for code, status in (("000000", 422), (app.code(clock.now), 200)):
        answer = superadmin.client.post(
            STEP_UP, headers={**HTMX, "X-CSRFToken": token}, data={"code": code}
        )
        assert answer.status_code == status
        assert "<html" not in answer.text
    assert "Confirmed" in answer.text
    assert not superadmin.get(QUESTION).all("input", id="step-up-code")


@pytest.mark.requirement("S9")
def test_a_passkey_proves_it_too(
    superadmin: Browser, database: Database, lock: Lock, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        passkey: Passkey = add_passkey(db, ADA.id, lock=lock, now=clock.now)
    superadmin.get(QUESTION)
    answer = passkey.prove(challenge(superadmin, f"{STEP_UP}/challenge"))
    superadmin.submit(START, **TYPED, credential=answer)
    assert "#ticket=" in superadmin.response.headers["Location"]


NEW_ADMIN = {"name": "Kim", "email": "kim@example.com", "role": "superadmin"}
# Every other act that gives somebody power, by the page that asks for it.
DANGEROUS: dict[str, tuple[str, dict[str, Any]]] = {
    f"/admins/{OMAR.id}/role": (f"/admins/{OMAR.id}/role", {"role": "superadmin"}),
    f"/admins/{CY.id}/factor-reset": (f"/admins/{CY.id}/factor-reset", {}),
    "/admins/new": ("/admins", {**NEW_ADMIN, "password": "a good long password"}),
    "/settings/api-keys/new": (
        "/settings/api-keys",
        {"name": "Script", "scopes": "api", "days": "", "admin_id": ""},
    ),
    "/settings/security/password/new": (
        "/settings/security/password",
        {"current": PASSWORD, "new": "another password of mine"},
    ),
    "/settings/security/recovery-codes/new": ("/settings/security/recovery-codes", {}),
}


@pytest.mark.requirement("S9")
@fails_without(value(view, "passed", lambda: True))
@pytest.mark.parametrize("asked_at", DANGEROUS)
def test_every_dangerous_act_asks(
    superadmin: Browser, app: App, database: Database, lock: Lock, clock: Clock, asked_at: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        add_app(db, CY.id, lock=lock, now=clock.now)
    before = standing(database)
    path, fields = DANGEROUS[asked_at]
    superadmin.get(asked_at)
    clock.move(minutes=11)
    superadmin.submit(path, status=422, **fields)
    assert superadmin.page.one("input", **CODE)
    assert standing(database) == before
    superadmin.submit(path, status=superadmin_status(path), **fields, code=app.code(clock.now))


@pytest.mark.requirement("S9")
@fails_without(value(view, "passed", lambda: True))
def test_letting_an_admin_in_again_asks_on_a_page_of_its_own(
    superadmin: Browser, app: App, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, CY.id).disabled_at = clock.now
    superadmin.get(f"/admins/{CY.id}")
    clock.move(minutes=11)
    superadmin.submit(f"/admins/{CY.id}/enabling")
    assert superadmin.follow().one("input", **CODE)
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Admin, CY.id).is_disabled


@pytest.mark.requirement("S9")
@fails_without(value(view, "passed", lambda: True))
def test_acknowledging_a_finding_asks_first(
    superadmin: Browser, app: App, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        record_doubt(db, Finding(CHANGED, 1, 1), by="a test", provenance=WORKER, now=clock.now)
    superadmin.get("/audit/acknowledgement")
    clock.move(minutes=11)
    superadmin.submit("/audit/acknowledgement")
    assert superadmin.follow().one("input", **CODE)
    with database.unit_of_work(writing=False) as db:
        assert doubts.unacknowledged(db) is not None


@pytest.mark.requirement("S9")
@fails_without(line(view._cannot_prove, "row.verified_at is None and "))
def test_an_old_proof_to_the_company_is_none_for_the_first_factor(
    superadmin: Browser, admin_app: Application, database: Database, clock: Clock
) -> None:
    admin_app.settings = replace(admin_app.settings, second_factor_required=True)
    admin_app.extensions["settings"] = admin_app.settings
    with database.unit_of_work(writing=True) as db:
        (row,) = db.query(SignIn).filter_by(admin_id=ADA.id)
        row.verified_at = clock.now
    superadmin.get("/settings/security/apps/new")
    clock.move(minutes=11)
    superadmin.get("/settings/security/apps/new", status=303)
    assert "step-up" in superadmin.response.headers["Location"]


@pytest.mark.requirement("S9")
@fails_without(value(view, "passed", lambda: True))
def test_removing_a_factor_asks(
    superadmin: Browser, app: App, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=False) as db:
        (factor,) = factors_of(db, ADA.id)
    path = f"/settings/security/factors/{factor.id}/removal"
    superadmin.get(path)
    clock.move(minutes=11)
    superadmin.submit(path, status=422)
    superadmin.submit(path, code=app.code(clock.now))


def standing(database: Database) -> object:
    """What the dangerous acts would change."""
    with database.unit_of_work(writing=False) as db:
        admins = sorted((one.email, one.role) for one in db.query(Admin))
        return admins, db.query(APIKey).count(), len(factors_of(db, CY.id))


def superadmin_status(path: str) -> int:
    """What is shown once is shown by the answer itself."""
    shown = ("/settings/api-keys", "/settings/security/recovery-codes")
    return 201 if path in shown else 303


def test_whoever_has_no_factor_in_the_demo_is_asked_nothing(
    superadmin: Browser, clock: Clock
) -> None:
    clock.move(minutes=20)
    superadmin.get(QUESTION)
    superadmin.submit(START, **TYPED)
    assert "#ticket=" in superadmin.response.headers["Location"]


def test_a_proof_is_not_lost_on_a_form_with_a_mistake(
    superadmin: Browser, app: App, clock: Clock
) -> None:
    clock.move(minutes=11)
    superadmin.get("/settings/api-keys/new")
    key: dict[str, Any] = {"scopes": "api", "days": "", "admin_id": ""}
    code = app.code(clock.now)
    superadmin.submit("/settings/api-keys", status=422, **key, name="", code=code)
    assert not superadmin.page.all("input", **CODE)
    superadmin.submit("/settings/api-keys", status=201, **key, name="Script")


def test_the_page_of_its_own_leads_on(superadmin: Browser, app: App, clock: Clock) -> None:
    clock.move(minutes=11)
    superadmin.get(f"{STEP_UP}?next=/settings/api-keys/new")
    superadmin.submit(STEP_UP, code=app.code(clock.now))
    assert superadmin.response.headers["Location"] == "/settings/api-keys/new"
