"""On PostgreSQL the trail only grows too: by grants, by triggers, and for the owner by triggers."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.storage import audit_chain
from app.storage.database import Database
from tests.conftest import Undone
from tests.proving import Proven, proven

pytestmark = pytest.mark.parametrize("engine_name", ["postgresql"])

COLUMNS = (
    "at, action, outcome, actor_kind, 'eve', subject_id, account_id, impersonation_id,"
    " request_id, facts, words_digest"
)
COPY = f"SELECT 1, {COLUMNS}, previous_hash, hash FROM audit_events WHERE id = 1"

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

ROLE = (
    "CREATE ROLE understudy_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO understudy_app",
    (
        "REVOKE UPDATE, DELETE ON audit_events, audit_words, audit_checkpoints, audit_tiles"
        " FROM understudy_app"
    ),
)


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Iterator[Proven]:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(2)
    yield trail
    assert (trail.verify().finding, trail.verify().last) == (None, 2)


def attempt(database: Database, *statements: str) -> None:
    with database.unit_of_work(writing=True) as db:
        for statement in statements:
            db.execute(text(statement))


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_triggers_stop_even_the_owner(trail: Proven, attack: str) -> None:
    with pytest.raises(DatabaseError):
        attempt(trail.database, attack)


@pytest.mark.requirement("L5")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_triggers_stop_a_session_that_calls_itself_a_replica(
    trail: Proven, attack: str
) -> None:
    with pytest.raises(DatabaseError):
        attempt(trail.database, AS_A_REPLICA, attack)


@pytest.mark.requirement("L5")
def test_a_temporary_table_does_not_stand_in_for_the_trail(trail: Proven) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        attempt(
            trail.database, HIDE_THE_TRAIL, ARCHIVED, "DELETE FROM public.audit_events WHERE id = 1"
        )


@pytest.mark.requirement("L5")
@pytest.mark.parametrize(
    "attack",
    [
        *ATTACKS.values(),
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_events_no_update ON audit_events",
        "DROP TABLE audit_events",
        "ALTER TABLE audit_events DROP COLUMN facts",
        (
            "CREATE OR REPLACE FUNCTION audit_events_no_update() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NEW; END'"
        ),
        AS_A_REPLICA,
    ],
)
def test_the_applications_own_role_can_do_none_of_it(
    trail: Proven, as_application: str, attack: str
) -> None:
    with pytest.raises(DatabaseError):
        attempt(trail.database, as_application, attack)


@pytest.mark.requirement("L5")
def test_the_owner_can_switch_a_trigger_off(trail: Proven) -> None:
    """The twin, and the reason for the chain."""
    with trail.database.unit_of_work(writing=True) as db:
        db.execute(text("ALTER TABLE audit_events DISABLE TRIGGER ALL"))
        db.execute(text(ATTACKS["update"]))
        assert db.scalar(text("SELECT count(*) FROM audit_events WHERE actor_id = 'eve'")) == 2
        db.connection().exec_driver_sql("UPDATE audit_events SET actor_id = 'ada'")


@pytest.fixture
def as_application(trail: Proven) -> Iterator[str]:
    """Become the role that the application should have."""
    attempt(trail.database, *ROLE)
    yield "SET LOCAL ROLE understudy_app"
    attempt(trail.database, "DROP OWNED BY understudy_app", "DROP ROLE understudy_app")


@pytest.mark.requirement("L5")
def test_the_applications_own_role_can_record(trail: Proven, as_application: str) -> None:
    with suppress(Undone), trail.database.unit_of_work(writing=True) as db:
        db.execute(text(as_application))
        append(db, event(AuditAction.SIGN_IN_SUCCEEDED, now=trail.now, provenance=OPERATOR))
        audit_chain.seal(db)
        assert audit_chain.head(db)[0] == 3
        raise Undone
