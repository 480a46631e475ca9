"""flask db …"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.postgresql_server import APPLICATION, OWNER
from tests.cli.conftest import Run
from tests.conftest import on_postgresql, on_sqlite
from tests.owner import as_owner


@pytest.fixture
def fresh(
    engine_name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
) -> Iterator[Run]:
    """The same operator before there is a database, or the folder for it."""
    if engine_name == "sqlite":
        monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", f"sqlite:///{tmp_path}/new/folder/fresh.db")
        yield run
        return
    server, name = request.getfixturevalue("postgresql_server"), f"fresh_{uuid.uuid4().hex}"
    server.create_database(name)
    monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", server.url(name))
    monkeypatch.setenv("UNDERSTUDY_DATABASE_OWNER_URL", server.url(name, OWNER))
    yield run
    server.drop_database(name)


def test_a_fresh_database_is_migrated_to_the_newest(fresh: Run) -> None:
    assert fresh("db", "upgrade").exit_code == 0
    result = fresh("db", "check")
    assert (result.exit_code, "Warning" in result.output) == (0, False)


@on_sqlite
def test_the_folder_is_made_as_well(fresh: Run, tmp_path: Path) -> None:
    fresh("db", "upgrade")
    assert (tmp_path / "new" / "folder" / "fresh.db").exists()


@on_postgresql
@pytest.mark.requirement("L5")
def test_the_application_is_granted_what_it_does_and_no_more(
    fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second time nothing is left of what somebody has given it by hand."""
    fresh("db", "upgrade")
    with as_owner(os.environ["UNDERSTUDY_DATABASE_URL"]) as db:
        db.execute(text(f"GRANT ALL ON audit_events TO {APPLICATION}"))
    assert "Warning: the role in UNDERSTUDY_DATABASE_URL could" in fresh("db", "check").output
    fresh("db", "upgrade")
    assert "Warning" not in fresh("db", "check").output


@on_postgresql
def test_an_owner_who_is_the_application_is_refused(
    fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", os.environ["UNDERSTUDY_DATABASE_OWNER_URL"])
    result = fresh("db", "upgrade")
    assert result.exit_code == 1
    assert "must name another role than UNDERSTUDY_DATABASE_URL" in result.output


@on_postgresql
def test_a_single_role_does_too_but_is_warned_of(
    fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", os.environ["UNDERSTUDY_DATABASE_OWNER_URL"])
    monkeypatch.delenv("UNDERSTUDY_DATABASE_OWNER_URL")
    assert fresh("db", "upgrade").exit_code == 0
    assert "Warning: the role in UNDERSTUDY_DATABASE_URL could" in fresh("db", "check").output


@on_postgresql
def test_without_its_owner_nothing_is_deleted_from_the_trail(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNDERSTUDY_DATABASE_OWNER_URL")
    result = run("audit", "erase", "mia", "--yes")
    assert result.output.startswith("Error: UNDERSTUDY_DATABASE_OWNER_URL is not set")


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
