"""flask audit prove, prove-consistency, check-proof"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from tests import trail
from tests.cli.conftest import Run
from tests.cli.test_audit_exports import without_settings
from tests.filling import fill_trail


@pytest.fixture(autouse=True)
def filled(run: Run, database: Database, now: datetime) -> None:
    """Twenty events; after ten of them a checkpoint was signed."""
    run("keys", "create")
    for _ in range(2):
        fill_trail(database, events=10, now=now)
        assert run("audit", "checkpoint").exit_code == 0


def printed(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("audit", *arguments)
    assert result.exit_code == 0, result.output
    proof: dict[str, Any] = json.loads(result.stdout)
    return proof


def save(proof: dict[str, Any], tmp_path: Path) -> str:
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    return "proof.json"


@pytest.mark.requirement("L10")
def test_a_customer_checks_a_proof_with_the_key_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = printed(run, "prove", "7", "--size", "10")
    without_settings(monkeypatch)
    result = run("audit", "check-proof", save(proof, tmp_path), "--key", proof["key"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Good: Event 7 is in the trail of 10 events")
    # What has been proved is told, not what stands in the file.
    assert '  action: "action.recorded"\n' in result.stdout
    assert '  subject_name: "Member ' in result.stdout
    assert result.stderr == ""


@pytest.mark.requirement("L13")
def test_an_event_without_its_words_is_proved_and_recorded(
    run: Run, tmp_path: Path, database: Database
) -> None:
    proof = printed(run, "prove", "15", "--without-words")
    assert "Admin" not in json.dumps(proof)
    assert proof["tree_size"] == 20
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.AUDIT_EXPORTED).details["first"] == 15
    assert "not shown" in run("audit", "check-proof", save(proof, tmp_path)).stdout


@pytest.mark.requirement("L10")
def test_two_checkpoints_are_shown_to_be_of_one_trail(run: Run, tmp_path: Path) -> None:
    proof = printed(run, "prove-consistency", "10")
    file = save(proof, tmp_path)
    checked = run("audit", "check-proof", file, "--checkpoint", "var/checkpoints.txt")
    assert checked.stdout.startswith("Good: The trail of 20 events")
    assert printed(run, "prove-consistency", "10", "20") == proof


@pytest.mark.requirement("L10")
def test_a_false_proof_ends_with_status_1(run: Run, tmp_path: Path) -> None:
    proof = printed(run, "prove", "7")
    proof["event"]["outcome"] = "failed"
    result = run("audit", "check-proof", save(proof, tmp_path))
    assert result.exit_code == 1
    assert result.stdout == "FALSE: Event 7 is not what was recorded.\n"


def test_without_a_key_it_says_what_that_does_not_show(run: Run, tmp_path: Path) -> None:
    result = run("audit", "check-proof", save(printed(run, "prove", "7"), tmp_path))
    assert result.exit_code == 0
    assert "The key came with the proof" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prove", "99"], "There is no event 99."),
        (["prove", "0"], "There is no event 0."),
        (["prove", "7", "--size", "8"], "No checkpoint was signed at 8 events."),
        (["prove", "15", "--size", "10"], "does not hold event 15"),
        (["prove-consistency", "8"], "No checkpoint was signed at 8 events."),
        (["prove-consistency", "20", "10"], "cannot begin with 20 events"),
        (["check-proof", "var/checkpoints.txt"], "this is no proof of an audit trail"),
    ],
)
def test_what_cannot_be_proved_is_told(run: Run, arguments: list[str], words: str) -> None:
    result = run("audit", *arguments)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
