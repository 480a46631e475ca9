"""Every page, as `tests.browsing` reads it: headings, labels, ids, tokens, nonces."""

from collections.abc import Callable
from datetime import datetime

import pytest

from app.domain.audit_scan import CHANGED, Finding
from app.domain.audit_trail import WORKER
from app.domain.factors import Lock
from app.domain.permissions import Permission, holds
from app.domain.verification_events import record_doubt
from app.storage.admins import Admin, Role, open_sign_ins
from app.storage.database import Database
from app.storage.factors import factors_of
from app.web.admin.routes import ROUTES
from tests import factories
from tests.browsing import Browser
from tests.cast import ADA, CY, EVE, HARBOUR, MIA, OMAR
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.devices import add_app

# Strangers see these, or nobody who may go on.
ELSEWHERE = {
    *("/sign-in", "/sign-in/second-step"),
    *("/settings/security/enrolment", "/settings/security/step-up"),
}
PAGES = [
    route
    for route in ROUTES
    if route.method == "GET"
    and not (route.background or route.changing)
    and route.path not in ELSEWHERE
]
# Omar has none.
WITH_A_FACTOR = {"/settings/security/factors/<factor_id>/removal"}


@pytest.fixture
def ids(
    start_session: Callable[..., str],
    database: Database,
    lock: Lock,
    now: datetime,
) -> dict[str, str]:
    impersonation_id = start_session(CY, EVE)
    # Some pages are there while the trail is doubted.
    with database.unit_of_work(writing=True) as db:
        record_doubt(db, Finding(CHANGED, 1, 1), by="a test", provenance=WORKER, now=now)
        # Ada, once she is signed in, has a second factor, and has just proved it.
        for row in open_sign_ins(db, ADA.id):
            row.verified_at = now
        add_app(db, ADA.id, lock=lock, now=now)
        (factor,) = factors_of(db, ADA.id)
        factories.alarm(db, now=now, actor=db.get_one(Admin, OMAR.id))
    return {
        "account_id": HARBOUR,
        "member_id": MIA.id,
        "admin_id": OMAR.id,
        "api_key_id": "letterbox",
        "impersonation_id": impersonation_id,
        "factor_id": factor.id,
    }


def test_every_page_and_every_fragment_is_well_made(
    superadmin: Browser, ids: dict[str, str]
) -> None:
    for route in PAGES:
        path = filled(route.path, ids)
        superadmin.get(path)
        superadmin.fragment(path)


def test_every_page_is_well_made_for_an_admin_too(
    plain_admin: Browser, ids: dict[str, str]
) -> None:
    for route in PAGES:
        may = isinstance(route.audience, Permission) and holds(Role.ADMIN, route.audience)
        if may and route.path not in WITH_A_FACTOR:
            plain_admin.get(filled(route.path, ids))


def test_every_page_is_in_the_navigation_or_below_it(
    superadmin: Browser, ids: dict[str, str]
) -> None:
    for route in PAGES:
        page = superadmin.get(filled(route.path, ids))
        if superadmin.response.mimetype != "text/html":
            continue
        here = [link for link in page.all("a") if "aria-current" in link.attributes]
        in_navigation = [link for link in here if not link["class"]]
        assert len(in_navigation) >= 1, route.path


def test_times_are_given_in_full(superadmin: Browser, ids: dict[str, str], clock: Clock) -> None:
    clock.move(minutes=3)
    page = superadmin.get("/")
    (started, *_) = page.all("time")
    assert started["datetime"].startswith("2026-03-02T09:00:00")
    assert started.words == "3 min ago"


def test_demo_mode_says_so(superadmin: Browser, ids: dict[str, str]) -> None:
    assert not superadmin.get("/").all("aside", aria_label="Demo")
    superadmin.client.application.config["DEMO"] = True
    assert superadmin.get("/").one("aside", aria_label="Demo").words.startswith("Demo:")


@on_sqlite
@pytest.mark.requirement("F1")
def test_a_site_without_its_database_says_so(superadmin: Browser, database: Database) -> None:
    path = database.engine.url.database
    assert path
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.dispose()
    application = superadmin.client.application
    application.database.dispose()  # type: ignore[attr-defined]
    with open(path, "r+b") as file:
        file.write(b"no database at all" * 100)
    page = superadmin.get("/", status=503)
    assert "Try again shortly" in page.words
    assert superadmin.response.headers["Retry-After"]
    assert ADA.email not in page.words


def filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(f"<{name}>", value)
    return path
