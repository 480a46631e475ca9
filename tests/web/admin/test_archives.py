"""The page of the archives."""

from collections.abc import Callable

import pytest

from app.domain import audit_archives
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.sign_ins import SignedIn
from app.storage.database import Database
from app.web.application import Application
from tests.browsing import Browser
from tests.cast import ADA, Person
from tests.clock import Clock
from tests.proving import Proven
from tests.trail import only

PAGE = "/audit/archives"


@pytest.fixture
def old_trail(admin_app: Application, database: Database, clock: Clock) -> Proven:
    """Three hundred signed events of a year ago."""
    trail = Proven(database, admin_app.extensions["checkpoints"], clock.now)
    trail.record_at_once(300)
    trail.sign()
    clock.move(days=365)
    return trail


@pytest.fixture
def superadmin(
    old_trail: Proven, superadmin: Browser, sign_in: Callable[[Person], SignedIn]
) -> Browser:
    # A year has passed since the first time.
    sign_in(ADA)
    return superadmin


def test_a_superadmin_orders_and_sees_that_it_waits(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    page = superadmin.get(PAGE)
    assert "Nothing has been archived" in page.words
    suggested = page.one("input", name="before")["value"]
    assert suggested == (clock.now - SHORTEST_RETENTION).date().isoformat()
    superadmin.submit(PAGE, before=suggested)
    assert "up to number 256 have been ordered" in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert only(db, AuditAction.AUDIT_ARCHIVE_ORDERED).actor_id == "ada"


def test_what_has_been_archived_is_listed_with_its_digest(
    superadmin: Browser, old_trail: Proven, database: Database, clock: Clock
) -> None:
    superadmin.get(PAGE)
    superadmin.submit(PAGE)
    with database.unit_of_work(writing=True) as db:
        export = audit_archives.prepare(db, trail=old_trail.checkpoints, by="a test", now=clock.now)
        audit_archives.record(
            db,
            export=export,
            file="events-1-256.zip",
            sha256="c0ffee",
            provenance=OPERATOR,
            now=clock.now,
        )
    row = superadmin.get(PAGE).one("tbody").words
    assert "1 to 256" in row
    assert "events-1-256.zip" in row
    assert "c0ffee" in row


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ("", "Choose a day."),
        ("yesterday", "Not a valid date value."),
        ("2027-03-01", "Events of the last 90 days stay in the database."),
        ("2025-01-01", "Nothing that old is left to archive."),
    ],
)
def test_a_day_that_will_not_do_is_told(
    superadmin: Browser, database: Database, before: str, sentence: str
) -> None:
    superadmin.get(PAGE)
    superadmin.submit(PAGE, status=422, before=before)
    assert sentence in superadmin.page.one("div", role="alert").words
    with database.unit_of_work(writing=False) as db:
        assert audit_archives.waiting(db) == 0


@pytest.mark.requirement("A1")
def test_an_admin_sees_but_does_not_order(plain_admin: Browser) -> None:
    page = plain_admin.get(PAGE)
    assert "Superadmin access required." in page.words
    assert not page.all("input", name="before")
