"""flask audit verify, against the database"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.cli import audit_verify
from app.domain import audit_archives, audit_verification, verification_events
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.audit_tree import TrailTree
from app.domain.checkpoints import Checkpoint, CheckpointKey
from app.storage import audit_chain
from app.storage.admins import Admin
from app.storage.audit_checkpoints import AuditCheckpoint, AuditTile
from app.storage.database import Database
from tests.cli.conftest import Run
from tests.conftest import NOW, on_sqlite
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.trail import events
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("L9")


@pytest.fixture
def trail(run: Run, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proven:
    """Twelve events, of which ten are signed."""
    monkeypatch.setenv("UNDERSTUDY_AUDIT_LOG_FILE", "off")
    run("keys", "create")
    trail = proven(database, key_folder=tmp_path / "keys", folder=tmp_path / "var", now=NOW)
    trail.record_at_once(10)
    run("audit", "checkpoint")
    trail.record_at_once(2)
    return trail


def key_of(trail: Proven) -> CheckpointKey:
    """The key under the name that the commands know it by."""
    key = trail.checkpoints.key.key
    return CheckpointKey(f"understudy/audit/{key.kid}", key)


@pytest.fixture
def public_key(trail: Proven) -> str:
    """The key as the site shows it."""
    return str(key_of(trail).verifier)


def tamper(database_url: str, *statements: str) -> None:
    with as_owner(database_url) as db:
        without_triggers(db)
        for statement in statements:
            db.execute(text(statement))


def without_triggers(db: Session) -> None:
    for table in ("audit_events", "audit_checkpoints", "audit_tiles"):
        for verb in ("update", "delete"):
            without_trigger(db, table, f"{table}_no_{verb}")


def recorded(trail: Proven, action: AuditAction) -> int:
    with trail.database.unit_of_work(writing=False) as db:
        return len(events(db, action))


def test_a_good_trail_is_told_in_one_line_and_recorded(run: Run, trail: Proven) -> None:
    result = run("audit", "verify")
    assert result.exit_code == 0
    assert result.stdout == (
        "Good: events 1 to 12 are as they were recorded, in agreement with 1 signed checkpoint, 1"
        " of them kept outside the database.\n"
    )
    assert recorded(trail, AuditAction.AUDIT_VERIFIED) == 1


def test_what_was_not_looked_at_is_part_of_the_verdict(run: Run, trail: Proven) -> None:
    result = run("audit", "verify", "--since-checkpoint")
    assert "Good in part: events 11 to 12" in result.stdout
    assert "Events 1 to 10, which the last checkpoint covers, were not looked at." in result.stdout
    told = json.loads(run("audit", "verify", "--since-checkpoint", "--json").stdout)
    assert told["good"]
    assert told["first"] == 11
    assert "were not looked at" in told["limits"][0]


@pytest.mark.parametrize("content", ["", "\n", None])
def test_nothing_from_outside_is_part_of_the_verdict(
    run: Run, trail: Proven, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "var" / "checkpoints.txt"
    file.unlink()
    if content is not None:
        file.write_text(content)
    result = run("audit", "verify")
    assert result.exit_code == 0
    assert "1 signed checkpoint, 0 of them kept outside the database." in result.stdout
    assert "whoever owns it may have rebuilt all of this" in result.stdout
    assert ("is not there." if content is None else "holds none.") in result.stdout
    told = json.loads(run("audit", "verify", "--json").stdout)
    assert (told["good"], told["kept"], len(told["limits"])) == (True, 0, 2)


@fails_without(
    line(
        verification_events.record,
        "record_doubt(db, verdict.finding, by=by, provenance=provenance, now=now)",
        "pass",
    )
)
def test_a_finding_is_recorded_and_ends_with_status_1(
    run: Run, trail: Proven, database_url: str
) -> None:
    tamper(database_url, "UPDATE audit_events SET outcome = 'failed' WHERE id = 7")
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout == "TAMPERED: Event 7 is not what was recorded.\n"
    assert recorded(trail, AuditAction.AUDIT_DOUBTED) == 1


def test_a_verdict_that_cannot_be_recorded_stands(
    run: Run, trail: Proven, database_url: str
) -> None:
    """The tail is cut off and its words are left: the next event does not fit in."""
    tamper(database_url, "DELETE FROM audit_events WHERE id > 8")
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout == (
        "TAMPERED: Events 9 to 10 have been cut off: a checkpoint that was signed earlier covers"
        " them.\n"
    )
    assert "This could not be recorded in the trail" in result.stderr


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit_events SET request_id = CAST(x'ff41' AS TEXT) WHERE id = 7", "Event 7 "),
        (
            "UPDATE audit_events SET action = 'audit.doubted', facts = '[1]' WHERE id = 12",
            "Event 12 ",
        ),
        (
            "UPDATE audit_events SET action = 'audit.verified', facts = x'ff' WHERE id = 12",
            "Event 12 ",
        ),
        ("UPDATE audit_events SET hash = 'abc' WHERE id = 12", "Event 12 "),
        ("UPDATE audit_checkpoints SET note = x'ff'", "No checkpoint at event 10 "),
    ],
)
@pytest.mark.parametrize("options", [[], ["--since-checkpoint"]])
def test_whatever_was_written_the_verdict_is_told(
    run: Run, trail: Proven, database_url: str, statement: str, words: str, options: list[str]
) -> None:
    tamper(database_url, statement)
    result = run("audit", "verify", *options)
    if "id = 7" not in statement or not options:
        assert f"TAMPERED: {words}" in result.stdout
        assert result.exit_code == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", "", "holds no checkpoint."),
        ("other.txt", "nothing of ours\n", "not signed by"),
        ("gone.txt", None, "does not exist"),
    ],
)
def test_a_file_that_shows_nothing_ends_with_status_2(
    run: Run, trail: Proven, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        Path(name).write_text(content)
    result = run("audit", "verify", "--checkpoint", name)
    assert result.exit_code == 2
    assert words in result.output
    assert "Good" not in result.output


def test_a_database_that_cannot_be_read_ends_with_status_2(
    run: Run, trail: Proven, database_url: str
) -> None:
    with as_owner(database_url) as db:
        db.execute(text("ALTER TABLE audit_words RENAME TO lost_words"))
    result = run("audit", "verify")
    assert result.exit_code == 2
    assert "the database cannot be used" in result.output


def test_an_auditor_needs_the_public_key_alone_and_writes_nothing(
    run: Run,
    trail: Proven,
    public_key: str,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ADMIN_URL", "PRODUCT_URL", "SECRET_KEY"):
        monkeypatch.delenv(f"UNDERSTUDY_{name}")
    kept = tmp_path / "kept-by-the-auditor.txt"
    (tmp_path / "var" / "checkpoints.txt").rename(kept)
    (tmp_path / "keys" / "checkpoint-key.pem").unlink()
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", f"sqlite:///file:{path}?mode=ro&uri=true")
    result = run("audit", "verify", "--key", public_key, "--checkpoint", str(kept))
    assert result.exit_code == 0, result.output
    assert "events 1 to 12 are as they were recorded" in result.stdout
    assert "1 of them kept outside the database" in result.stdout
    assert recorded(trail, AuditAction.AUDIT_VERIFIED) == 0


@pytest.fixture
def archived(trail: Proven, run: Run) -> Proven:
    """Three hundred events of long ago, of which the archives hold 256."""
    trail.record_at_once(288)
    run("audit", "checkpoint")
    now = datetime.now(UTC)
    with trail.database.unit_of_work(writing=True) as db:
        ada = db.get_one(Admin, "ada")
        audit_archives.order(
            db, before=now - SHORTEST_RETENTION, by=ada, provenance=OPERATOR, now=now
        )
    assert run("audit", "archive").exit_code == 0
    return trail


@on_sqlite
@pytest.mark.parametrize("error", [OverflowError("too large"), MemoryError(), OSError("gone")])
def test_what_cannot_be_followed_is_no_finding_and_no_traceback(
    run: Run, trail: Proven, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(audit_verification, "verify", fail)
    result = run("audit", "verify")
    assert result.exit_code == 2
    assert f"Error: the trail cannot be followed: {type(error).__name__}" in result.output


@pytest.mark.requirement("L12")
@fails_without(line(audit_verify._verdict, "kept = [*kept, *shown]", "pass"))
def test_archives_and_table_have_to_be_of_one_history(
    run: Run, archived: Proven, database_url: str, tmp_path: Path
) -> None:
    """Whoever has the key too can sign what they like, but the archives were signed before."""
    with as_owner(database_url) as db:
        without_triggers(db)
        db.execute(text("DELETE FROM audit_tiles"))
        db.execute(text("DELETE FROM audit_checkpoints"))
        db.add(AuditTile(height=0, position=0, hashes=bytes(256 * 32)))
        size, head = audit_chain.head(db)
        key = key_of(archived)
        forged = Checkpoint(key.name, size, TrailTree(db).root(size), head, NOW)
        db.add(AuditCheckpoint(size=size, at=NOW, note=key.sign(forged)))
    (tmp_path / "var" / "checkpoints.txt").unlink()
    assert run("audit", "verify").exit_code == 0
    result = run("audit", "verify", "--archives", "var/archives")
    assert result.exit_code == 1
    assert "TAMPERED: The trail up to event 256 is not the one that was signed" in result.stdout
