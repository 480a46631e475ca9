"""flask audit copies"""

import os
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app import config, configured
from app.domain.audit_copies import Courier
from app.storage.database import Database
from tests.cli.conftest import Run
from tests.copying import copy, record
from tests.outgoing.receivers import free_port
from tests.owner import as_owner

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_each_copy_is_told_with_how_far_it_is(run: Run, database: Database) -> None:
    record(database, 3, now=NOW)
    told = run("audit", "copies")
    assert (told.exit_code, told.output) == (
        0,
        "file var/audit.log: at event 0, 3 behind, nothing sent yet.\n",
    )


def test_a_problem_is_told_and_is_the_status(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setenv("UNDERSTUDY_AUDIT_SYSLOG", place)
    record(database, 3, now=NOW)
    for target in configured.copy_targets(config.from_environment(dict(os.environ))):
        copy(database, Courier(target), now=NOW)
    told = run("audit", "copies")
    assert told.exit_code == 1
    good, bad = told.output.splitlines()
    at = "2026-03-02 09:00:00 UTC"
    assert good == f"file var/audit.log: at event 3, 0 behind, last sent {at}."
    assert bad == f"syslog {place}: at event 0, 3 behind. PROBLEM since {at}: Connection refused."


@pytest.mark.requirement("L10")
def test_a_copy_that_has_more_than_was_recorded_is_a_problem(
    run: Run, database: Database, database_url: str
) -> None:
    """Whoever moves the number on would have what is recorded next left out."""
    record(database, 3, now=NOW)
    (target,) = configured.copy_targets(config.from_environment(dict(os.environ)))
    copy(database, Courier(target), now=NOW)
    with as_owner(database_url) as db:
        db.execute(text("UPDATE audit_copies SET last_event_id = 7"))
    told = run("audit", "copies")
    assert told.exit_code == 1
    assert "at event 7. PROBLEM since 2026-03-02 09:00:00 UTC" in told.output
    assert "it is said to have come to event 7, which was never recorded." in told.output


def test_without_copies_there_is_nothing_to_tell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "off")
    told = run("audit", "copies")
    assert (told.exit_code, told.output) == (0, "No copies are set up.\n")
