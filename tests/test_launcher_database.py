"""`make run DATABASE=postgres`: a server of the demo's own, whose data stays."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app import postgresql_server
from app.launcher_database import demo_database
from app.postgresql_server import CannotRun
from tests.scratch import scratch_folder


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the server's user may pass through, as a checkout is."""
    with tempfile.TemporaryDirectory(prefix="understudy-", dir=scratch_folder()) as folder:
        Path(folder).chmod(0o711)
        monkeypatch.chdir(folder)
        yield Path(folder)
        monkeypatch.undo()


def test_the_data_is_there_the_next_time() -> None:
    with demo_database("postgres") as settings:
        with psycopg.connect(settings["UNDERSTUDY_DATABASE_OWNER_URL"]) as owner:
            owner.execute("CREATE TABLE kept (id INTEGER)")
        with psycopg.connect(settings["UNDERSTUDY_DATABASE_URL"]) as application:
            assert application.execute("SELECT current_user").fetchone() == ("understudy",)
    with (
        demo_database("postgres") as settings,
        psycopg.connect(settings["UNDERSTUDY_DATABASE_OWNER_URL"]) as owner,
    ):
        assert owner.execute("SELECT * FROM kept").fetchall() == []


def test_what_is_about_one_database_is_not_about_the_other() -> None:
    """Checkpoints of SQLite's trail would call PostgreSQL's a forgery."""
    with demo_database("sqlite") as settings:
        assert settings == {}
    with demo_database("postgres") as settings:
        names = {name for name, value in settings.items() if value.startswith("var/postgresql/")}
    assert names == {
        "UNDERSTUDY_CHECKPOINT_FILE",
        "UNDERSTUDY_AUDIT_LOG_FILE",
        "LETTERBOX_API_KEY_FILE",
    }


def test_another_engine_is_refused() -> None:
    with (
        pytest.raises(CannotRun, match="DATABASE must be sqlite or postgres, not oracle"),
        demo_database("oracle"),
    ):
        pass


def test_a_server_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(postgresql_server, "HOMES", "no/such/folder/*")
    with (
        pytest.raises(CannotRun, match=r"initdb is not installed\. `make postgresql` installs"),
        demo_database("postgres"),
    ):
        pass


def test_a_folder_that_only_root_can_enter_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses to run as root. For anybody else there is nothing to tell."""
    folder.chmod(0o700)
    if os.getuid():
        monkeypatch.setattr(os, "getuid", lambda: 0)
        monkeypatch.setattr(os, "chown", lambda *_: None)
    with (
        pytest.raises(CannotRun, match=f"nobody else can enter {folder}"),
        demo_database("postgres"),
    ):
        pass
