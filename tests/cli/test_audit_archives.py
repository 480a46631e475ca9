"""flask audit archive, and erase"""

import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli import audit_archives as commands
from app.domain import audit_archives
from app.domain.audit_archive_verification import Archives
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.storage import sqlite
from app.storage.admins import Admin
from app.storage.audit_archives import delete_events
from app.storage.audit_copies import AuditCopy
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from tests.cli.conftest import Run
from tests.conftest import on_sqlite
from tests.exporting import files_of, repacked
from tests.owner import as_owner
from tests.proving import Proven, proven
from tests.trail import only
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("L12")

ARCHIVES = ["--archives", "var/archives"]
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def trail(run: Run, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proven:
    """Three hundred old events, signed; there are no copies to wait for."""
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "off")
    run("keys", "create")
    trail = proven(database, key_folder=tmp_path / "keys", folder=tmp_path / "var", now=LONG_AGO)
    trail.record_at_once(300)
    run("audit", "checkpoint")
    return trail


@pytest.fixture
def ordered(trail: Proven) -> None:
    now = datetime.now(UTC)
    with trail.database.unit_of_work(writing=True) as db:
        before, ada = now - timedelta(days=100), db.get_one(Admin, "ada")
        audit_archives.order(db, before=before, by=ada, provenance=OPERATOR, now=now)


def test_what_was_ordered_goes_to_a_file_and_leaves_the_table(
    run: Run, trail: Proven, ordered: None, tmp_path: Path
) -> None:
    result = run("audit", "archive", "--folder", "old")
    assert result.exit_code == 0, result.output
    path = tmp_path / "old" / "events-1-256.zip"
    with trail.database.unit_of_work(writing=False) as db:
        facts = only(db, AuditAction.AUDIT_ARCHIVED).details
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert run("audit", "verify", "--export", str(path)).exit_code == 0
    assert "events 257 to" in run("audit", "verify").output


@fails_without(line(commands.archive.callback, "if not waiting and not pruned", "if False"))
def test_without_an_order_nothing_is_archived(run: Run, trail: Proven) -> None:
    result = run("audit", "archive")
    assert result.exit_code == 1
    assert "A superadmin orders it" in result.output


@fails_without(line(commands._check_copies, "if copy.is_ahead", "if False"))
def test_nothing_leaves_while_nobody_knows_what_a_copy_has(
    run: Run, trail: Proven, ordered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "copy.log")
    with trail.database.unit_of_work(writing=True) as db:
        row = AuditCopy(
            target="file copy.log", last_event_id=999, last_checkpoint_size=0, at=LONG_AGO
        )
        db.add(row)
    result = run("audit", "archive")
    assert result.exit_code == 1
    assert "event 999, which was never recorded. Nothing has left" in result.output
    with trail.database.unit_of_work(writing=False) as db:
        assert db.get(AuditEvent, 1)


@fails_without(line(commands._check_copies, "if copy.last_event_id < last", "if False"))
def test_nothing_leaves_that_a_copy_still_needs(
    run: Run, trail: Proven, ordered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "copy.log")
    result = run("audit", "archive")
    assert result.exit_code == 1
    assert "has a copy up to event 0 only" in result.output
    with trail.database.unit_of_work(writing=False) as db:
        assert db.get(AuditEvent, 1)
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "off")
    assert run("audit", "archive").output.endswith("256 events have left the database.\n")


def test_archives_and_table_verify_as_one(run: Run, ordered: None) -> None:
    run("audit", "archive")
    alone = run("audit", "verify")
    assert alone.stdout.startswith("Good in part: events 257 to 302 are as they were recorded")
    assert "Events 1 to 256 are said to be in archives and were not looked at" in alone.output
    together = run("audit", "verify", "--archives", "var/archives")
    assert together.exit_code == 0
    assert "Good: events 1 to 303 are as they were recorded" in together.output
    told = [run("audit", "verify", *more, "--json").stdout for more in ([], ARCHIVES)]
    assert [json.loads(one)["not_looked_at"] for one in told] == [256, 0]


@fails_without(line(commands.verify_archives, "return archives.verify(archived(db))", "return []"))
def test_a_forged_archive_is_worth_no_more_than_it_says(
    run: Run, trail: Proven, database_url: str, tmp_path: Path
) -> None:
    """The owner writes an order and its record into the chain, and deletes what they excuse."""
    details = {"first": 1, "last": 256, "file": "events-1-256.zip", "sha256": "c0ffee"}
    told: dict[str, Any] = {"now": datetime.now(UTC), "provenance": OPERATOR}
    ordered, done = AuditAction.AUDIT_ARCHIVE_ORDERED, AuditAction.AUDIT_ARCHIVED
    with as_owner(database_url) as db:
        append(db, event(ordered, actor=db.get_one(Admin, "ada"), details={"last": 256}, **told))
        append(db, event(done, details=details, **told))
    with as_owner(database_url) as db:
        delete_events(db, last=256, at_most=256)
    alone = run("audit", "verify")
    assert alone.exit_code == 0
    assert alone.stdout.startswith("Good in part: events 257 to 302")
    assert "Whoever owns the database can have written that and deleted them" in alone.output
    together = run("audit", "verify", "--archives", str(tmp_path))
    assert together.exit_code == 1
    assert "TAMPERED: events-1-256.zip: Events 1 to 256 are missing." in together.stdout


def test_a_changed_archive_is_found(run: Run, ordered: None, tmp_path: Path) -> None:
    run("audit", "archive")
    path = tmp_path / "var/archives/events-1-256.zip"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = run("audit", "verify", "--archives", "var/archives")
    assert result.exit_code == 1
    assert "TAMPERED" in result.output


@fails_without(line(commands.verify_archives, "return archives.verify(archived(db))", "return []"))
def test_a_missing_archive_is_found(run: Run, ordered: None, tmp_path: Path) -> None:
    run("audit", "archive")
    (tmp_path / "var/archives/events-1-256.zip").unlink()
    result = run("audit", "verify", "--archives", "var/archives")
    assert result.exit_code == 1
    assert "Events 1 to 256 are missing" in result.output


def test_files_that_are_no_archives_are_named_and_left_out(
    run: Run, ordered: None, tmp_path: Path
) -> None:
    run("audit", "archive")
    (tmp_path / "var/archives/notes.zip").write_bytes(b"x")
    assert run("audit", "export", "var/archives/export.zip").exit_code == 0
    result = run("audit", "verify", "--archives", "var/archives")
    assert result.exit_code == 0, result.output
    assert "var/archives/notes.zip was left out: it is no whole ZIP archive" in result.stderr
    assert "var/archives/export.zip was left out: it is not an archive" in result.stderr


@fails_without(
    line(commands._write, "0o600", "0o644"),
    line(
        Archives._recorded,
        'self._digests.get(str(recorded.get("sha256")))',
        'next(one for one in self.unused if one.name == recorded["file"])',
    ),
)
def test_an_archive_packed_anew_is_not_the_one_that_was_recorded(
    run: Run, ordered: None, tmp_path: Path
) -> None:
    run("audit", "archive")
    path = tmp_path / "var/archives/events-1-256.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    repacked(path, files_of(path)).rename(path)
    result = run("audit", "verify", "--archives", "var/archives")
    assert result.exit_code == 1
    assert (
        "TAMPERED: events-1-256.zip: The archive of events 1 to 256 is not the file that was"
        " recorded." in result.stdout
    )


@fails_without(line(commands.erase.callback, "if not yes", "if False"))
def test_erasing_asks_first(run: Run, trail: Proven) -> None:
    assert run("audit", "erase", "mia").exit_code == 1
    output = run("audit", "erase", "mia", "--yes").output
    assert output.startswith("The words of 300 events are erased, and what 0 sessions repeated")
    assert "Not reached, so see to it yourself: archives, exports, copies and backups" in output
    assert "The words of 300 have been erased on record." in run("audit", "verify").output


@on_sqlite
@fails_without(line(commands.erase.callback, "database.empty_log()", "True"))
def test_what_was_erased_is_in_no_file_of_the_database(
    run: Run, trail: Proven, database_folder: Path
) -> None:
    def count() -> int:
        files = list(database_folder.glob("understudy.db*"))
        return sum(path.read_bytes().count(b"Her template is broken") for path in files)

    assert count() >= 300
    assert "write-ahead log" not in run("audit", "erase", "mia", "--yes").output
    assert count() == 0


@on_sqlite
@fails_without(line(commands.erase.callback, "if not is_out_of_log", "if False"))
def test_a_log_that_somebody_reads_is_told(
    run: Run, trail: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 0)
    with trail.database.unit_of_work(writing=False) as db:
        db.get_one(AuditEvent, 1)
        output = run("audit", "erase", "mia", "--yes").output
    assert "its write-ahead log holds the words" in output


def test_nobody_to_erase_is_told(run: Run, trail: Proven) -> None:
    result = run("audit", "erase", "nobody", "--yes")
    assert result.exit_code == 1
    assert "no words of this person" in result.output
