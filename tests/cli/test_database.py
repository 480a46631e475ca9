"""flask db …"""

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    """The same operator before there is a database, or the folder for it."""
    monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", f"sqlite:///{tmp_path}/new/folder/fresh.db")
    return run


def test_a_fresh_database_is_migrated_to_the_newest(fresh: Run, tmp_path: Path) -> None:
    assert fresh("db", "upgrade").exit_code == 0
    assert (tmp_path / "new" / "folder" / "fresh.db").exists()
    assert fresh("db", "check").exit_code == 0


def test_upgrading_twice_changes_nothing(fresh: Run) -> None:
    fresh("db", "upgrade")
    assert fresh("db", "upgrade").exit_code == 0


def test_the_current_revision_is_printed(fresh: Run) -> None:
    fresh("db", "upgrade", "0002")
    assert fresh("db", "current").output == "0002\n"


def test_an_old_schema_fails_the_check(fresh: Run) -> None:
    fresh("db", "upgrade", "0002")
    result = fresh("db", "check")
    assert result.exit_code == 1
    assert result.output.startswith("Error: Target database is not up to date")


def test_going_down_and_up_again(fresh: Run) -> None:
    fresh("db", "upgrade")
    assert fresh("db", "downgrade", "base").exit_code == 0
    assert fresh("db", "upgrade").exit_code == 0


def test_an_unknown_revision_is_told_in_one_line(fresh: Run) -> None:
    result = fresh("db", "upgrade", "9999")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


@pytest.mark.requirement("K1")
def test_a_missing_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERSTUDY_SECRET_KEY")
    result = run("db", "upgrade")
    assert (result.exit_code, result.output) == (1, "Error: UNDERSTUDY_SECRET_KEY is not set.\n")


@pytest.mark.parametrize("group", ["admins", "api-keys", "db", "demo", "directory", "keys"])
def test_every_group_explains_itself(run: Run, group: str) -> None:
    result = run(group, "--help")
    assert result.exit_code == 0
    assert "Commands:" in result.output
