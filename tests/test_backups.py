"""A dump that is restored elsewhere is the same database: schema, guards, rights and chain."""

import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DatabaseError

from app.postgresql_server import SUPERUSER, Server, program
from app.storage import grants
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from tests import factories, test_migrations, test_migrations_on_postgresql
from tests.conftest import on_postgresql, on_sqlite
from tests.owner import as_owner, owners
from tests.proving import Proven, proven

pytestmark = pytest.mark.requirement("D4")

CHANGES = (
    "UPDATE audit_events SET id = id + 1",
    "DELETE FROM audit_words",
    "UPDATE audit_checkpoints SET size = 1",
    "UPDATE impersonations SET expires_at = expires_at + 1",
)


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Some events, signed, and a session that runs."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(3)
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        factories.start(db, impersonator=ada, target=mia, now=now)
    trail.sign()
    return trail


@pytest.fixture
def restored(postgresql_server: Server, database_url: str) -> Iterator[str]:
    """Where a dump is restored to."""
    name = f"restored_{uuid.uuid4().hex}"
    postgresql_server.create_database(name)
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


def assert_is_as_it_was(trail: Proven, url: str) -> None:
    """It verifies against what was kept elsewhere, and its guards stop its owner too."""
    there = Proven(Database(url), trail.checkpoints, trail.now)
    assert there.verify(kept=trail.kept).finding is None
    with there.database.unit_of_work(writing=False) as db:
        assert db.scalar(select(func.count(Impersonation.id))) == 1
    there.database.dispose()
    for change in CHANGES:
        with pytest.raises(DatabaseError), as_owner(url) as db:
            db.execute(text(change))


@on_sqlite
def test_a_file_that_sqlite_has_copied(
    trail: Proven, database_folder: Path, tmp_path: Path
) -> None:
    path, copy = database_folder / "understudy.db", tmp_path / "restored.db"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(copy)) as other:
        one.backup(other)
    assert test_migrations.schema(copy) == test_migrations.schema(path)
    assert_is_as_it_was(trail, f"sqlite:///{copy}")


@on_postgresql
def test_a_dump_of_postgresql(trail: Proven, database_url: str, restored: str) -> None:
    dump = subprocess.run(
        [program("pg_dump"), "--format=custom", f"--dbname={_superusers(database_url)}"],
        check=True,
        capture_output=True,
    ).stdout
    subprocess.run(
        [program("pg_restore"), "--exit-on-error", f"--dbname={_superusers(restored)}"],
        check=True,
        input=dump,
    )
    assert schema(restored) == schema(database_url)
    assert_is_as_it_was(trail, restored)
    database = Database(restored)
    with database.unit_of_work(writing=False) as db:
        assert not grants.may_rewrite(db.connection())
    database.dispose()


def schema(url: str) -> set[tuple[str, ...]]:
    """Everything that is there by its name, and triggers and functions in full."""
    rows = test_migrations_on_postgresql.schema(owners(url))
    # The conditions of constraints and indexes come back with more parentheses.
    return {row if "trigger" in row[2].lower() else row[:2] for row in rows}


def _superusers(url: str) -> str:
    return make_url(url).set(username=SUPERUSER).render_as_string(hide_password=False)
