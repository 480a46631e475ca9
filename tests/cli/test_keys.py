"""flask keys …"""

from pathlib import Path

import pytest

from app.cli import keys
from app.domain import factor_keys, signing_keys
from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from tests import trail
from tests.cli.conftest import Run
from tests.twins import fails_without, line


@pytest.mark.requirement("K1", "K3")
def test_a_key_for_each_purpose_is_written_where_the_settings_say(run: Run, tmp_path: Path) -> None:
    names = ("signing-key.pem", "checkpoint-key.pem", "factor.key")
    paths = [tmp_path / "keys" / name for name in names]
    assert run("keys", "create").output == "".join(f"Wrote {path}.\n" for path in paths)
    signing, checkpoint = (signing_keys.load(path) for path in paths[:2])
    assert factor_keys.load(paths[2])
    assert signing.kid != checkpoint.kid


@pytest.mark.requirement("K1")
@fails_without(
    line(keys.create.callback, "if not KeyFiles(config.signing_key_file).paths()", "if True")
)
def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    """Only the missing one is made."""
    run("keys", "create")
    path = tmp_path / "keys" / "signing-key.pem"
    before = path.read_bytes()
    assert run("keys", "create").exit_code == 1
    (tmp_path / "keys" / "checkpoint-key.pem").unlink()
    assert run("keys", "create").exit_code == 0
    assert path.read_bytes() == before


def test_a_folder_that_is_a_file_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("", encoding="utf-8")
    result = run("keys", "create")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


@pytest.mark.requirement("K2")
def test_a_rotation_says_when_the_new_key_signs(run: Run, database: Database) -> None:
    run("keys", "create")
    result = run("keys", "rotate")
    assert result.exit_code == 0
    assert "It signs from " in result.output
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.SIGNING_KEY_ROTATED)
    states = [line.split("\t")[1] for line in run("keys", "list").output.splitlines()]
    assert states == ["signs", "published"]


def test_there_is_nothing_to_rotate_without_a_key(run: Run) -> None:
    for command in ("rotate", "list"):
        result = run("keys", command)
        assert result.exit_code == 1
        assert "cannot be read" in result.output


def test_keys_whose_first_has_been_retired_are_all_there(run: Run, tmp_path: Path) -> None:
    run("keys", "create")
    run("keys", "rotate")
    (tmp_path / "keys" / "signing-key.pem").unlink()
    assert "exist already" in run("keys", "create").output
