"""On PostgreSQL the trail only grows too: by grants, by triggers, and for the owner by triggers."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.postgresql_server import Server
from app.storage import audit_chain, grants
from app.storage.append_only import APPEND_ONLY_TABLES
from app.storage.database import Database
from app.storage.metadata import metadata
from tests.conftest import Undone, on_postgresql
from tests.owner import owners
from tests.proving import Proven, proven
from tests.twins import by_hand, each_fails_without, fails_without, statement, together, trigger

pytestmark = on_postgresql

COLUMNS = (
    "at, action, outcome, actor_kind, 'eve', subject_id, account_id, impersonation_id,"
    " request_id, facts, words_digest"
)
COPY = f"SELECT 1, {COLUMNS}, previous_hash, hash FROM audit_events WHERE id = 1"

BY_A_TRIGGER = "append-only"
ATTACKS = {
    "update": "UPDATE audit_events SET actor_id = 'eve'",
    "delete": "DELETE FROM audit_events",
    "delete the last": "DELETE FROM audit_events WHERE id = 2",
    "truncate": "TRUNCATE audit_events",
    "upsert": f"INSERT INTO audit_events {COPY} ON CONFLICT (id) DO UPDATE SET actor_id = 'eve'",
    "fork": f"INSERT INTO audit_events SELECT 3, {COLUMNS}, previous_hash, hash"
    " FROM audit_events WHERE id = 1",
    "leave a gap": f"INSERT INTO audit_events SELECT 9, {COLUMNS}, hash, words_digest"
    " FROM audit_events WHERE id = 2",
    "update words": "UPDATE audit_words SET words = '{}'",
    "delete words": "DELETE FROM audit_words",
    "truncate words": "TRUNCATE audit_words",
    "truncate checkpoints": "TRUNCATE audit_checkpoints",
    "merge": "MERGE INTO audit_events AS e USING (SELECT 1 AS id) AS one ON e.id = one.id"
    " WHEN MATCHED THEN UPDATE SET actor_id = 'eve'",
}
AS_A_REPLICA = "SET LOCAL session_replication_role = replica"
HIDE_THE_TRAIL = "CREATE TEMP TABLE audit_events (LIKE public.audit_events)"
ARCHIVED = (
    "INSERT INTO pg_temp.audit_events SELECT 99, at, 'audit.archived', outcome, actor_kind,"
    " actor_id, subject_id, account_id, impersonation_id, request_id, '{\"last\": 50}',"
    " words_digest, previous_hash, hash FROM public.audit_events WHERE id = 1"
)


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(2)
    return trail


@pytest.fixture
def owner(trail: Proven, database_url: str) -> Iterator[Database]:
    owner = Database(owners(database_url), guarded=False)
    yield owner
    owner.dispose()


def is_untouched(trail: Proven) -> bool:
    verdict = trail.verify()
    return (verdict.finding, verdict.last) == (None, 2)


def attempt(database: Database, *statements: str) -> None:
    with database.unit_of_work(writing=True) as db:
        for statement in statements:
            db.execute(text(statement))


TRIGGERS = {
    "update": trigger("audit_events_no_update", on="audit_events"),
    "delete": trigger("audit_events_no_delete", on="audit_events"),
    "delete the last": trigger("audit_events_no_delete", on="audit_events"),
    "truncate": trigger("audit_events_no_truncate", on="audit_events"),
    "upsert": together(
        trigger("audit_events_in_order", on="audit_events"),
        trigger("audit_events_no_update", on="audit_events"),
    ),
    "fork": trigger("audit_events_in_order", on="audit_events"),
    "leave a gap": trigger("audit_events_in_order", on="audit_events"),
    "update words": trigger("audit_words_no_update", on="audit_words"),
    "delete words": trigger("audit_words_no_delete", on="audit_words"),
    "truncate words": trigger("audit_words_no_truncate", on="audit_words"),
    "truncate checkpoints": trigger("audit_checkpoints_no_truncate", on="audit_checkpoints"),
    "merge": trigger("audit_events_no_update", on="audit_events"),
}


@pytest.mark.requirement("L5")
@each_fails_without("attack", TRIGGERS, raises=(DatabaseError,))
def test_the_triggers_stop_even_the_owner(trail: Proven, owner: Database, attack: str) -> None:
    with pytest.raises(DatabaseError, match=BY_A_TRIGGER):
        attempt(owner, ATTACKS[attack])
    assert is_untouched(trail)


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_triggers_stop_a_session_that_calls_itself_a_replica(
    trail: Proven, postgresql_server: Server, attack: str
) -> None:
    """Which only a superuser can call itself."""
    name = trail.database.engine.url.database or ""
    attacks = f"BEGIN; {AS_A_REPLICA}; {attack}".encode()
    with postgresql_server.connect(name) as superuser:
        with pytest.raises(psycopg.Error, match=BY_A_TRIGGER):
            superuser.execute(attacks)
        superuser.rollback()
    assert is_untouched(trail)


@pytest.mark.requirement("L5")
@fails_without(statement("ALTER FUNCTION audit_events_no_delete() RESET search_path"))
def test_a_temporary_table_does_not_stand_in_for_the_trail(trail: Proven, owner: Database) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        attempt(owner, HIDE_THE_TRAIL, ARCHIVED, "DELETE FROM public.audit_events WHERE id = 1")
    assert is_untouched(trail)


ATTACKS_ON_THE_SCHEMA = {
    "disable triggers": "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    "disable one": "ALTER TABLE audit_events DISABLE TRIGGER audit_events_no_update",
    "drop trigger": "DROP TRIGGER audit_events_no_update ON audit_events",
    "drop table": "DROP TABLE audit_events",
    "drop another table": "DROP TABLE handoffs CASCADE",
    "drop index": "DROP INDEX ix_audit_events_action_id",
    "drop column": "ALTER TABLE audit_events DROP COLUMN facts",
    "rename": "ALTER TABLE audit_events RENAME TO old_events",
    "take over": "ALTER TABLE audit_events OWNER TO understudy",
    "replace a guard": (
        "CREATE OR REPLACE FUNCTION audit_events_no_update() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'"
    ),
    "new table": "CREATE TABLE mine (id INTEGER)",
    "new trigger": (
        "CREATE TRIGGER swallow BEFORE INSERT ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "rule": "CREATE RULE swallow AS ON INSERT TO audit_events DO INSTEAD NOTHING",
    "temporary table": HIDE_THE_TRAIL,
    "replica": AS_A_REPLICA,
    "become the owner": "SET ROLE understudy_owner",
    "another revision": "UPDATE alembic_version SET version_num = '0001'",
    "delete a session": "DELETE FROM impersonations",
}
# Adding is its right: that something is added in its place alone is for the triggers to see to.
ADDING = ("fork", "leave a gap")
BY_PRIVILEGE = ATTACKS_ON_THE_SCHEMA | {
    name: attack for name, attack in ATTACKS.items() if name not in ADDING
}
NOT_ALLOWED = r"permission denied|must be owner|must be able to SET ROLE|\(psycopg.errors.Insuff"


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("attack", BY_PRIVILEGE.values(), ids=BY_PRIVILEGE)
def test_the_applications_own_role_can_do_none_of_it(trail: Proven, attack: str) -> None:
    """By privileges: what the triggers would say is never asked."""
    with pytest.raises(DatabaseError, match="InsufficientPrivilege"):
        attempt(trail.database, attack)
    assert is_untouched(trail)


@pytest.mark.requirement("L5")
@by_hand
def test_the_owner_can_switch_a_trigger_off(owner: Database) -> None:
    """The twin, and the reason for the chain."""
    with owner.unit_of_work(writing=True) as db:
        db.execute(text("ALTER TABLE audit_events DISABLE TRIGGER ALL"))
        db.execute(text(ATTACKS["update"]))
        assert db.scalar(text("SELECT count(*) FROM audit_events WHERE actor_id = 'eve'")) == 2
        db.connection().exec_driver_sql("UPDATE audit_events SET actor_id = 'ada'")


@pytest.mark.requirement("L5")
def test_the_applications_own_role_can_record(trail: Proven) -> None:
    with suppress(Undone), trail.database.unit_of_work(writing=True) as db:
        details = {"proof": "password"}
        succeeded = AuditAction.SIGN_IN_SUCCEEDED
        append(db, event(succeeded, now=trail.now, provenance=OPERATOR, details=details))
        audit_chain.seal(db)
        assert audit_chain.head(db)[0] == 3
        raise Undone


@pytest.mark.requirement("L5")
def test_it_is_told_who_could_rewrite_the_trail(trail: Proven, owner: Database) -> None:
    with trail.database.unit_of_work(writing=False) as db:
        assert not grants.may_rewrite(db.connection())
    with owner.unit_of_work(writing=False) as db:
        assert grants.may_rewrite(db.connection())


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_the_application_adds_to_every_table_and_changes_no_history(
    trail: Proven, table: str
) -> None:
    query = text("SELECT has_table_privilege(:table, :privilege)")
    with trail.database.unit_of_work(writing=False) as db:
        may = {
            privilege: db.scalar(query, {"table": table, "privilege": privilege})
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
        }
    assert may == {
        **dict.fromkeys(may, False),
        "SELECT": True,
        "INSERT": True,
        "UPDATE": table not in APPEND_ONLY_TABLES,
        "DELETE": table in grants.PASSING_TABLES,
    }
