"""Migrations make the same schema on PostgreSQL, by its owner, and leave nothing when undone."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command, op
from alembic.config import Config as AlembicConfig

from app.cli.database import alembic_config
from app.postgresql_server import OWNER, Server
from app.storage.append_only import APPEND_ONLY_TABLES
from app.storage.metadata import metadata
from tests.test_migrations import REVISIONS

Schema = set[tuple[str, ...]]
SCHEMA = """
    SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes
    WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text, ''
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname, prosrc, '', '' FROM pg_proc
    WHERE proowner = 'understudy_owner'::regrole AND probin IS NULL
"""


@pytest.fixture
def url(postgresql_server: Server) -> Iterator[str]:
    name = f"migrated_{uuid.uuid4().hex}"
    postgresql_server.create_database(name)
    yield postgresql_server.url(name, OWNER)
    postgresql_server.drop_database(name)


@pytest.fixture
def alembic(url: str) -> AlembicConfig:
    return alembic_config(url)


def schema(url: str) -> Schema:
    with psycopg.connect(url) as connection:
        rows = connection.execute(SCHEMA).fetchall()
    return {row for row in rows if row[0] != "alembic_version"}


def test_the_newest_schema_is_what_the_row_classes_say(alembic: AlembicConfig, url: str) -> None:
    command.upgrade(alembic, "head")
    command.check(alembic)
    assert {row[0] for row in schema(url)} >= set(metadata.tables)


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_goes_up_down_and_up_again(
    alembic: AlembicConfig, url: str, revision: str
) -> None:
    command.upgrade(alembic, revision)
    after = schema(url)
    command.downgrade(alembic, "-1")
    assert schema(url) != after
    command.upgrade(alembic, revision)
    assert schema(url) == after


def test_going_all_the_way_down_leaves_nothing(alembic: AlembicConfig, url: str) -> None:
    command.upgrade(alembic, "head")
    command.downgrade(alembic, "base")
    assert schema(url) == set()


@pytest.mark.requirement("L5")
def test_every_guard_fires_for_whoever_it_is(alembic: AlembicConfig, url: str) -> None:
    """And there is one against TRUNCATE, which no trigger on rows sees."""
    command.upgrade(alembic, "head")
    triggers = [row for row in schema(url) if row[2].startswith("CREATE TRIGGER")]
    guards = [row for row in triggers if row[0] in APPEND_ONLY_TABLES]
    assert {row[3] for row in guards} == {"A"}
    for change in ("update", "delete", "truncate"):
        assert {row[0] for row in guards if row[1].endswith(f"no_{change}")} == APPEND_ONLY_TABLES


@pytest.mark.requirement("F8")
def test_a_migration_that_crashes_half_way_leaves_nothing(
    alembic: AlembicConfig, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(op, "execute", power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        command.upgrade(alembic, "head")
    assert schema(url) == set()
