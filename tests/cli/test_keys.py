"""flask keys …"""

from pathlib import Path

import pytest

from app.domain import signing_keys
from tests.cli.conftest import Run


@pytest.mark.requirement("K1", "K3")
def test_a_key_for_each_purpose_is_written_where_the_settings_say(run: Run, tmp_path: Path) -> None:
    paths = [tmp_path / "keys" / f"{name}-key.pem" for name in ("signing", "checkpoint")]
    assert run("keys", "create").output == "".join(f"Wrote {path}.\n" for path in paths)
    signing, checkpoint = (signing_keys.load(path) for path in paths)
    assert signing.kid != checkpoint.kid


@pytest.mark.requirement("K1")
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
