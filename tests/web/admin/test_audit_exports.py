"""The trail to take away: recorded first, sent while it is written, safe to open."""

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.config import Config
from app.domain import audit_exports
from app.domain.audit_export_files import ExportFile
from app.domain.audit_export_verification import verify
from app.domain.audit_trail import AuditAction
from app.domain.checkpointing import Checkpoints
from app.domain.sign_ins import SignedIn
from app.storage.database import Database
from app.web.admin import audit_exports as view
from app.web.application_context import checkpoints
from tests import trail
from tests.browsing import FROM_HERE, Browser, check_headers
from tests.cast import ADA, CY, EVE, MIA, OMAR, Person
from tests.exporting import records_of
from tests.faults import unwritable_trail
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line

EXPORTS = "/audit/exports"


def export(browser: Browser, tmp_path: Path, **fields: str) -> Path:
    """Export as the page's button does; return the file that the browser saves."""
    response = post(browser, **fields)
    assert response.status_code == 200, response.text
    path = tmp_path / "export.zip"
    path.write_bytes(response.data)
    return path


def post(browser: Browser, **fields: str) -> TestResponse:
    browser.get("/audit")
    token = browser.page.form(EXPORTS)["csrf_token"]
    data = {"csrf_token": token, "format": "jsonl"} | fields
    return browser.client.post(EXPORTS, data=data, headers=FROM_HERE)


@pytest.fixture
def two_sessions(start_session: Callable[..., str]) -> tuple[str, str]:
    """Ada's as Mia and Cy's as Eve."""
    return start_session(ADA, MIA), start_session(CY, EVE)


@pytest.mark.requirement("L13", "A2")
@pytest.mark.parametrize("who", [ADA, OMAR], ids=["superadmin", "admin"])
def test_whoever_may_read_the_trail_may_take_it_away(
    client: FlaskClient,
    sign_in: Callable[[Person], SignedIn],
    two_sessions: tuple[str, str],
    database: Database,
    tmp_path: Path,
    who: Person,
) -> None:
    sign_in(who)
    path = export(Browser(client), tmp_path)
    with client.application.app_context():
        key = checkpoints().key.verifier
    verdict = verify(ExportFile.find(path), key=key)
    assert verdict.finding is None
    with database.unit_of_work(writing=False) as db:
        recorded = trail.only(db, AuditAction.AUDIT_EXPORTED)
    assert (recorded.actor_id, recorded.id) == (who.id, verdict.last + 1)
    assert recorded.details["by"] == "the admin site"


@pytest.mark.requirement("X5", "W3")
@fails_without(line(view.create, ", headers=headers"), raises=(KeyError,))
@pytest.mark.parametrize("format_", ["jsonl", "csv"])
def test_the_answer_is_a_file_that_no_browser_opens_by_itself(
    superadmin: Browser, format_: str
) -> None:
    response = post(superadmin, format=format_)
    check_headers(response)
    assert response.mimetype == "application/zip"
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="audit-trail-20260302-090000.zip"'
    )
    assert response.headers["Cache-Control"] == "no-store"
    # It is sent while it is written, so nobody knows its length yet.
    assert "Content-Length" not in response.headers
    archive = zipfile.ZipFile(io.BytesIO(response.data))
    assert f"events.{format_}" in archive.namelist()


@pytest.mark.requirement("L13")
def test_the_filters_of_the_page_are_those_of_the_file(
    superadmin: Browser, two_sessions: tuple[str, str], tmp_path: Path, database: Database
) -> None:
    mine, _ = two_sessions
    superadmin.get(f"/audit?impersonation={mine}&until=2026-03-02")
    form = superadmin.page.form(EXPORTS)
    assert (form["impersonation"], form["until"]) == (mine, "2026-03-02")
    path = export(superadmin, tmp_path, **form)
    assert {record["impersonation_id"] for record in records_of(path)} == {mine}
    with database.unit_of_work(writing=False) as db:
        recorded = trail.only(db, AuditAction.AUDIT_EXPORTED)
    assert recorded.details["filters"] == f"impersonation={mine}&until=2026-03-02"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": "xml"}, "An export is JSON Lines or CSV."),
        ({"format": ""}, "An export is JSON Lines or CSV."),
        ({"since": "yesterday"}, "is no day"),
        ({"actor": "nobody"}, "There is no admin with the id"),
    ],
)
def test_what_cannot_be_exported_is_told_and_not_recorded(
    superadmin: Browser, database: Database, fields: dict[str, str], words: str
) -> None:
    response = post(superadmin, **fields)
    assert response.status_code == 422
    assert words in response.text
    with database.unit_of_work(writing=False) as db:
        assert trail.events(db, AuditAction.AUDIT_EXPORTED) == []


@pytest.mark.requirement("L3", "L13")
@fails_without(line(audit_exports.prepare, "append(\n", "(\n"))
def test_without_a_record_nothing_leaves(superadmin: Browser, database: Database) -> None:
    superadmin.get("/audit")
    data = superadmin.page.form(EXPORTS) | {"format": "jsonl"}
    with unwritable_trail(database.engine):
        response = superadmin.client.post(EXPORTS, data=data, headers=FROM_HERE)
    assert response.status_code == 503
    assert "cannot be recorded" in response.text
    assert superadmin.client.post(EXPORTS, data=data, headers=FROM_HERE).status_code == 200


@pytest.mark.requirement("L8")
@fails_without(line(Checkpoints.look, "if verdict.finding", "if False"))
def test_a_trail_that_is_not_what_it_was_is_not_vouched_for(
    superadmin: Browser, config: Config, database: Database, two_sessions: tuple[str, str]
) -> None:
    post(superadmin).close()
    superadmin.get("/audit")
    with as_owner(config.database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.connection().exec_driver_sql(
            "UPDATE audit_events SET outcome = 'failed' "
            "WHERE id = (SELECT MAX(id) FROM audit_events)"
        )
    response = post(superadmin)
    assert response.status_code == 409
    assert "The audit trail is not what was recorded" in response.text


def test_an_export_that_nobody_waits_for_leaves_nothing_open(
    superadmin: Browser, database: Database, now: datetime
) -> None:
    post(superadmin).close()
    with database.unit_of_work(writing=True) as db:
        assert len(trail.events(db, AuditAction.AUDIT_EXPORTED)) == 1
