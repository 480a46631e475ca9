"""flask audit export, and verify --export"""

import json
import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from app.cli import audit_exports
from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from tests import trail
from tests.cli.conftest import Run
from tests.exporting import files_of, records_of, tampered
from tests.filling import fill_trail
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line

EVENTS = 30


@pytest.fixture(autouse=True)
def filled(run: Run, database: Database, now: datetime) -> None:
    run("keys", "create")
    fill_trail(database, events=EVENTS, now=now)


@pytest.fixture
def archive(run: Run, tmp_path: Path) -> Path:
    result = run("audit", "export", "trail.zip")
    assert (result.exit_code, result.stdout) == (0, "Wrote trail.zip.\n"), result.output
    return tmp_path / "trail.zip"


def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the machine of somebody who has nothing but the file."""
    for name in os.environ:
        if name.startswith("UNDERSTUDY_"):
            monkeypatch.delenv(name)


def key(run: Run, tmp_path: Path) -> str:
    made = json.loads(files_of(tmp_path / "trail.zip")["manifest.json"])["key"]
    assert isinstance(made, str)
    return made


@pytest.mark.requirement("L13")
@fails_without(line(audit_exports._created, "0o600", "0o644"))
def test_the_trail_is_exported_recorded_and_for_its_owner_alone(
    archive: Path, database: Database, tmp_path: Path
) -> None:
    assert len(records_of(archive)) == EVENTS
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.AUDIT_EXPORTED)
    assert (event.details["by"], event.details["last"]) == ("flask audit export", EVENTS)
    # The checkpoint lies outside the database as well.
    assert f"\n{EVENTS}\n" in (tmp_path / "var" / "checkpoints.txt").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_never_overwritten(
    run: Run, archive: Path, database: Database
) -> None:
    before = archive.read_bytes()
    result = run("audit", "export", "trail.zip")
    assert result.exit_code == 1
    assert "there already; nothing was written" in result.output
    assert archive.read_bytes() == before
    with database.unit_of_work(writing=False) as db:
        assert len(trail.events(db, AuditAction.AUDIT_EXPORTED)) == 1


def test_a_place_where_nothing_can_be_written_is_told(run: Run) -> None:
    result = run("audit", "export", "nowhere/trail.zip")
    assert result.exit_code == 1
    assert "nowhere/trail.zip cannot be written: No such file or directory" in result.output


def test_filters_are_those_of_the_page(run: Run, tmp_path: Path, database: Database) -> None:
    actor = f"admin-{3:030}"
    result = run("audit", "export", "few.zip", "--actor", actor, "--until", "2026-03-02")
    assert result.exit_code == 0, result.output
    records = records_of(tmp_path / "few.zip")
    assert {record["actor_id"] for record in records} == {actor}
    assert 0 < len(records) < EVENTS
    with database.unit_of_work(writing=False) as db:
        recorded = trail.only(db, AuditAction.AUDIT_EXPORTED).details["filters"]
    assert recorded == f"actor={actor}&until=2026-03-02"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--actor", "nobody"), ("--since", "yesterday"), ("--action", "x"), ("--outcome", "x")],
)
def test_a_filter_that_cannot_be_used_is_told(
    run: Run, tmp_path: Path, option: str, value: str
) -> None:
    result = run("audit", "export", "few.zip", option, value)
    assert result.exit_code == 1
    assert f"Error: {option}: " in result.output
    assert not (tmp_path / "few.zip").exists()


def test_a_trail_that_was_tampered_with_leaves_no_file(
    run: Run, database_url: str, tmp_path: Path
) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.connection().exec_driver_sql("UPDATE audit_events SET outcome = 'failed' WHERE id = 7")
    result = run("audit", "export", "trail.zip")
    assert result.exit_code == 1
    assert "Event 7 is not what was recorded" in result.output
    assert not (tmp_path / "trail.zip").exists()


# Offline.


def test_an_export_is_verified_without_database_or_settings(
    run: Run, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = key(run, tmp_path)
    without_settings(monkeypatch)
    result = run("audit", "verify", "--export", "trail.zip", "--key", public)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "Good: events 1 to 30 are as they were recorded, in agreement with 1 signed checkpoint.\n"
    )


def test_the_key_can_stand_in_a_file_and_checkpoints_too(
    run: Run, archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "key.txt").write_text(f"{key(run, tmp_path)}\n", encoding="utf-8")
    files = ["--key", "key.txt", "--checkpoint", "var/checkpoints.txt"]
    result = run("audit", "verify", "--export", "trail.zip", *files)
    assert result.exit_code == 0, result.output
    assert "in agreement with 1 signed checkpoint" in result.stdout


def test_without_a_key_it_says_what_that_does_not_show(run: Run, archive: Path) -> None:
    result = run("audit", "verify", "--export", "trail.zip")
    assert result.exit_code == 0
    assert "agrees with itself" in result.stderr
    assert "agrees with itself" not in result.stdout


def test_a_tampered_export_ends_with_status_1(run: Run, archive: Path) -> None:
    bad = tampered(archive, lambda lines: lines.pop(6), mended=True)
    result = run("audit", "verify", "--export", str(bad))
    assert result.exit_code == 1
    assert result.stdout == "TAMPERED: Event 7 is missing.\n"
    found = json.loads(run("audit", "verify", "--export", str(bad), "--json").stdout)
    assert found["good"] is False
    assert found["finding"] == {
        "kind": "missing",
        "first": 7,
        "last": 7,
        "text": "Event 7 is missing.",
    }


def test_the_verdict_is_there_for_programs(run: Run, archive: Path) -> None:
    result = run("audit", "verify", "--export", "trail.zip", "--json")
    found = json.loads(result.stdout)
    assert (found["good"], found["first"], found["last"], found["events"]) == (True, 1, 30, 30)
    assert len(found["limits"]) == 1


@pytest.mark.parametrize(
    ("format_", "filters", "sentence"),
    [
        ("csv", [], "the rows of 30 events are as they were signed"),
        ("jsonl", ["--outcome", "refused"], "0 events out of 30 are as they were recorded"),
        ("jsonl", ["--outcome", "succeeded"], "30 events out of 30 are as they were recorded"),
    ],
)
def test_each_kind_of_export_has_its_sentence(
    run: Run, format_: str, filters: list[str], sentence: str
) -> None:
    assert run("audit", "export", "it.zip", "--format", format_, *filters).exit_code == 0
    result = run("audit", "verify", "--export", "it.zip")
    assert result.stdout == f"Good: {sentence}, in agreement with 1 signed checkpoint.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ["--export", "trail.zip", "--since-checkpoint"],
            2,
            "exclude one another",
        ),
        (["--key", "x+00000000+AQ=="], 2, "public key"),
        (["--export", "no.zip"], 2, "does not exist"),
        (["--export", "trail.zip", "--key", "nonsense"], 2, "not the public key of a trail"),
        (["--export", "var/checkpoints.txt"], 2, "no whole ZIP archive"),
        (["--export", "trail.zip", "--checkpoint", "keys/signing-key.pem"], 2, "not signed by"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Run, archive: Path, arguments: list[str], status: int, words: str
) -> None:
    result = run("audit", "verify", *arguments)
    assert result.exit_code == status
    assert words in result.output
    assert "Traceback" not in result.output
