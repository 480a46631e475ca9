"""flask keys …"""

from pathlib import Path

import pytest

from app.domain import signing_keys
from tests.cli.conftest import Run


@pytest.mark.requirement("K1")
def test_a_key_is_written_where_the_settings_say(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing-key.pem"
    assert run("keys", "create").output == f"Wrote {path}.\n"
    signing_keys.load(path)


@pytest.mark.requirement("K1")
def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    run("keys", "create")
    before = (tmp_path / "keys" / "signing-key.pem").read_bytes()
    result = run("keys", "create")
    assert result.exit_code == 1
    assert "exists already" in result.output
    assert (tmp_path / "keys" / "signing-key.pem").read_bytes() == before


def test_a_folder_that_is_a_file_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("", encoding="utf-8")
    result = run("keys", "create")
    assert result.exit_code == 1
    assert "cannot be written" in result.output or "exists already" in result.output
