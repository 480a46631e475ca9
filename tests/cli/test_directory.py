"""flask directory …"""

import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.cli.operator import operator
from app.domain import directory_sync
from app.domain.audit_trail import AuditAction
from app.storage import locks
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.directory import AccountRecord, MemberRecord
from app.storage.members import Member
from tests import trail
from tests.cli.conftest import Run
from tests.directory import account, member

ACCOUNTS = ",".join(AccountRecord._fields)
MEMBERS = ",".join(MemberRecord._fields)
FJORD = "fjord,Fjord,fjord.example,free,active,true,2026-01-01T00:00:00Z"
LIV = "liv,fjord,Liv,liv@fjord.example,owner,active,false,2026-01-01T00:00:00Z"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a file of one account and a file of one member."""
    (tmp_path / "accounts.csv").write_text(f"{ACCOUNTS}\n{FJORD}\n", encoding="utf-8")
    (tmp_path / "members.csv").write_text(f"{MEMBERS}\n{LIV}\n", encoding="utf-8")
    return tmp_path


BOTH = ("--accounts", "accounts.csv", "--members", "members.csv")


def test_files_are_imported_and_recorded(run: Run, database: Database, files: Path) -> None:
    result = run("directory", "import", *BOTH)
    assert (result.exit_code, result.output) == (0, "2 new, 0 changed, 0 missing.\n")
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Member, "liv").account.name == "Fjord"
        assert db.get_one(Account, "fjord").member_count == 1
        assert db.get_one(Member, "mia").status == "active"
        imported = trail.only(db, AuditAction.DIRECTORY_IMPORTED)
        started = trail.only(db, AuditAction.DIRECTORY_LOAD_STARTED)
    assert imported.details["source"] == "accounts.csv, members.csv"
    assert len(imported.details["sha256"]) == len(", ".join(["0" * 64] * 2))
    assert started.details["sha256"] == imported.details["sha256"]


def test_the_second_time_nothing_changes(run: Run, files: Path) -> None:
    run("directory", "import", *BOTH)
    result = run("directory", "import", *BOTH)
    assert (result.exit_code, result.output) == (0, "0 new, 0 changed, 0 missing.\n")


def test_a_bad_line_is_told_and_nothing_is_written(
    run: Run, database: Database, files: Path
) -> None:
    with (files / "members.csv").open("a", encoding="utf-8") as file:
        file.write(LIV.replace("liv", "ole").replace("active", "asleep") + "\n")
    result = run("directory", "import", *BOTH)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "members.csv, line 3: status is none of active, invited, deactivated.\n"
        "1 entry cannot be used. Nothing was written.\n"
    )
    with database.unit_of_work(writing=False) as db:
        assert db.get(Account, "fjord") is None
        assert trail.actions(db) == []


def test_bad_lines_can_be_left_out(run: Run, files: Path) -> None:
    with (files / "members.csv").open("a", encoding="utf-8") as file:
        file.write(f"{LIV}\n\x1b[31m,\n")
    result = run("directory", "import", *BOTH, "--skip-bad")
    assert result.exit_code == 1
    assert result.stdout == "2 new, 0 changed, 0 missing, 2 left out.\n"
    assert result.stderr == (
        "members.csv, line 3: the id is there twice, the first time in members.csv, line 2.\n"
        "members.csv, line 4: there are 2 fields instead of 8.\n"
    )


def test_complete_files_leave_nobody_else_active(run: Run, database: Database, files: Path) -> None:
    result = run("directory", "import", *BOTH, "--complete")
    # Five members of the cast could be used until now, in three accounts.
    assert result.output == "2 new, 0 changed, 10 missing.\n"
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Member, "mia").status == "deactivated"
        assert db.get_one(Account, "harbour").is_suspended


def test_a_complete_file_of_members_leaves_the_accounts_alone(run: Run, files: Path) -> None:
    run("directory", "import", *BOTH)
    result = run("directory", "import", "--members", "members.csv", "--complete")
    assert result.output == "0 new, 0 changed, 7 missing.\n"


def test_too_many_who_would_go_are_refused(run: Run, files: Path) -> None:
    many = [member(f"member-{number}", "fjord") for number in range(120)]
    (files / "many.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in many))
    run("directory", "import", *BOTH, "--members", "many.jsonl")
    result = run("directory", "import", "--members", "members.csv", "--complete")
    assert result.exit_code == 1
    assert "127 of 128 members are no longer in the source" in result.output
    assert "--many-may-go" in result.output
    go_on = ("--complete", "--many-may-go")
    result = run("directory", "import", "--members", "members.csv", *go_on)
    assert result.output == "0 new, 0 changed, 127 missing.\n"


def test_json_lines_are_imported(run: Run, files: Path) -> None:
    (files / "a.jsonl").write_text(json.dumps(account("fjord")))
    (files / "m.jsonl").write_text(json.dumps(member("liv", "fjord", name="Łiv")))
    result = run("directory", "import", "--accounts", "a.jsonl", "--members", "m.jsonl")
    assert result.output == "2 new, 0 changed, 0 missing.\n"


def test_one_file_may_come_by_standard_input(database_url: str, run: Run, files: Path) -> None:
    def piped(*arguments: str) -> Result:
        content = (files / "accounts.csv").read_bytes()
        return operator.test_cli_runner().invoke(args=list(arguments), input=io.BytesIO(content))

    result = piped("directory", "import", "--accounts", "-", "--members", "members.csv")
    assert result.output == "2 new, 0 changed, 0 missing.\n"
    assert piped("directory", "import", "--accounts", "-", "--members", "-").exit_code == 2


def test_columns_that_nobody_knows_are_noted(run: Run, files: Path) -> None:
    (files / "accounts.csv").write_text(f"{ACCOUNTS},shoes\n{FJORD},44\n")
    result = run("directory", "import", "--accounts", "accounts.csv")
    assert result.exit_code == 0
    assert result.stderr == "accounts.csv: nobody knows the columns 'shoes'; they were ignored.\n"


def test_a_program_gets_a_report(run: Run, files: Path) -> None:
    with (files / "members.csv").open("a", encoding="utf-8") as file:
        file.write("ole\n")
    result = run("directory", "import", *BOTH, "--json", "--skip-bad")
    report: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, report["good"], report["added"], report["skipped"]) == (
        1,
        False,
        2,
        1,
    )
    assert report["problems"] == [
        {"place": "members.csv, line 3", "sentence": "there are 1 fields instead of 8."}
    ]
    result = run("directory", "import", *BOTH, "--json")
    report = json.loads(result.stdout)
    assert report["verdict"] == "1 entry cannot be used. Nothing was written."
    assert (report["added"], report["skipped"]) == (0, 1)


def test_a_name_that_is_no_text_is_imported_all_the_same(
    run: Run, database: Database, files: Path
) -> None:
    strange = files / b"acc\xff.csv".decode("utf-8", "surrogateescape")
    (files / "accounts.csv").rename(strange)
    result = run("directory", "import", "--accounts", str(strange))
    assert result.exit_code == 0, result.output
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.DIRECTORY_IMPORTED).details["source"] == "acc\ufffd.csv"


@pytest.mark.parametrize("arguments", [(), ("--members", "nowhere.csv"), ("--members", ".")])
def test_what_cannot_be_read_is_told(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("directory", "import", *arguments).exit_code == 2


# From a database.

SOURCE = """
CREATE TABLE customers (id TEXT, name TEXT, domain TEXT, plan TEXT, status TEXT,
                        support INTEGER, created_at TEXT, updated_at TEXT);
CREATE TABLE people (id TEXT, customer TEXT, name TEXT, email TEXT, role TEXT, status TEXT,
                     vip INTEGER, created_at TEXT, updated_at TEXT);
INSERT INTO customers VALUES ('fjord', 'Fjord', 'fjord.example', 'free', 'active', 1,
                              '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
INSERT INTO people VALUES ('liv', 'fjord', 'Liv', 'liv@fjord.example', 'owner', 'active', 0,
                           '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
"""
SETTINGS = """
[source]
url = "sqlite:///{path}"
accounts = '''
    SELECT id, name, domain, plan, status, support AS impersonation_allowed, created_at, updated_at
    FROM customers
'''
members = '''
    SELECT id, customer AS account_id, name, email, role, status, vip AS protected, created_at,
           updated_at
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
    assert (result.exit_code, result.output) == (0, "2 new, 0 changed, 10 missing.\n")
    with database.unit_of_work(writing=False) as db:
        liv = db.get_one(Member, "liv")
        assert (liv.account.name, liv.protected) == ("Fjord", False)
        assert db.get_one(Account, "harbour").is_suspended
        source = trail.only(db, AuditAction.DIRECTORY_SYNCED).details["source"]
    assert source.endswith("product.db")


def test_whoever_is_missing_can_be_kept(run: Run, settings: str) -> None:
    result = run("directory", "sync", settings, "--keep-missing")
    assert result.output == "2 new, 0 changed, 0 missing.\n"
    assert run("directory", "sync", settings).output == "0 new, 0 changed, 10 missing.\n"


def test_a_second_sync_changes_nothing(run: Run, settings: str) -> None:
    run("directory", "sync", settings)
    assert run("directory", "sync", settings).output == "0 new, 0 changed, 0 missing.\n"


def test_what_has_changed_is_enough_until_everything_is_due(
    run: Run, database: Database, product: Path, settings: str
) -> None:
    with Path(settings).open("a", encoding="utf-8") as file:
        file.write('updated_at = "updated_at"\n')
    run("directory", "sync", settings)
    change(product, "UPDATE people SET name = 'Changed'")
    change(product, "UPDATE customers SET name = 'Changed', updated_at = '2026-02-01T00:00:00Z'")
    change(product, "UPDATE people SET updated_at = '2025-12-31T00:00:00Z'")
    assert run("directory", "sync", settings).output == "0 new, 1 changed, 0 missing.\n"
    result = run("directory", "sync", settings, "--full")
    assert result.output == "0 new, 1 changed, 0 missing.\n"


def test_a_bad_record_changes_nothing_and_is_named(
    run: Run, database: Database, product: Path, settings: str
) -> None:
    change(product, "UPDATE people SET status = 'asleep'")
    result = run("directory", "sync", settings)
    assert result.exit_code == 1
    assert "members, row 1 (id liv): status is none of active, invited, dea" in result.output
    with database.unit_of_work(writing=False) as db:
        assert db.get(Account, "fjord") is None
        assert not db.get_one(Account, "harbour").is_suspended


def test_a_source_that_is_not_there_is_told(run: Run, product: Path, settings: str) -> None:
    change(product, "DROP TABLE people")
    result = run("directory", "sync", settings)
    assert result.exit_code == 1
    assert "the directory cannot be read: the query members: no such table" in result.output


@pytest.mark.parametrize("content", ["", "not TOML", "[source]\nurl = 'sqlite://'", "source = 1"])
def test_settings_that_say_too_little_are_refused(run: Run, tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content, encoding="utf-8")
    result = run("directory", "sync", str(path))
    assert result.exit_code == 1
    assert "needs a table [source]" in result.output


def test_settings_that_are_not_there_are_told(run: Run) -> None:
    result = run("directory", "sync", "nowhere.toml")
    assert (result.exit_code, result.output) == (
        1,
        "nowhere.toml cannot be read: No such file or directory.\n",
    )


def test_nobody_syncs_while_a_worker_does(run: Run, database: Database, settings: str) -> None:
    with locks.one_at_a_time(database, directory_sync.LOCK) as mine:
        assert mine
        result = run("directory", "sync", settings)
    assert result.exit_code == 1
    assert "the directory is being synced already" in result.output
