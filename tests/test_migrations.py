"""Migrations make the schema, and nothing else does."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.cli.database import MIGRATIONS, alembic_config
from app.storage import revisions
from app.storage.accounts import search_accounts
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.folding import searchable
from app.storage.listed_members import search_members
from app.storage.members import Member
from app.storage.metadata import metadata
from migrations import guards
from tests.cast import ADA, CY
from tests.twins import fails_without, statement, together, value

SEARCHED = ("accounts", "members")
GUARDED = ("events", "words", "checkpoints", "tiles")
TRIGGERS = {
    *(f"audit_{table}_no_{change}" for table in GUARDED for change in ("update", "delete")),
    *(f"audit_{table}_in_order" for table in ("events", "words")),
    *(f"audit_{table}_no_replace" for table in ("checkpoints", "tiles")),
    # What is searched follows its table.
    *(f"{table}_search_{name}" for table in SEARCHED for name in ("add", "change", "remove")),
}
REVISIONS = [
    script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))
]

Schema = set[tuple[str, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "migrated.db"


@pytest.fixture
def alembic(path: Path) -> AlembicConfig:
    return alembic_config(f"sqlite:///{path}")


def schema(path: Path) -> Schema:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL")
    found = {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}
    connection.close()
    return {row for row in found if row[1] not in ("alembic_version", "sqlite_sequence")}


def names(path: Path, kind: str) -> set[str]:
    return {name for found, name, _ in schema(path) if found == kind}


def test_the_newest_schema_is_what_the_row_classes_say(alembic: AlembicConfig) -> None:
    command.upgrade(alembic, "head")
    command.check(alembic)


def test_every_row_class_is_known_to_the_migrations(alembic: AlembicConfig, path: Path) -> None:
    command.upgrade(alembic, "head")
    # FTS5 keeps an index for searching in tables of its own.
    indexes = tuple(f"{table}_search" for table in SEARCHED)
    tables = {name for name in names(path, "table") if not name.startswith(indexes)}
    assert tables == set(metadata.tables)


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_goes_up_down_and_up_again(
    alembic: AlembicConfig, path: Path, revision: str
) -> None:
    command.upgrade(alembic, revision)
    after = schema(path)
    command.downgrade(alembic, "-1")
    before = schema(path)
    assert before != after
    command.upgrade(alembic, revision)
    assert schema(path) == after


def test_going_all_the_way_down_leaves_nothing(alembic: AlembicConfig, path: Path) -> None:
    command.upgrade(alembic, "head")
    command.downgrade(alembic, "base")
    assert schema(path) == set()


def test_revisions_are_one_line_and_sort_by_their_dates() -> None:
    files = sorted(path.name for path in (MIGRATIONS / "versions").glob("*.py"))
    scripts = reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))
    assert [Path(script.path).name for script in scripts] == files
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [revisions.newest()]


@pytest.mark.requirement("L6")
@fails_without(
    together(
        value(guards, "refuse", lambda *_, **__: None), value(guards, "drop", lambda *_, **__: None)
    )
)
def test_the_triggers_are_there_after_every_way_to_the_top(
    alembic: AlembicConfig, path: Path
) -> None:
    command.upgrade(alembic, "head")
    assert names(path, "trigger") == TRIGGERS
    command.downgrade(alembic, "base")
    command.upgrade(alembic, "head")
    assert names(path, "trigger") == TRIGGERS


@pytest.mark.requirement("R1")
def test_the_index_of_active_sessions_is_unique_and_partial(
    empty_database_file: Path,
) -> None:
    (sql,) = [
        sql
        for _, name, sql in schema(empty_database_file)
        if name == "uq_impersonations_active_impersonator"
    ]
    assert sql.startswith("CREATE UNIQUE INDEX")
    assert sql.endswith("ON impersonations (impersonator_id) WHERE ended_at IS NULL")


@pytest.mark.parametrize("start", ["base", "0002", "0004"])
@pytest.mark.requirement("F8")
def test_a_migration_that_crashes_half_way_leaves_nothing(
    alembic: AlembicConfig, path: Path, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """SQLite takes schema changes back as well; Alembic alone would not ask it to."""

    def power_cut(*_: object) -> None:
        raise RuntimeError("power cut")

    command.upgrade(alembic, start)
    before = schema(path)
    monkeypatch.setattr(op, "execute", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        command.upgrade(alembic, "head")
    assert schema(path) == before
    monkeypatch.undo()
    command.upgrade(alembic, "head")
    assert names(path, "trigger") == TRIGGERS


SESSION = """
    INSERT INTO impersonations (id, impersonator_id, target_id, account_id, reason, ticket_url,
    form_key, token_id, address, user_agent, started_at, expires_at, last_seen_at, ended_at,
    end_reason) VALUES (:id, :impersonator_id, 'mia', 'harbour', '', '', :form_key, '', '', '',
    :started_at, :expires_at, 0, :ended_at, :end_reason)
"""
SECOND = 1_000_000


def insert(db: Session, id_: str = "one", **columns: object) -> None:
    defaults: dict[str, object] = {
        "id": id_,
        "impersonator_id": ADA.id,
        "form_key": id_,
        "started_at": 0,
        "expires_at": 1200 * SECOND,
        "ended_at": None,
        "end_reason": None,
    }
    db.execute(text(SESSION), defaults | columns)


@pytest.mark.requirement("R1")
@fails_without(statement("DROP INDEX uq_impersonations_active_impersonator"))
def test_a_second_active_session_cannot_be_inserted(db: Session) -> None:
    insert(db)
    insert(db, "two", impersonator_id=CY.id)
    insert(db, "three", ended_at=5, end_reason="expired")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        insert(db, "four")


@pytest.mark.requirement("W11")
def test_a_form_key_cannot_be_used_twice(db: Session) -> None:
    insert(db, "one", form_key="form-1", ended_at=5, end_reason="expired")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        insert(db, "two", form_key="form-1")


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("seconds", [1200.000001, 1201, 0, -1])
def test_a_session_cannot_be_longer_than_twenty_minutes_or_end_first(
    db: Session, seconds: float
) -> None:
    with pytest.raises(IntegrityError, match="ck_impersonations_lifetime"):
        insert(db, expires_at=round(seconds * SECOND))


@pytest.mark.requirement("I1")
def test_a_session_cannot_be_made_longer_afterwards(db: Session) -> None:
    insert(db)
    with pytest.raises(IntegrityError, match="ck_impersonations_lifetime"):
        db.execute(text("UPDATE impersonations SET expires_at = expires_at + 1"))


@pytest.mark.parametrize(
    "half", [{"ended_at": 5, "end_reason": None}, {"ended_at": None, "end_reason": "expired"}]
)
def test_an_end_has_a_time_and_a_reason_or_neither(db: Session, half: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="ck_impersonations_end"):
        insert(db, **half)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE admins SET role = 'emperor'", "ck_admins_role"),
        ("UPDATE accounts SET status = 'sleeping'", "ck_accounts_status"),
        ("UPDATE members SET status = 'sleeping'", "ck_members_status"),
        ("UPDATE admins SET email_key = 'ada@example.com'", "admins.email_key"),
        ("UPDATE members SET account_id = 'nowhere'", "(?i)foreign key"),
        ("UPDATE members SET name = NULL", 'members.name|null value in column "name"'),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(db: Session, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        db.execute(text(statement))


def test_the_cast_came_through_the_migrated_schema(db: Session) -> None:
    assert db.get_one(Admin, ADA.id).is_superadmin


def test_what_was_there_before_can_be_searched_and_is_counted(
    alembic: AlembicConfig, path: Path
) -> None:
    command.upgrade(alembic, "0006")
    connection = sqlite3.connect(path)
    for one in BEFORE_SEARCHING:
        connection.execute(one)
    connection.commit()
    connection.close()
    command.upgrade(alembic, "head")
    database = Database(f"sqlite:///{path}")
    with database.unit_of_work(writing=False) as db:
        (mia,) = search_members(db, text="'Hara-S", cursor=None, account_id="bay").rows
        assert db.get_one(Member, mia.id).search_text == searchable(mia.name, mia.email)
        (bay,) = search_accounts(db, text="bay.", cursor=None).rows
        assert (bay.search_text, bay.member_count) == (searchable(bay.name, bay.domain), 1)
    database.dispose()


BEFORE_SEARCHING = (
    """INSERT INTO accounts (id, name, domain, plan, status, impersonation_allowed,
    impersonation_switched_off, sort_key, search_text, created_at, updated_at) VALUES
    ('bay', 'The Bay', 'bay.example', '', 'active', 1, 0, '', 'the bay bay.example', 0, 0)""",
    """INSERT INTO members (id, account_id, name, email, email_key, role, status, protected,
    sort_key, search_text, created_at, updated_at) VALUES ('mia', 'bay', 'Mia O''Hara-Smith',
    'mia_1+x@bay.example', '', '', 'active', 0, '',
    'mia o''hara-smith mia_1+x@bay.example', 0, 0)""",
)
