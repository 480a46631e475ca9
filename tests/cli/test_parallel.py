"""A long trail is followed on every core, and all of them see the same."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.cli.parallel import follow_in_processes
from app.domain import audit_archives, audit_following, audit_verification, erasures
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.audit_scan import Finding, Run
from app.domain.audit_trail import OPERATOR
from app.domain.audit_verification import Verdict
from app.storage.admins import Admin
from app.storage.database import Database
from tests.conftest import on_sqlite
from tests.owner import as_owner, owners, without_trigger
from tests.proving import Proven, proven

EVENTS = 300
RESTORE = """
    UPDATE audit_events SET action = was.action, facts = was.facts
    FROM true_events AS was WHERE was.id = audit_events.id
"""


@pytest.fixture
def trail(
    database_url: str,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Proven]:
    """Signed events of long ago, in five runs; the operator looks after it."""
    monkeypatch.setattr(audit_following, "RUN", 64)
    database = Database(owners(database_url), pruning=True)
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record_at_once(EVENTS)
    trail.now = now + 2 * SHORTEST_RETENTION
    trail.sign()
    yield trail
    database.dispose()


def verify(trail: Proven, url: str, meanwhile: Callable[[], object] = lambda: None) -> Verdict:
    """Verify in several processes; something happens once it has begun."""

    def follow(db: Session, sizes: frozenset[int], after: int, last: int) -> Iterable[Run]:
        meanwhile()
        return follow_in_processes(url, db, sizes, after, last)

    database = Database(url)
    with database.unit_of_work(writing=False) as db:
        key = trail.checkpoints.key.verifier
        verdict = audit_verification.verify(db, key=key, kept=trail.kept, follow=follow)
    database.dispose()
    return verdict


def test_several_processes_find_what_one_finds(trail: Proven, database_url: str) -> None:
    assert verify(trail, database_url) == trail.verify()
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text("UPDATE audit_events SET outcome = 'failed' WHERE id = 200"))
    assert verify(trail, database_url).finding == Finding("changed", 200, 200)


@pytest.mark.requirement("L12")
def test_archiving_meanwhile_is_no_false_alarm(trail: Proven, database_url: str) -> None:
    def archive() -> None:
        with trail.database.unit_of_work(writing=True) as db:
            before, ada = trail.now - SHORTEST_RETENTION, db.get_one(Admin, "ada")
            audit_archives.order(db, before=before, by=ada, provenance=OPERATOR, now=trail.now)
        with trail.database.unit_of_work(writing=True) as db:
            export = audit_archives.prepare(db, trail=trail.checkpoints, by="me", now=trail.now)
            audit_archives.record(
                db, export=export, file="a.zip", sha256="", provenance=OPERATOR, now=trail.now
            )
        with trail.database.unit_of_work(writing=True) as db:
            assert audit_archives.prune(db) == 256

    verdict = verify(trail, database_url, archive)
    assert (verdict.finding, verdict.first, verdict.last) == (None, 1, EVENTS)
    assert verify(trail, database_url).first == 257


@pytest.mark.requirement("L12")
def test_erasing_meanwhile_is_no_false_alarm(trail: Proven, database_url: str) -> None:
    def erase() -> None:
        with trail.database.unit_of_work(writing=True) as db:
            erasures.record(db, "mia", provenance=OPERATOR, now=trail.now)
        with trail.database.unit_of_work(writing=True) as db:
            erasures.carry_out(db, "mia")

    verdict = verify(trail, database_url, erase)
    assert (verdict.finding, verdict.erased) == (None, 0)
    assert verify(trail, database_url).erased == EVENTS


@on_sqlite
@pytest.mark.requirement("L12")
def test_a_record_that_is_only_there_for_a_moment_excuses_nothing(
    trail: Proven, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process sees the database as it finds it, so none must believe what another saw."""
    with as_owner(database_url) as db:
        for verb in ("update", "delete"):
            without_trigger(db, "audit_events", f"audit_events_no_{verb}")
        copy = "CREATE TABLE true_events AS SELECT * FROM audit_events WHERE id IN (290, 291)"
        for statement in (copy, "DELETE FROM audit_events WHERE id <= 256"):
            db.execute(text(statement))
        fake = text("UPDATE audit_events SET action = :action, facts = :facts WHERE id = :id")
        for id_, action in ((290, "audit.archive_ordered"), (291, "audit.archived")):
            db.execute(fake, {"action": action, "facts": '{"last": 256}', "id": id_})

    def restore() -> None:
        with as_owner(database_url) as db:
            db.execute(text(RESTORE))

    monkeypatch.setattr(audit_following, "RUN", 16)
    finding = verify(trail, database_url, restore).finding
    # Whoever follows these: this process, from what it saw first, or another, from what is there.
    assert finding in (Finding("changed", 290, 290), Finding("missing", 1, 256))
