"""Every way to alter history that we know of, and what catches it.

The attacker owns the database: the triggers are off. What the triggers stop is shown in
tests/storage/test_audit_trail.py.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from app.domain import audit_following, audit_verification
from app.domain.audit_following import Following
from app.domain.audit_scan import Finding, Run, Tampered
from app.domain.audit_tree import MissingEvents
from app.domain.audit_verification import _begin, _check_ends, _known, checkpoint_in, verify
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import VerifierKey
from app.storage import audit_chain
from app.storage.audit_chain import HASHED_FIELDS, NotRecorded, StoredEvent, event_hash
from app.storage.database import Database
from tests.conftest import on_sqlite
from tests.owner import as_owner, owners
from tests.proving import Proven, proven
from tests.twins import by_hand, each_fails_without, fails_without, line, together, trigger

EVENTS = 12
SIGNED = (5, 10)
TABLES = ("audit_events", "audit_words", "audit_checkpoints", "audit_tiles")

Attack = Callable[[Session], object]


COPY_ALL = "INSERT INTO {0} SELECT * FROM {0}"


class Owner:
    """Whoever owns the database: every trigger is off."""

    def __init__(self, url: str) -> None:
        self.database = Database(owners(url), guarded=False)
        sqlite = self.database.engine.dialect.name == "sqlite"
        with self.database.unit_of_work(writing=True) as db:
            if sqlite:
                names = db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                statements = [f"DROP TRIGGER {name}" for name in names.all()]
            else:
                statements = [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES]
            for statement in statements:
                db.execute(text(statement))

    def does(self, attack: Attack) -> None:
        """Carry the attack out."""
        with self.database.unit_of_work(writing=True) as db:
            attack(db)


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Twelve events; after the fifth and the tenth a checkpoint was signed."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    for size in SIGNED:
        trail.record(size - (SIGNED[0] if size > SIGNED[0] else 0))
        trail.sign()
    trail.record(EVENTS - SIGNED[-1])
    return trail


@pytest.fixture
def owner(trail: Proven, database_url: str) -> Iterator[Owner]:
    owner = Owner(database_url)
    yield owner
    owner.database.dispose()


def sql(*statements: str) -> Attack:
    """Run these; `:zeros` and `:bytes` are 32 bytes."""
    values = {"zeros": bytes(32), "bytes": bytes(range(32))}

    def attack(db: Session) -> None:
        for statement in statements:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            db.execute(text(statement), used)

    return attack


def swap(db: Session) -> None:
    for table, name in (("audit_events", "id"), ("audit_words", "event_id")):
        for old, new in ((3, 99), (4, 3), (99, 4)):
            db.execute(text(f"UPDATE {table} SET {name} = {new} WHERE {name} = {old}"))


def forge(db: Session, *, first: int, forget: bool = False, cut_before: int = 0) -> None:
    """Another person did it, from that event on, and every hash is worked out anew.

    The chain begins anew with event `cut_before`.
    """
    if forget:
        db.execute(text("DELETE FROM audit_checkpoints"))
    head, events = audit_chain.GENESIS, list(audit_chain.stored_events(db, after=0, last=EVENTS))
    # Two events must not follow the same one, not even for a moment.
    db.execute(text("UPDATE audit_events SET previous_hash = words_digest"))
    for event in events:
        forged = event._replace(actor_id="eve") if event.id >= first else event
        head = bytes(range(32)) if event.id == cut_before else head
        digest = event.words_digest
        hash_ = event_hash(forged.hashed_fields, words_digest=digest, previous_hash=head)
        row = {"id": event.id, "actor_id": forged.actor_id, "before": head, "hash": hash_}
        db.execute(text(FORGE), row)
        head = hash_


FORGE = """
    UPDATE audit_events SET actor_id = :actor_id, previous_hash = :before, hash = :hash
    WHERE id = :id
"""


def insert_between(db: Session) -> None:
    """A thirteenth event in the fifth place; those behind it move up."""
    for table, name in (("audit_events", "id"), ("audit_words", "event_id")):
        db.execute(text(f"UPDATE {table} SET {name} = {name} + 1000 WHERE {name} >= 5"))
        db.execute(text(f"UPDATE {table} SET {name} = {name} - 999 WHERE {name} >= 1000"))
    others = ", ".join(StoredEvent._fields[1:-4])
    insert = f"""
        INSERT INTO audit_events (id, {others}, previous_hash, hash)
        SELECT 5, {others}, :bytes, hash FROM audit_events WHERE id = 4
    """
    words = "INSERT INTO audit_words SELECT 5, salt, words, folded FROM audit_words"
    sql(insert, f"{words} WHERE event_id = 4")(db)


def insert(number: str, *, keyless: str = "") -> Attack:
    """One more event with that number, words and all, like event 7 but for its hashes.

    `keyless` is the type of the numbers in a table that was rebuilt without constraints.
    """
    others = ", ".join(StoredEvent._fields[1:-4])

    def attack(db: Session) -> None:
        _allow_any_number(db, keyless)
        sql(
            f"INSERT INTO audit_events (id, {others}, previous_hash, hash)"
            f" SELECT {number}, {others}, :bytes, :zeros FROM audit_events WHERE id = 7"
        )(db)
        if not keyless:
            sql(
                f"INSERT INTO audit_words SELECT {number}, salt, words, folded FROM audit_words"
                " WHERE event_id = 7"
            )(db)

    return attack


def _allow_any_number(db: Session, keyless: str) -> None:
    if db.get_bind().dialect.name == "postgresql":
        sql("ALTER TABLE audit_events DROP CONSTRAINT ck_audit_events_id")(db)
        if keyless:
            sql(
                "ALTER TABLE audit_events DROP CONSTRAINT pk_audit_events",
                "ALTER TABLE audit_events ALTER COLUMN id DROP NOT NULL",
                f"ALTER TABLE audit_events ALTER COLUMN id TYPE {keyless}",
            )(db)
        return
    sql("PRAGMA ignore_check_constraints = ON")(db)
    if keyless:
        names = ", ".join(StoredEvent._fields[1:-2])
        sql(
            f"CREATE TABLE rebuilt (id, {names})",
            f"INSERT INTO rebuilt SELECT id, {names} FROM audit_events",
            "DROP TABLE audit_events",
            "ALTER TABLE rebuilt RENAME TO audit_events",
        )(db)


def cut(*tables: str) -> Attack:
    numbers = {"audit_events": "id", "audit_words": "event_id", "audit_checkpoints": "size"}
    return sql(*(f"DELETE FROM {table} WHERE {numbers[table]} > 8" for table in tables))


# What was done, what is found, and at which events.
ATTACKS: dict[str, tuple[Attack, Finding]] = {
    **{
        f"change {name}": (
            sql(f"UPDATE audit_events SET {name} = '7' WHERE id = 7"),
            Finding("changed", 7, 7),
        )
        for name in HASHED_FIELDS[1:]
    },
    "change a digest": (
        sql("UPDATE audit_events SET words_digest = :zeros WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "change a hash": (
        sql("UPDATE audit_events SET hash = :zeros WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "change a link": (
        sql("UPDATE audit_events SET previous_hash = :bytes WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "take an empty text for none": (
        sql("UPDATE audit_events SET impersonation_id = '' WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "write in another alphabet": (
        sql("UPDATE audit_events SET actor_id = 'аda' WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "move the border of two fields": (
        sql("UPDATE audit_events SET action = action || outcome, outcome = '' WHERE id = 7"),
        Finding("changed", 7, 7),
    ),
    "change words": (
        sql("UPDATE audit_words SET words = replace(words, 'broken', 'fine') WHERE event_id = 7"),
        Finding("words_changed", 7, 7),
    ),
    "change a salt": (
        sql("UPDATE audit_words SET salt = :bytes WHERE event_id = 7"),
        Finding("words_changed", 7, 7),
    ),
    "take words away": (
        sql("DELETE FROM audit_words WHERE event_id = 7"),
        Finding("words_missing", 7, 7),
    ),
    "delete one": (sql("DELETE FROM audit_events WHERE id = 7"), Finding("missing", 7, 7)),
    "delete several": (
        sql("DELETE FROM audit_events WHERE id IN (6, 7, 8)"),
        Finding("missing", 6, 8),
    ),
    "delete the first": (sql("DELETE FROM audit_events WHERE id = 1"), Finding("missing", 1, 1)),
    "delete and close the gap": (
        sql(
            "DELETE FROM audit_events WHERE id = 7",
            "DELETE FROM audit_words WHERE event_id = 7",
            "UPDATE audit_events SET id = id - 1 WHERE id > 7",
            "UPDATE audit_words SET event_id = event_id - 1 WHERE event_id > 7",
        ),
        Finding("changed", 7, 7),
    ),
    "swap two": (swap, Finding("changed", 3, 3)),
    "insert one": (insert_between, Finding("changed", 5, 5)),
    **{
        f"insert one as number {number}": (insert(number), Finding("stray", 1, 1))
        for number in ("0", "-5", str(-(2**63)))
    },
    **{
        f"insert one as number {number}": (insert(number), Finding("missing", 13, int(number) - 1))
        for number in (str(10**12), str(2**63 - 1))
    },
    "insert one without a number": (insert("NULL", keyless="bigint"), Finding("stray", 1, 1)),
    "insert one without a number, delete another": (
        lambda db: (
            insert("NULL", keyless="bigint")(db),
            sql("DELETE FROM audit_events WHERE id = 9")(db),
        ),
        Finding("missing", 9, 9),
    ),
    "insert one between two": (insert("4.5", keyless="numeric"), Finding("out_of_place", 4, 4)),
    "insert one after the last": (insert("12.5", keyless="numeric"), Finding("stray", 1, 1)),
    "insert one twice": (insert("8", keyless="bigint"), Finding("out_of_place", 8, 8)),
    "cut the tail": (cut("audit_events", "audit_words"), Finding("cut_off", 9, 10)),
    "cut the tail and its checkpoint": (
        cut("audit_events", "audit_words", "audit_checkpoints"),
        Finding("cut_off", 9, 10),
    ),
    "empty the trail": (
        sql(*(f"DELETE FROM {table}" for table in TABLES)),
        Finding("cut_off", 1, 10),
    ),
    "rebuild the chain": (lambda db: forge(db, first=7), Finding("rewritten", 6, 10)),
    "rebuild it from the start": (lambda db: forge(db, first=1), Finding("rewritten", 1, 5)),
    "rebuild it without its checkpoints": (
        lambda db: forge(db, first=2, forget=True),
        Finding("rewritten", 1, 5),
    ),
    "forge a checkpoint": (
        sql("UPDATE audit_checkpoints SET note = replace(note, 'head ', 'head 0') WHERE size = 5"),
        Finding("bad_checkpoint", 5, 5),
    ),
    "sign at another time": (
        sql("UPDATE audit_checkpoints SET note = replace(note, 'time 2', 'time 1') WHERE size = 5"),
        Finding("bad_checkpoint", 5, 5),
    ),
    "move a checkpoint": (
        sql("UPDATE audit_checkpoints SET size = 4 WHERE size = 5"),
        Finding("bad_checkpoint", 4, 4),
    ),
    "write something else for a checkpoint": (
        sql("UPDATE audit_checkpoints SET note = '5' WHERE size = 5"),
        Finding("bad_checkpoint", 5, 5),
    ),
    # Whatever a record of an archive or an erasure says, it excuses nothing that is there, and
    # nothing before it has been verified itself.
    **{
        f"call an event an archive, with {what} for facts": (
            sql(
                f"UPDATE audit_events SET action = 'audit.archived', facts = '{facts}' WHERE id = 7"
            ),
            Finding("changed", 7, 7),
        )
        for what, facts in {
            "good facts": '{"file":"x","first": 1,"last": 10,"sha256":""}',
            "other facts": '{"why":"member_protected"}',
            "a list": "[1]",
            "no JSON": "garbage",
            "too much of it": "[" * 5000,
        }.items()
    },
    "call an event an archive, and change others": (
        sql(
            """UPDATE audit_events SET action = 'audit.archived',
            facts = '{"file":"x","first": 1,"last": 10,"sha256":""}' WHERE id = 12""",
            "UPDATE audit_events SET actor_id = 'eve' WHERE id = 2",
        ),
        Finding("changed", 2, 2),
    ),
    "call an event an archive, and delete others": (
        sql(
            """UPDATE audit_events SET action = 'audit.archived',
            facts = '{"file":"x","first": 1,"last": 5,"sha256":""}' WHERE id = 12""",
            "DELETE FROM audit_events WHERE id <= 5",
        ),
        Finding("missing", 1, 5),
    ),
    "call an event an erasure": (
        sql(
            """UPDATE audit_events SET action = 'audit.words_erased',
            facts = '{"events": 1,"person_id":"mia"}' WHERE id = 12""",
            "DELETE FROM audit_words WHERE event_id = 7",
        ),
        Finding("changed", 12, 12),
    ),
}

# SQLite keeps any bytes for a text, and any text for a number; its driver and ours do not.
ATTACKS_ON_SQLITE: dict[str, tuple[Attack, Finding]] = {
    **{
        f"insert one with {number} for a number": (
            insert(number, keyless="any"),
            Finding("stray", 1, 1),
        )
        for number in ("'x'", "''", "'7'", "x'ff41'", "CAST(x'ff41' AS TEXT)", "1e300", "-0.5")
    },
    "write words that are no UTF-8": (
        sql("UPDATE audit_words SET words = CAST(x'ff41' AS TEXT) WHERE event_id = 7"),
        Finding("words_changed", 7, 7),
    ),
    **{
        f"write {name} that is no UTF-8": (
            sql(f"UPDATE audit_events SET {name} = CAST(x'ff41' AS TEXT) WHERE id = 7"),
            Finding("changed", 7, 7),
        )
        for name in ("action", "facts", "request_id", "hash", "previous_hash", "words_digest")
    },
    "write a last hash that is no bytes": (
        sql("UPDATE audit_events SET hash = 'abc' WHERE id = 12"),
        Finding("changed", 12, 12),
    ),
    "write a note that is no UTF-8": (
        sql("UPDATE audit_checkpoints SET note = CAST(x'ff41' AS TEXT) WHERE size = 5"),
        Finding("bad_checkpoint", 5, 5),
    ),
    "write a note that is no text": (
        sql("UPDATE audit_checkpoints SET note = x'ff41' WHERE size = 5"),
        Finding("bad_checkpoint", 5, 5),
    ),
}


@pytest.mark.requirement("L7", "L8")
def test_an_untouched_trail_is_good(trail: Proven, owner: Owner) -> None:
    verdict = trail.verify()
    assert (verdict.finding, verdict.first, verdict.last) == (None, 1, EVENTS)
    assert verdict.checkpoints == len(SIGNED)


# What finds each of these, where nothing else does.
GUARDS = {
    "change action": together(
        line(Run._is_next, "event_hash(event[HASHED], digest, previous) == hash_", "True"),
        line(Run._changed, "if event_hash(", "if False and event_hash("),
    ),
    "change words": together(
        line(Run._is_next, "words_digest(salt, words) == digest", "True"),
        line(Run._changed, " or not _are(words, salt, digest)"),
    ),
    "take words away": line(verify, "explain(following.erased)", "pass"),
    "delete several": line(verify, "if gap:", "if False:"),
    "insert one as number 0": line(verify, "if rows > last - first + 1 or", "if False and"),
    "insert one without a number": line(verify, "if rows > last - first + 1 or", "if False and"),
    "cut the tail": line(_check_ends, "if furthest > last", "if False"),
    "rebuild the chain": line(
        Following._compare, "if (checkpoint.head, checkpoint.root) != (head, root)", "if False"
    ),
    "sign at another time": line(VerifierKey.has_signed, "self.public.verify", "(lambda *_: None)"),
    "move a checkpoint": line(checkpoint_in, "if checkpoint.size != size", "if False"),
}


@pytest.mark.requirement("L7", "L8")
@pytest.mark.failure("X27")
@each_fails_without("name", GUARDS)
def test_each_attack_is_found_by_a_guard_of_its_own(trail: Proven, owner: Owner, name: str) -> None:
    attack, finding = ATTACKS[name]
    owner.does(attack)
    assert trail.verify().finding == finding


OTHERS = {name: attack for name, attack in ATTACKS.items() if name not in GUARDS}


@pytest.mark.requirement("L7", "L8")
@pytest.mark.parametrize(("attack", "finding"), OTHERS.values(), ids=OTHERS)
@pytest.mark.failure("X27")
def test_each_attack_is_found_and_located(
    trail: Proven, owner: Owner, attack: Attack, finding: Finding
) -> None:
    owner.does(attack)
    assert trail.verify().finding == finding


@on_sqlite
@pytest.mark.requirement("L7", "L8")
@pytest.mark.parametrize(("attack", "finding"), ATTACKS_ON_SQLITE.values(), ids=ATTACKS_ON_SQLITE)
def test_what_only_sqlite_takes_is_found_and_located(
    trail: Proven, owner: Owner, attack: Attack, finding: Finding
) -> None:
    owner.does(attack)
    assert trail.verify().finding == finding


@on_sqlite
def test_the_time_beside_a_checkpoint_is_covered_by_nothing_and_believed_by_nobody(
    trail: Proven, owner: Owner
) -> None:
    """The note has it too, and that is signed."""
    owner.does(sql("UPDATE audit_checkpoints SET at = 'abc'"))
    assert trail.verify().finding is None
    assert trail.sign().size == EVENTS


NO_STRAYS = line(
    audit_verification.verify,
    "if rows > last - first + 1 or audit_extent.has_row_without_number(db)",
    "if False",
)


@pytest.mark.requirement("L7", "L9")
@each_fails_without("number", {"0": NO_STRAYS, "NULL": NO_STRAYS, str(10**12): None})
def test_what_was_inserted_is_found_also_when_going_on_from_a_checkpoint(
    trail: Proven, owner: Owner, number: str
) -> None:
    owner.does(insert(number, keyless="bigint" if number == "NULL" else ""))
    assert trail.verify(since=trail.kept[-1]).finding == trail.verify().finding is not None


@pytest.mark.requirement("L3", "L7")
@fails_without(
    line(audit_chain.seal, "if size > LAST_NUMBER - len(waiting)", "if False"),
    raises=(
        OverflowError,
        DatabaseError,
    ),
)
def test_after_the_last_number_there_is_nothing_can_be_recorded(
    trail: Proven, owner: Owner
) -> None:
    owner.does(insert(str(2**63 - 1)))
    with pytest.raises(NotRecorded):
        trail.record(1)


@pytest.mark.requirement("L7")
@fails_without(NO_STRAYS)
def test_a_row_in_a_table_that_is_otherwise_empty_is_found(trail: Proven, owner: Owner) -> None:
    """An empty table and one of number 0 are not the same."""
    owner.does(insert("0"))
    owner.does(sql("DELETE FROM audit_events WHERE id > 0", "DELETE FROM audit_checkpoints"))
    assert trail.verify(kept=[]).finding == Finding("stray", 1, 1)


@pytest.mark.requirement("L8")
@fails_without(
    line(audit_following.agreed, "if (other.root, other.head) != (one.root, one.head)", "if False")
)
def test_two_histories_of_one_size_are_a_finding_whoever_keeps_them(trail: Proven) -> None:
    """Only who has the key can sign two, so the one that fits must not hide the other."""
    told_otherwise = replace(trail.kept[1], root=bytes(32))
    for kept in ([told_otherwise], [*trail.kept, told_otherwise], [told_otherwise, *trail.kept]):
        assert trail.verify(kept=kept).finding == Finding("split", 6, 10)
    other_head = replace(trail.kept[1], head=bytes(32))
    assert trail.verify(kept=[other_head]).finding == Finding("split", 6, 10)


@pytest.mark.requirement("L8")
@fails_without(
    together(
        line(_begin, "if start > last", "if False"),
        line(_check_ends, "if furthest > last", "if False"),
    )
)
def test_a_cut_tail_is_seen_by_the_checkpoint_that_verifying_goes_on_from(
    trail: Proven, owner: Owner
) -> None:
    since = trail.kept[-1]
    owner.does(cut("audit_events", "audit_words"))
    assert trail.verify(since=since, kept=[]).finding == Finding("cut_off", 9, 10)


@pytest.mark.requirement("L7")
@fails_without(line(Following.join, "if None not in (self.head, run.before) and", "if False and"))
def test_a_chain_that_begins_anew_where_two_runs_meet_is_found(
    trail: Proven, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the two runs sees it: only who joins them."""
    monkeypatch.setattr(audit_following, "RUN", 6)
    owner.does(lambda db: forge(db, first=7, forget=True, cut_before=7))
    assert trail.verify(kept=[]).finding == Finding("out_of_place", 7, 7)


@pytest.mark.requirement("L8")
def test_a_verdict_says_what_it_was_compared_with(trail: Proven) -> None:
    verdict = trail.verify()
    assert (verdict.checkpoints, verdict.kept, verdict.furthest_kept) == (2, 2, 10)
    verdict = trail.verify(kept=trail.kept[:1])
    assert (verdict.checkpoints, verdict.kept, verdict.furthest_kept) == (2, 1, 5)
    assert (trail.verify(kept=[]).checkpoints, trail.verify(kept=[]).kept) == (2, 0)


@pytest.mark.requirement("L8")
@pytest.mark.parametrize("name", ["empty the trail", "rebuild it without its checkpoints"])
@pytest.mark.failure("X27")
@by_hand
def test_only_what_lies_elsewhere_shows_what_its_owner_has_rebuilt(
    trail: Proven, owner: Owner, name: str
) -> None:
    """Without the checkpoints from outside the same attack is not seen."""
    owner.does(ATTACKS[name][0])
    assert trail.verify(kept=[]).finding is None


@pytest.mark.requirement("L8", "F10")
@fails_without(line(_check_ends, "if furthest > last", "if False"))
def test_a_database_of_yesterday_is_found_out(
    trail: Proven, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with copied(trail.database, tmp_path, request) as yesterday:
        trail.record(3)
        trail.sign()
        old = proven_again(trail, yesterday)
        assert old.verify().finding == Finding("cut_off", EVENTS + 1, EVENTS + 3)


@contextmanager
def copied(database: Database, folder: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """The same database, as a backup keeps it."""
    url = database.engine.url
    with ExitStack() as stack:
        if url.get_backend_name() == "sqlite":
            connection = stack.enter_context(closing(sqlite3.connect(url.database or "")))
            connection.execute(f"VACUUM INTO '{folder / 'backup.db'}'")
            backup = f"sqlite:///{folder / 'backup.db'}"
        else:
            database.dispose()
            server, name = request.getfixturevalue("postgresql_server"), f"{url.database}_backup"
            server.create_database(name, template=url.database or "")
            stack.callback(server.drop_database, name)
            backup = server.url(name)
        copy = Database(backup)
        stack.callback(copy.dispose)
        yield copy


def proven_again(trail: Proven, database: Database) -> Proven:
    return Proven(database, trail.checkpoints, trail.now)


@pytest.mark.requirement("L7")
def test_what_came_after_the_last_checkpoint_is_only_as_safe_as_the_database(
    trail: Proven, owner: Owner
) -> None:
    """We say so in the README; the next checkpoint ends it."""
    owner.does(lambda db: forge(db, first=11))
    assert trail.verify().finding is None


@pytest.mark.requirement("L7")
def test_the_newest_event_can_be_deleted_before_anything_follows_it(
    trail: Proven, owner: Owner
) -> None:
    """We say so in the documentation: the next one takes its place. A gap would show it."""
    delete = sql(
        f"DELETE FROM audit_events WHERE id = {EVENTS}",
        f"DELETE FROM audit_words WHERE event_id = {EVENTS}",
    )
    owner.does(delete)
    trail.record(1)
    assert trail.verify().finding is None
    trail.record(1)
    owner.does(delete)
    assert trail.verify().finding == Finding("missing", EVENTS, EVENTS)


@pytest.mark.requirement("L8")
@fails_without(line(Checkpoints.make, "self.look(db, kept)"))
@pytest.mark.parametrize("name", ["rebuild the chain", "cut the tail", "empty the trail"])
def test_nothing_is_signed_that_contradicts_what_was_signed(
    trail: Proven, owner: Owner, name: str
) -> None:
    owner.does(ATTACKS[name][0])
    with pytest.raises(Tampered):
        trail.sign()
    assert [one.size for one in trail.kept] == [*SIGNED]


@pytest.mark.requirement("L9")
@fails_without(
    together(
        line(Run._is_next, "event_hash(event[HASHED], digest, previous) == hash_", "True"),
        line(Run._changed, "if event_hash(", "if False and event_hash("),
    )
)
def test_verifying_goes_on_from_a_checkpoint(trail: Proven, owner: Owner) -> None:
    since = trail.kept[-1]
    verdict = trail.verify(since=since)
    assert (verdict.first, verdict.last, verdict.finding) == (11, 12, None)
    owner.does(sql("UPDATE audit_events SET outcome = 'failed' WHERE id = 12"))
    assert trail.verify(since=since).finding == Finding("changed", 12, 12)


@pytest.mark.requirement("L9")
def test_what_lies_before_a_checkpoint_is_what_going_on_from_it_trusts(
    trail: Proven, owner: Owner
) -> None:
    owner.does(sql("UPDATE audit_events SET outcome = 'failed' WHERE id = 3"))
    assert trail.verify(since=trail.kept[-1]).finding is None
    assert trail.verify().finding == Finding("changed", 3, 3)


@pytest.mark.requirement("L9")
@fails_without(line(_begin, "with missing_told():", "if True:"), raises=(MissingEvents,))
def test_a_missing_event_before_a_checkpoint_is_seen_even_when_going_on(
    trail: Proven, owner: Owner
) -> None:
    owner.does(sql("DELETE FROM audit_events WHERE id = 3"))
    assert trail.verify(since=trail.kept[-1]).finding == Finding("missing", 3, 3)


def test_an_empty_trail_is_good(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    verdict = trail.verify()
    assert (verdict.finding, verdict.last, verdict.checkpoints) == (None, 0, 0)


def test_a_checkpoint_is_due_after_so_many_events_or_so_much_time(
    trail: Proven, now: datetime
) -> None:
    def due(*, later: timedelta) -> bool:
        with trail.database.unit_of_work(writing=False) as db:
            return trail.checkpoints.are_due(db, now=now + later)

    assert not due(later=timedelta(seconds=299))
    assert due(later=timedelta(seconds=300))
    trail.record(97)
    assert not due(later=timedelta(0))
    trail.record(1)
    assert due(later=timedelta(0))
    trail.sign()
    assert not due(later=timedelta(days=1))


@fails_without(line(_known, "since.size if since else 0", "0"))
@on_sqlite
@pytest.mark.requirement("R4")
def test_signing_does_not_check_what_was_signed_long_ago(
    trail: Proven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the chain's lock, so it must not take longer the more was signed before."""
    has_signed, checked = VerifierKey.has_signed, list[str]()

    def counted(key: VerifierKey, text: str, signature: str) -> bool:
        checked.append(text)
        return has_signed(key, text, signature)

    def checked_by_signing() -> int:
        trail.record(1)
        checked.clear()
        with trail.database.unit_of_work(writing=True) as db:
            trail.checkpoints.make(db, now=trail.now)
        return len(checked)

    monkeypatch.setattr(VerifierKey, "has_signed", counted)
    few = checked_by_signing()
    assert [checked_by_signing() for _ in range(10)] == [few] * 10


@pytest.mark.requirement("F5", "L8")
@fails_without(line(Checkpoints._sign, "max(now, after.at) if after else now", "now"))
def test_no_checkpoint_is_dated_before_the_one_it_follows(
    trail: Proven, caplog: pytest.LogCaptureFixture
) -> None:
    last = trail.sign()
    trail.now -= timedelta(hours=1)
    trail.record(1)
    assert trail.sign().at == last.at
    assert "the clock is 1:00:00 behind the last checkpoint" in caplog.text
    assert trail.verify().finding is None
    trail.now += timedelta(hours=2)
    trail.record(1)
    assert trail.sign().at == trail.now


@on_sqlite
@pytest.mark.requirement("F5")
def test_clocks_that_differ_a_little_are_no_matter(
    trail: Proven, caplog: pytest.LogCaptureFixture
) -> None:
    last = trail.sign()
    trail.now -= timedelta(seconds=5)
    trail.record(1)
    assert trail.sign().at == last.at
    assert not caplog.text


def test_a_checkpoint_of_the_same_size_is_not_signed_twice(trail: Proven) -> None:
    assert trail.sign() == trail.sign()
    assert [one.size for one in trail.kept] == [*SIGNED, EVENTS]


@pytest.mark.requirement("F3")
def test_a_checkpoint_that_was_not_kept_before_the_power_went_is_kept_later(
    trail: Proven,
) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        made = trail.checkpoints.make(db, now=trail.now)
    assert trail.kept[-1].size == SIGNED[-1]
    trail.checkpoints.keep(made)
    assert trail.kept[-1:] == [made]


@pytest.mark.requirement("L4", "L5")
@fails_without(
    together(
        *[
            trigger(f"{table}_{name}", on=table)
            for table in ("audit_checkpoints", "audit_tiles")
            for name in ("no_update", "no_delete", "no_replace")
        ]
    )
)
@pytest.mark.parametrize("table", ["audit_checkpoints", "audit_tiles"])
@pytest.mark.parametrize("attack", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", COPY_ALL])
def test_checkpoints_and_tiles_are_only_added_to(
    trail: Proven, database_url: str, table: str, attack: str
) -> None:
    """By whoever owns the database, as long as the triggers are there."""
    first = {"audit_checkpoints": "size", "audit_tiles": "height"}[table]
    with as_owner(database_url) as db:
        sql("INSERT INTO audit_tiles (height, position, hashes) VALUES (0, 0, :zeros)")(db)
    with pytest.raises(DatabaseError, match="append-only"), as_owner(database_url) as db:
        db.execute(text(attack.format(table, first)))
