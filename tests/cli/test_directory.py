"""flask directory …"""

import sqlite3
from pathlib import Path

import pytest

from app.domain.audit_trail import AuditAction
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.members import Member
from tests import trail
from tests.cli.conftest import Run

SOURCE = """
CREATE TABLE customers (id TEXT, name TEXT, domain TEXT, plan TEXT, status TEXT,
                        support INTEGER, created_at TEXT);
CREATE TABLE people (id TEXT, customer TEXT, name TEXT, email TEXT, role TEXT, status TEXT,
                     vip INTEGER, created_at TEXT);
INSERT INTO customers VALUES ('fjord', 'Fjord', 'fjord.example', 'free', 'active', 1,
                              '2026-01-01T00:00:00Z');
INSERT INTO people VALUES ('liv', 'fjord', 'Liv', 'liv@fjord.example', 'owner', 'active', 0,
                           '2026-01-01T00:00:00Z');
"""
SETTINGS = """
[source]
url = "sqlite:///{path}"
accounts = '''
    SELECT id, name, domain, plan, status, support AS impersonation_allowed, created_at
    FROM customers
'''
members = '''
    SELECT id, customer AS account_id, name, email, role, status, vip AS protected, created_at
    FROM people
'''
"""


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A product's own database."""
    path = tmp_path / "product.db"
    connection = sqlite3.connect(path)
    connection.executescript(SOURCE)
    connection.close()
    return path


@pytest.fixture
def settings(product: Path, tmp_path: Path) -> str:
    path = tmp_path / "directory.toml"
    path.write_text(SETTINGS.format(path=product), encoding="utf-8")
    return str(path)


def change(product: Path, statement: str) -> None:
    connection = sqlite3.connect(product)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_directory_is_read_from_the_products_database(
    run: Run, database: Database, settings: str
) -> None:
    result = run("directory", "sync", settings)
    assert result.exit_code == 0, result.output
    # The cast is not in this source: five of them could be used until now, in three accounts.
    assert result.output.endswith("2 new, 0 changed, 10 missing.\n")
    with database.unit_of_work(writing=False) as db:
        liv = db.get_one(Member, "liv")
        assert (liv.account.name, liv.protected) == ("Fjord", False)
        assert db.get_one(Account, "harbour").is_suspended
        source = trail.only(db, AuditAction.DIRECTORY_SYNCED).details["source"]
    assert source.endswith("product.db")


def test_the_second_time_nothing_changes(run: Run, settings: str) -> None:
    run("directory", "sync", settings)
    assert run("directory", "sync", settings).output.endswith("0 new, 0 changed, 0 missing.\n")


def test_a_bad_record_changes_nothing_and_is_named(
    run: Run, database: Database, product: Path, settings: str
) -> None:
    change(product, "UPDATE people SET status = 'asleep'")
    result = run("directory", "sync", settings)
    assert result.exit_code == 1
    assert "status is none of active, invited, deactivated in" in result.output
    assert "'liv'" in result.output
    with database.unit_of_work(writing=False) as db:
        assert db.get(Account, "fjord") is None
        assert not db.get_one(Account, "harbour").is_suspended


def test_a_source_that_is_not_there_is_told(run: Run, product: Path, settings: str) -> None:
    change(product, "DROP TABLE people")
    result = run("directory", "sync", settings)
    assert result.exit_code == 1
    assert "the directory cannot be read" in result.output


@pytest.mark.parametrize(
    "content", ["", "not TOML", "[source]\nurl = 'sqlite://'", "source = 1", "\ufeff["]
)
def test_settings_that_say_too_little_are_refused(run: Run, tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content, encoding="utf-8")
    result = run("directory", "sync", str(path))
    assert result.exit_code == 1
    assert "needs a table [source]" in result.output


def test_a_file_that_is_not_there_is_told(run: Run) -> None:
    assert run("directory", "sync", "nowhere.toml").exit_code == 2
