"""Copies of the trail: at least once, in order, without a gap, whatever happens in between."""

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app import worker
from app.domain import audit_copies, impersonations
from app.domain.audit_copies import Courier
from app.domain.audit_records import from_record
from app.domain.audit_scan import Run
from app.domain.tokens import Tokens
from app.outgoing.log_file import LogFile
from app.outgoing.syslog import Syslog, message
from app.outgoing.webhook import Webhook
from app.storage import audit_chain
from app.storage.admins import Admin
from app.storage.audit_chain import GENESIS, StoredEvent
from app.storage.audit_trail import canonical_json
from app.storage.database import Database
from app.storage.members import Member
from tests import factories
from tests.conftest import ENGINES
from tests.copying import copy, record, state
from tests.factories import FROM_THE_OFFICE
from tests.outgoing.receivers import Stream, Web, free_port, stream, web
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.twins import fails_without, line

ROOT = Path(__file__).resolve().parents[1]
SECRET = b"a secret that is long enough for this"


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    return proven(database, key_folder=key_folder, folder=tmp_path, now=now)


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "audit.log")


def lines(log: LogFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.path.read_text(encoding="ascii").splitlines()]


def hook(received: Web) -> Courier:
    return Courier(Webhook(received.url, (SECRET,), private=True))


def syslog(received: Stream) -> Courier:
    return Courier(Syslog(f"tcp://127.0.0.1:{received.port}", "localhost"))


def taken(received: Web | Stream) -> list[dict[str, Any]]:
    """Everything that a receiver has taken, in order."""
    if isinstance(received, Web):
        return [one for asked in received.accepted for one in json.loads(asked.body)["records"]]
    return [json.loads(one.partition("] ")[2]) for one in received.messages]


def numbers(records: Sequence[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in records if "id" in one]


def without_repetition(numbers: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


@pytest.mark.requirement("L14")
def test_a_copy_is_the_trail_and_can_be_verified_on_its_own(
    database: Database, log: LogFile, now: datetime
) -> None:
    record(database, 5, now=now)
    copy(database, Courier(log), now=now)
    events = [from_record(one) for one in lines(log)]
    with database.unit_of_work(writing=False) as db:
        assert events == list(audit_chain.stored_events(db, after=0, last=5))
    run = Run(size=0, before=GENESIS).follow(events)
    assert (run.finding, run.size, run.head) == (None, 5, events[-1].hash)


def test_a_copy_goes_on_where_it_was(database: Database, log: LogFile, now: datetime) -> None:
    for count in (2, 3):
        record(database, count, now=now)
        assert copy(database, Courier(log), now=now) == 1
    assert copy(database, Courier(log), now=now) == 0
    assert numbers(lines(log)) == [1, 2, 3, 4, 5]


def test_a_new_place_gets_everything(database: Database, log: LogFile, now: datetime) -> None:
    record(database, 3, now=now)
    copy(database, Courier(log), now=now)
    other = LogFile(log.path.with_name("other.log"))
    copy(database, Courier(other), now=now)
    assert lines(other) == lines(log)


def test_a_long_way_is_gone_in_batches(
    database: Database, log: LogFile, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_copies, "BATCH_EVENTS", 3)
    record(database, 10, now=now)
    assert copy(database, Courier(log), now=now) == 4
    assert numbers(lines(log)) == [*range(1, 11)]


def test_a_batch_is_no_larger_than_web_servers_take(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_copies, "BATCH_BYTES", 5000)
    record(database, 20, now=now, email="x" * 1000)
    record(database, 1, now=now, email="x" * 9000)
    record(database, 2, now=now)
    with web() as received:
        copy(database, hook(received), now=now)
    assert numbers(taken(received)) == [*range(1, 24)]
    # What is too large by itself goes alone.
    (large,) = [json.loads(one.body) for one in received.asked if len(one.body) > 5000 + 100]
    assert numbers(large["records"]) == [21]


@pytest.mark.requirement("L8", "L14")
@pytest.mark.parametrize("batch", [1, 2, 500])
def test_checkpoints_follow_the_events_that_they_cover(
    trail: Proven, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(audit_copies, "BATCH_EVENTS", batch)
    trail.record(3)
    trail.sign()
    trail.record(2)
    with web() as received, stream() as other:
        couriers = [hook(received), syslog(other)]
        for courier in couriers:
            copy(trail.database, courier, now=trail.now)
        trail.sign()
        for courier in couriers:
            copy(trail.database, courier, now=trail.now)
    for records in (taken(received), taken(other)):
        assert [one.get("id") or f"signed {one['size']}" for one in records] == (
            [1, 2, 3, "signed 3", 4, 5, "signed 5"]
        )
        notes = [one["note"] for one in records if "note" in one]
        kept = trail.checkpoints.file.read_text(encoding="utf-8")
        assert "".join(f"{note}\n" for note in notes) == kept


def test_the_log_file_holds_events_alone(trail: Proven, log: LogFile) -> None:
    trail.record(3)
    trail.sign()
    copy(trail.database, Courier(log), now=trail.now)
    assert numbers(lines(log)) == [1, 2, 3]
    assert len(lines(log)) == 3


@pytest.mark.requirement("L14")
def test_a_receiver_that_loses_events_sees_the_gap(database: Database, now: datetime) -> None:
    with stream() as received:
        courier = syslog(received)
        record(database, 6, now=now)
        copy(database, courier, now=now)
    del received.messages[2:4]
    run = Run(size=0, before=GENESIS).follow(from_record(one) for one in taken(received))
    assert run.finding
    assert run.finding.sentence == "Events 3 to 4 are missing."


@pytest.mark.requirement("L14", "O3")
def test_what_happens_while_a_receiver_is_down_comes_later(
    database: Database, now: datetime
) -> None:
    port = free_port()
    courier = Courier(Syslog(f"tcp://127.0.0.1:{port}", "localhost"))
    received: list[int] = []
    for _ in range(3):
        record(database, 2, now=now)
        assert copy(database, courier, now=now) == 0
        assert state(database, courier.target).problem == "Connection refused"
        courier.again_at = None
        with stream(port=port) as up:
            copy(database, courier, now=now)
        received += numbers(taken(up))
    assert received == [1, 2, 3, 4, 5, 6]


@pytest.mark.requirement("L14", "O3")
@fails_without(
    line(worker.copy_trail, "        return None\n    with database", "    with database"),
)
def test_what_a_receiver_refuses_is_sent_again_before_anything_else(
    database: Database, now: datetime
) -> None:
    with web(500, 302, 204, 503) as received:
        courier = hook(received)
        for _ in range(6):
            record(database, 1, now=now)
            copy(database, courier, now=now)
            courier.again_at = None
    assert numbers(taken(received)) == [1, 2, 3, 4, 5, 6]
    asked = [numbers(json.loads(one.body)["records"])[0] for one in received.asked]
    assert asked == [1, 1, 1, 4, 4, 6]


def test_the_problem_is_told_until_it_goes_again(database: Database, now: datetime) -> None:
    record(database, 2, now=now)
    with web(500) as received:
        courier = hook(received)
        copy(database, courier, now=now)
        told = state(database, courier.target)
        assert (told.problem, told.behind, told.at) == ("it answered 500", 2, now)
        courier.again_at = None
        copy(database, courier, now=now)
        told = state(database, courier.target)
        assert (told.problem, told.behind, told.last_event_id) == (None, 0, 2)


@pytest.mark.requirement("F3", "O3", "L14")
@pytest.mark.parametrize(
    ("engine_name", "name"),
    [("sqlite", "file"), ("sqlite", "syslog"), ("sqlite", "webhook"), ("postgresql", "webhook")],
)
def test_being_killed_anywhere_leaves_no_gap(
    database: Database, database_url: str, tmp_path: Path, name: str
) -> None:
    """A process is killed at each line; what it has not remembered goes out again."""
    receivers: dict[str, AbstractContextManager[Any]] = {"syslog": stream(), "webhook": web()}
    log = LogFile(tmp_path / "audit.log")
    if name == "file":
        killed = crash(database_url, name, str(log.path))
        received = numbers(lines(log))
    else:
        with receivers[name] as receiver:
            place = receiver.url if name == "webhook" else f"tcp://127.0.0.1:{receiver.port}"
            killed = crash(database_url, name, place)
        received = numbers(taken(receiver))
    assert killed > 40
    assert without_repetition(received) == [*range(1, killed + 2)]
    # Only the file knows what it holds already; the others have got something twice.
    assert (len(received) > killed + 1) == (name != "file")


def owner(url: str, statement: str) -> None:
    """Whoever owns the database does this; the triggers are off."""
    with as_owner(url) as db:
        for table in ("audit_events", "audit_words"):
            without_trigger(db, table, f"{table}_no_update")
            without_trigger(db, table, f"{table}_no_delete")
        db.execute(text(statement))


DELETED = "DELETE FROM audit_events WHERE id = 3"
SPOILT = {
    "facts": "UPDATE audit_events SET facts = 'not JSON' WHERE id = 3",
    "time": "UPDATE audit_events SET at = 9223372036854775807 WHERE id = 3",
    "words": "UPDATE audit_words SET words = '[' WHERE event_id = 3",
    "deep words": f"UPDATE audit_words SET words = '{'[' * 100_000}' WHERE event_id = 3",
}
# SQLite takes anything into any column.
MISTYPED = {
    "no time": "UPDATE audit_events SET at = 'yesterday' WHERE id = 3",
    "no hash": "UPDATE audit_events SET hash = 'text' WHERE id = 3",
    "no salt": "UPDATE audit_words SET salt = 5 WHERE event_id = 3",
}
ON_EACH = [
    *itertools.product(ENGINES, [DELETED, *SPOILT.values()]),
    *itertools.product(["sqlite"], MISTYPED.values()),
]


@pytest.mark.requirement("L14")
@pytest.mark.parametrize(("engine_name", "attack"), ON_EACH)
def test_what_was_taken_out_of_the_trail_first_is_a_gap_in_its_copies(
    database: Database,
    database_url: str,
    log: LogFile,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    attack: str,
) -> None:
    """The rest still goes out: nobody silences the copies by spoiling one event."""
    record(database, 5, now=now)
    owner(database_url, attack)
    copy(database, Courier(log), now=now)
    assert numbers(lines(log)) == [1, 2, 4, 5]
    assert "has a gap" in caplog.text


def test_a_new_place_begins_with_what_has_not_been_archived(
    database: Database,
    database_url: str,
    log: LogFile,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit_copies, "BATCH_EVENTS", 3)
    record(database, 9, now=now)
    owner(database_url, "DELETE FROM audit_events WHERE id <= 7")
    copy(database, Courier(log), now=now)
    assert numbers(lines(log)) == [8, 9]


@pytest.mark.requirement("O1", "L12")
def test_no_copy_holds_a_token_or_a_ticket(
    database: Database, tokens: Tokens, log: LogFile, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        started = factories.start(db, impersonator=ada, target=mia, now=now)
        session = impersonations.redeem(
            db, ticket=started.ticket, provenance=FROM_THE_OFFICE, now=now
        )
        assert session
        token = tokens.issue(session, now=now)
    copy(database, Courier(log), now=now)
    text = log.path.read_text(encoding="ascii")
    assert session.id in text
    for secret in (started.ticket, token, *token.split(".")):
        assert secret not in text


ANYTHING = st.text() | st.text(st.sampled_from('a\r\n\t\0\x1b\x7f\x85\u2028\u2029\u202e"\\]é😀'))
MAYBE = st.none() | ANYTHING
JSON = st.dictionaries(ANYTHING, MAYBE | st.integers() | st.lists(ANYTHING)).map(canonical_json)
HASH = st.binary(min_size=32, max_size=32)


@st.composite
def stored_events(draw: st.DrawFn) -> StoredEvent:
    """Events with anything in every field, whose words may have been erased."""
    salt, words = draw(st.tuples(HASH, JSON) | st.just((None, None)))
    fields: dict[str, Any] = {
        "id": draw(st.integers(1, 2**63 - 1)),
        "at": draw(st.integers(0, 253402300799999999)),
        "facts": draw(JSON),
        "salt": salt,
        "words": words,
    }
    for name in ("action", "outcome", "actor_kind", "request_id"):
        fields[name] = draw(ANYTHING)
    for name in ("actor_id", "subject_id", "account_id", "impersonation_id"):
        fields[name] = draw(MAYBE)
    for name in ("words_digest", "previous_hash", "hash"):
        fields[name] = draw(HASH)
    return StoredEvent(**fields)


@pytest.mark.requirement("X4")
@given(event=stored_events())
def test_whatever_it_holds_an_event_is_one_line_and_comes_back_the_same(
    event: StoredEvent,
) -> None:
    made = audit_copies.record_of(event)
    assert made
    sent = message(made, "localhost").decode("ascii")
    for written in (made.line, sent):
        assert written.isprintable()
        assert len(written.splitlines()) == 1
    assert from_record(json.loads(made.line)) == event
    assert sent.endswith(f"] {made.line}")


def crash(url: str, name: str, place: str) -> int:
    command = [sys.executable, "-m", "tests.outgoing.crashing", url, name, place]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return int(done.stdout)
