"""Old events leave the table for files, on record, and nothing else ever does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from app.domain import audit_archives, audit_verification, erasures
from app.domain.audit_archived import Archived
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.audit_proofs import TrailProver
from app.domain.audit_scan import Finding, Tampered
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.domain.audit_tree import TrailTree
from app.domain.errors import Conflict, Invalid
from app.storage import audit_chain, sqlite
from app.storage.admins import Admin
from app.storage.audit_archives import delete_events
from app.storage.audit_trail import AuditEvent, AuditWords
from app.storage.database import Database
from tests import trail as recorded
from tests.conftest import on_sqlite
from tests.owner import as_owner, owners, without_trigger
from tests.proving import Proven, proven
from tests.twins import fails_without, line, trigger

pytestmark = pytest.mark.requirement("L12")

TILE = 256
EVENTS = TILE + 10


@pytest.fixture
def trail(database_url: str, key_folder: Path, tmp_path: Path, now: datetime) -> Iterator[Proven]:
    """Signed events of long ago, and a few of today; the operator looks after it."""
    database = Database(owners(database_url), pruning=True)
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record_at_once(EVENTS)
    trail.now = now + 2 * SHORTEST_RETENTION
    trail.record(3)
    trail.sign()
    yield trail
    database.dispose()


def order(trail: Proven, *, older_than: timedelta = SHORTEST_RETENTION) -> int:
    with trail.database.unit_of_work(writing=True) as db:
        return audit_archives.order(
            db,
            before=trail.now - older_than,
            by=db.get_one(Admin, "ada"),
            provenance=OPERATOR,
            now=trail.now,
        )


def record_archive(trail: Proven) -> int:
    """Record that what has been ordered is in a file; return the last of it."""
    with trail.database.unit_of_work(writing=True) as db:
        export = audit_archives.prepare(db, trail=trail.checkpoints, by="a test", now=trail.now)
        audit_archives.record(
            db, export=export, file="a.zip", sha256="", provenance=OPERATOR, now=trail.now
        )
    return export.last


def prune(trail: Proven) -> int:
    with trail.database.unit_of_work(writing=True) as db:
        return audit_archives.prune(db)


def delete(trail: Proven, statement: str) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        db.execute(text(statement))


@fails_without(line(audit_archives._last_before, " - last % TILE_WIDTH"))
def test_what_is_older_goes_by_whole_tiles(trail: Proven) -> None:
    assert order(trail) == TILE
    with trail.database.unit_of_work(writing=False) as db:
        ordered = recorded.only(db, AuditAction.AUDIT_ARCHIVE_ORDERED)
    assert (ordered.actor_id, ordered.details) == ("ada", {"last": TILE})


def test_the_trail_verifies_from_where_the_archive_ends(trail: Proven) -> None:
    order(trail)
    record_archive(trail)
    assert prune(trail) == TILE
    assert prune(trail) == 0
    verdict = trail.verify()
    assert (verdict.finding, verdict.first) == (None, TILE + 1)
    trail.record(300)
    trail.sign()
    assert trail.verify().finding is None


@fails_without(line(audit_verification._begin, "compare_with_tree(tree, checkpoint)"))
def test_an_older_checkpoint_still_shows_a_rewritten_past(trail: Proven) -> None:
    """The tiles stay, so that whoever kept one can compare it."""
    with trail.database.unit_of_work(writing=False) as db:
        (event,) = audit_chain.stored_events(db, after=199, last=200)
        root = TrailTree(db).root(200)
    order(trail)
    record_archive(trail)
    prune(trail)
    (kept,) = trail.kept
    true = replace(kept, size=200, root=root, head=event.hash)
    assert trail.verify(kept=[true]).kept == 1
    for forged in (replace(true, root=bytes(32)), replace(true, head=bytes(32))):
        assert trail.verify(kept=[forged]).finding == Finding("rewritten", 1, 200)


def test_an_event_that_left_can_still_be_proved_from_its_file(trail: Proven) -> None:
    order(trail)
    with trail.database.unit_of_work(writing=False) as db:
        (event,) = audit_chain.stored_events(db, after=6, last=7)
    record_archive(trail)
    prune(trail)
    with trail.database.unit_of_work(writing=False) as db:
        assert TrailProver.of(db, trail.kept[-1]).prove(event)


def record_falsely(trail: Proven, action: AuditAction, **facts: Any) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        append(
            db,
            event(
                action,
                now=trail.now,
                provenance=OPERATOR,
                details={"first": 1, "file": "a.zip", "sha256": ""} | facts,
            ),
        )


@fails_without(line(Archived.last, " if ordered.get(last, done) < done"))
def test_an_archive_that_nobody_ordered_excuses_nothing(trail: Proven) -> None:
    """Its record is in the chain like any other, and the database lets the events go."""
    record_falsely(trail, AuditAction.AUDIT_ARCHIVED, last=TILE)
    delete(trail, f"DELETE FROM audit_words WHERE event_id <= {TILE}")
    delete(trail, f"DELETE FROM audit_events WHERE id <= {TILE}")
    assert trail.verify().finding == Finding("missing", 1, TILE)


@fails_without(line(Archived.last, " if ordered.get(last, done) < done"))
def test_an_archive_of_more_than_was_ordered_excuses_nothing(trail: Proven) -> None:
    order(trail)
    record_falsely(trail, AuditAction.AUDIT_ARCHIVED, last=TILE + 3)
    delete(trail, f"DELETE FROM audit_words WHERE event_id <= {TILE}")
    delete(trail, f"DELETE FROM audit_events WHERE id <= {TILE}")
    assert trail.verify().finding == Finding("missing", 1, TILE)


@fails_without(line(audit_verification._begin, "0, first - 1)", "0, archived(db))"))
def test_what_an_archive_holds_is_verified_for_as_long_as_it_is_in_the_table(
    trail: Proven, database_url: str
) -> None:
    order(trail)
    record_archive(trail)
    with as_owner(database_url) as db:
        delete_events(db, last=TILE, at_most=100)
    verdict = trail.verify()
    assert (verdict.finding, verdict.first) == (None, 101)
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text("UPDATE audit_events SET outcome = 'failed' WHERE id = 120"))
    assert trail.verify().finding == Finding("changed", 120, 120)


@fails_without(line(audit_verification._check_ends, "if following.furthest < before", "if False"))
def test_what_is_left_of_a_forgotten_archive_needs_a_checkpoint(
    trail: Proven, database_url: str
) -> None:
    """What came before the first event is only known from what was signed."""
    order(trail)
    record_archive(trail)
    prune(trail)
    with as_owner(database_url) as db:
        without_trigger(db, "audit_checkpoints", "audit_checkpoints_no_delete")
        db.execute(text("DELETE FROM audit_checkpoints"))
    assert trail.verify(kept=[]).finding == Finding("bad_checkpoint", TILE, TILE)
    assert trail.verify().finding is None


@fails_without(line(audit_archives.order, "if before > now - SHORTEST_RETENTION", "if False"))
@pytest.mark.parametrize("older_than", [timedelta(0), SHORTEST_RETENTION - timedelta(seconds=1)])
def test_young_events_stay(trail: Proven, older_than: timedelta) -> None:
    with pytest.raises(Invalid, match="90 days"):
        order(trail, older_than=older_than)


@fails_without(
    line(audit_archives.order, "if waiting(db)", "if False"),
    line(audit_archives.order, "if last <= archived(db)", "if False"),
)
def test_nothing_is_ordered_twice(trail: Proven) -> None:
    order(trail)
    with pytest.raises(Conflict, match="waiting"):
        order(trail)
    record_archive(trail)
    with pytest.raises(Conflict, match="Nothing that old"):
        order(trail)


@fails_without(line(audit_archives.prepare, "if not last", "if False"), raises=(Tampered,))
def test_nothing_is_archived_that_nobody_ordered(trail: Proven) -> None:
    with pytest.raises(Conflict, match="superadmin"):
        record_archive(trail)


@fails_without(
    trigger("audit_words_no_delete", on="audit_words"),
    trigger("audit_events_no_delete", on="audit_events"),
)
@pytest.mark.parametrize("last", [1, TILE])
def test_nothing_leaves_that_no_recorded_archive_holds(trail: Proven, last: int) -> None:
    """Not even for the operator: the database itself refuses."""
    order(trail)
    for table, number in (("audit_words", "event_id"), ("audit_events", "id")):
        with pytest.raises(DatabaseError, match="append-only"):
            delete(trail, f"DELETE FROM {table} WHERE {number} = {last}")
    assert prune(trail) == 0


@fails_without(trigger("audit_events_no_delete", on="audit_events"))
def test_nothing_leaves_that_is_younger_than_the_archive(trail: Proven) -> None:
    order(trail)
    record_archive(trail)
    with pytest.raises(DatabaseError, match="append-only"):
        delete(trail, f"DELETE FROM audit_events WHERE id = {TILE + 1}")


# On PostgreSQL its role has no such right: test_audit_trail_on_postgresql.py.
@fails_without(line(sqlite._authorise, " or changes_history"))
@on_sqlite
def test_the_application_itself_deletes_nothing(trail: Proven, database: Database) -> None:
    order(trail)
    record_archive(trail)
    with (
        pytest.raises(DatabaseError, match="not authorized"),
        database.unit_of_work(writing=True) as db,
    ):
        audit_archives.prune(db)


def erase(trail: Proven, person_id: str) -> int:
    with trail.database.unit_of_work(writing=True) as db:
        erasures.record(db, person_id, provenance=OPERATOR, now=trail.now)
    with trail.database.unit_of_work(writing=True) as db:
        return erasures.carry_out(db, person_id).events


def words_left(trail: Proven) -> int:
    with trail.database.unit_of_work(writing=False) as db:
        return db.scalar(select(func.count(AuditWords.event_id))) or 0


def test_erased_words_leave_the_chain_verifiable(trail: Proven) -> None:
    assert erase(trail, "mia") == EVENTS + 3
    verdict = trail.verify()
    assert (verdict.finding, verdict.erased) == (None, EVENTS + 3)
    assert words_left(trail) == 1  # those of the erasure itself
    with trail.database.unit_of_work(writing=False) as db:
        event = db.get_one(AuditEvent, 1)
    assert (event.subject_id, event.subject_name, event.reason) == ("mia", "(erased)", None)


@fails_without(trigger("audit_words_no_delete", on="audit_words"))
def test_words_that_are_gone_without_a_record_are_found(trail: Proven) -> None:
    erase(trail, "mia")
    with trail.database.unit_of_work(writing=True) as db:
        person = recorded.events(db, AuditAction.AUDIT_WORDS_ERASED)[0].details["person_id"]
    assert person == "mia"
    trail.record(1)
    with pytest.raises(DatabaseError, match="append-only"):
        delete(trail, f"DELETE FROM audit_words WHERE event_id > {EVENTS + 3}")


@fails_without(
    line(erasures.record, "if not count and not count_session_words(db, person_id)", "if False")
)
def test_nobodys_words_are_erased_twice(trail: Proven) -> None:
    erase(trail, "ada")
    with pytest.raises(Conflict):
        erase(trail, "ada")


def test_an_erasure_that_was_stopped_is_carried_out_later(trail: Proven) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        erasures.record(db, "mia", provenance=OPERATOR, now=trail.now)
    assert trail.verify().finding is None
    with trail.database.unit_of_work(writing=True) as db:
        assert erasures.carry_out(db, "mia").events == EVENTS + 3
    assert trail.verify().finding is None
