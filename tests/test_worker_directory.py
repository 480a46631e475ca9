"""The worker keeps the directory in step with a source, whoever else is at it."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import configured, worker
from app.config import BadSetting, Config, from_environment
from app.domain.audit_trail import AuditAction
from app.domain.directory_sync import Source
from app.storage.database import Database
from app.storage.directory_sources import DirectorySource
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import trail
from tests.cli.test_directory import SETTINGS, SOURCE, change
from tests.proving import proven
from tests.test_worker import start, wait_for


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A product's own database, which has the one who may be impersonated too."""
    path = tmp_path / "product.db"
    connection = sqlite3.connect(path)
    connection.executescript(SOURCE)
    connection.execute(
        "INSERT INTO customers VALUES ('harbour', 'Harbour', 'harbour.example', 'free', 'active',"
        " 1, '2026-01-01', '2026-01-01')"
    )
    connection.execute(
        "INSERT INTO people VALUES ('mia', 'harbour', 'Mia', 'mia@harbour.example', 'owner',"
        " 'active', 0, '2026-01-01', '2026-01-01')"
    )
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def source(product: Path, tmp_path: Path, config: Config) -> Source:
    path = tmp_path / "directory.toml"
    path.write_text(SETTINGS.format(path=product) + 'every = "1s"\n', encoding="utf-8")
    source = configured.directory_source(replace(config, directory_sync=path), {})
    assert source
    return source


@pytest.fixture
def running(
    database: Database,
    source: Source,
    key_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Three workers at once."""
    monkeypatch.setattr(worker, "PERIOD_SECONDS", 0.01)
    checkpoints = proven(
        database, key_folder=key_folder, folder=tmp_path, now=datetime.now(UTC)
    ).checkpoints
    stop = threading.Event()
    jobs = worker.jobs(database, checkpoints, [], source)
    workers = [threading.Thread(target=worker.run, args=(jobs, stop)) for _ in range(3)]
    for one in workers:
        one.start()
    yield
    stop.set()
    for one in workers:
        one.join()


@pytest.mark.requirement("A3")
def test_a_session_ends_when_the_source_lets_the_member_go(
    running: None, database: Database, product: Path
) -> None:
    wait_for(lambda: name_of(database, "liv") == "Liv")
    id_ = start(database, datetime.now(UTC))
    change(product, "DELETE FROM people WHERE id = 'mia'")
    wait_for(lambda: reason_of(database, id_) == EndReason.MEMBER_UNAVAILABLE)


def test_of_several_workers_one_writes(running: None, database: Database) -> None:
    wait_for(lambda: name_of(database, "liv") == "Liv")
    with database.unit_of_work(writing=False) as db:
        trail.only(db, AuditAction.DIRECTORY_LOAD_STARTED)


def name_of(database: Database, id_: str) -> str | None:
    with database.unit_of_work(writing=False) as db:
        member = db.get(Member, id_)
        return member.name if member else None


def reason_of(database: Database, id_: str) -> str | None:
    with database.unit_of_work(writing=False) as db:
        return db.get_one(Impersonation, id_).end_reason


def test_a_failure_is_logged_once_and_is_on_record(
    database: Database, source: Source, product: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change(product, "DROP TABLE people")
    for _ in range(2):
        worker.sync_directory(database, source)
        long_ago(database, source)
    (logged,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "no such table: people" in logged.getMessage()
    with database.unit_of_work(writing=False) as db:
        trail.only(db, AuditAction.DIRECTORY_SYNC_FAILED)


def long_ago(database: Database, source: Source) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(DirectorySource, source.name).started_at -= timedelta(hours=1)


def test_a_worker_without_a_source_has_nothing_to_sync(config: Config) -> None:
    assert configured.directory_source(config, {}) is None


def test_settings_that_are_wrong_stop_the_start(config: Config, tmp_path: Path) -> None:
    missing = replace(config, directory_sync=tmp_path / "nowhere.toml")
    with pytest.raises(BadSetting, match=r"^UNDERSTUDY_DIRECTORY_SYNC: .*nowhere.toml"):
        configured.directory_source(missing, {})


def test_the_setting_names_a_file() -> None:
    environ = {
        "UNDERSTUDY_ADMIN_URL": "http://localhost:8000",
        "UNDERSTUDY_PRODUCT_URL": "http://127.0.0.1:8001",
        "UNDERSTUDY_SECRET_KEY": "a secret key that is long enough for the tests",
    }
    assert from_environment(environ).directory_sync is None
    environ["UNDERSTUDY_DIRECTORY_SYNC"] = "etc/directory.toml"
    assert from_environment(environ).directory_sync == Path("etc/directory.toml")
