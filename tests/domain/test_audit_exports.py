"""Exports: what they hold, what they keep to themselves, and what making one costs others."""

import json
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain import (
    audit_erasures,
    audit_export_events,
    audit_export_records,
    audit_exports,
    audit_verification,
    erased_words,
)
from app.domain.audit_erasures import Explanations
from app.domain.audit_export_events import ExportedEvents, Format
from app.domain.audit_export_files import ExportFile
from app.domain.audit_export_verification import limits
from app.domain.audit_records import as_record
from app.domain.audit_scan import Finding, Run, Tampered
from app.domain.audit_stretch import Stretch
from app.domain.audit_trail import AuditAction, append, event
from app.storage import audit_chain
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.members import Member
from tests import cast
from tests.conftest import on_sqlite
from tests.exporting import begin, erase, exported, files_of, records_of, verify, write
from tests.factories import FROM_THE_OFFICE
from tests.faults import unwritable_trail
from tests.filling import fill_trail
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.twins import each_fails_without, fails_without, line, together

EVENTS = 12


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Twelve events of Ada as Mia; the first five are under a checkpoint."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(5)
    trail.sign()
    trail.record(EVENTS - 5)
    return trail


def of_cy_and_eve(trail: Proven) -> None:
    """Record something about two other people."""
    with trail.database.unit_of_work(writing=True) as db:
        refused = event(
            AuditAction.IMPERSONATION_REFUSED,
            now=trail.now,
            provenance=FROM_THE_OFFICE,
            actor=db.get_one(Admin, cast.CY.id),
            subject=db.get_one(Member, cast.EVE.id),
            reason="Her invoices are wrong",
            details={"why": "member_protected"},
        )
        append(db, refused)


def stored(trail: Proven) -> list[audit_chain.StoredEvent]:
    with trail.database.unit_of_work(writing=False) as db:
        return list(audit_chain.stored_events(db, after=0, last=10**6))


# What an export holds.


@pytest.mark.requirement("L8")
def test_a_whole_export_holds_every_event_and_verifies(trail: Proven, tmp_path: Path) -> None:
    path = exported(trail, tmp_path)
    assert records_of(path) == [as_record(one) for one in stored(trail)[:EVENTS]]
    verdict = verify(path, trail, kept=trail.kept)
    assert (verdict.finding, verdict.first, verdict.last) == (None, 1, EVENTS)
    assert verdict.head == stored(trail)[EVENTS - 1].hash
    # Its own, and the one that was kept when there were five events.
    assert verdict.checkpoints == 2


@pytest.mark.requirement("L10")
def test_a_filtered_export_holds_what_fits_and_verifies(trail: Proven, tmp_path: Path) -> None:
    of_cy_and_eve(trail)
    trail.record(3)
    path = exported(trail, tmp_path, actor_id=cast.CY.id)
    assert [record["id"] for record in records_of(path)] == [EVENTS + 1]
    verdict = verify(path, trail)
    assert (verdict.finding, verdict.last, verdict.checkpoints) == (None, EVENTS + 1, 1)


@pytest.mark.requirement("L10")
def test_a_filtered_export_shows_nothing_of_the_others(trail: Proven, tmp_path: Path) -> None:
    of_cy_and_eve(trail)
    shown = b"".join(files_of(exported(trail, tmp_path, actor_id=cast.CY.id)).values())
    for person in (cast.ADA, cast.MIA):
        assert person.name.split()[0].encode() not in shown
        assert person.email.encode() not in shown
    assert b"template is broken" not in shown
    assert cast.CY.email.encode() in shown
    # Nor their salts, with which names could be tried against what the chain holds.
    assert not [
        one.id for one in stored(trail)[:EVENTS] if (one.salt or b"").hex().encode() in shown
    ]


@pytest.mark.requirement("X5")
def test_a_spreadsheet_has_a_row_for_each_event(trail: Proven, tmp_path: Path) -> None:
    path = exported(trail, tmp_path, Format.CSV)
    rows = files_of(path)["events.csv"].decode("utf-8-sig").splitlines()
    assert rows[0].startswith("id,at,action,outcome,actor_kind,actor_id,actor_name")
    assert len(rows) == EVENTS + 1
    assert all("Mia Søndergaard" in row for row in rows[1:])
    assert verify(path, trail).finding is None


def test_an_empty_trail_can_be_exported(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    path = exported(trail, tmp_path)
    assert records_of(path) == []
    assert verify(path, trail).finding is None


def test_filters_that_nothing_fits_give_an_export_of_nothing(trail: Proven, tmp_path: Path) -> None:
    path = exported(trail, tmp_path, actor_id="nobody")
    assert records_of(path) == []
    assert verify(path, trail).finding is None


def test_the_archive_says_how_to_check_it(trail: Proven, tmp_path: Path) -> None:
    files = files_of(exported(trail, tmp_path))
    assert list(files) == ["README.txt", "checkpoint.txt", "events.jsonl", "manifest.json"]
    assert b"flask audit verify --export" in files["README.txt"]
    manifest = json.loads(files["manifest.json"])
    assert (manifest["first"], manifest["last"], manifest["count"]) == (1, EVENTS, EVENTS)
    assert manifest["made_by"] == "a test"
    assert manifest["key"] == str(trail.checkpoints.key.verifier)


@pytest.mark.requirement("L12")
def test_what_was_archived_before_is_vouched_for_by_hashes_alone(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    """An export need not begin with the first event: the root can be worked out nevertheless."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    fill_trail(database, events=700, now=now)
    path = write(trail, replace(begin(trail), first=514), tmp_path / "export.zip")
    assert records_of(path)[0]["id"] == 514
    verdict = verify(path, trail)
    assert (verdict.finding, verdict.first, verdict.last) == (None, 514, 700)
    # It says where it begins: in its own words, under its signature, and when it is verified.
    files = files_of(path)
    told = limits(ExportFile.find(path), key=trail.checkpoints.key.verifier, kept=[])
    assert told == json.loads(files["manifest.json"])["limits"]
    assert told[0].startswith("It begins with event 514.")
    assert told[0] in files["README.txt"].decode().replace("\n", " ")
    assert b"Every event from 514 to 700 is here" in files["README.txt"]


FILTERS: dict[str, dict[str, Any]] = {"whole": {}, "filtered": {"actor_id": "ada"}}


@pytest.mark.requirement("L7")
@each_fails_without(
    "kind",
    {
        # The first event that is there does not follow on the beginning.
        "whole": None,
        "filtered": line(audit_verification._check_archived, "if last < before - 1", "if False"),
    },
)
def test_a_beginning_that_no_archive_holds_is_missed(
    trail: Proven, database_url: str, tmp_path: Path, kind: str
) -> None:
    """The tiles of the tree are still there, and so is each proof of what is left."""
    trail.record_at_once(300)
    trail.sign()
    with as_owner(database_url) as db:
        for table, number in (("audit_words", "event_id"), ("audit_events", "id")):
            without_trigger(db, table, f"{table}_no_delete")
            db.execute(text(f"DELETE FROM {table} WHERE {number} <= 256"))
    with pytest.raises(Tampered) as raised:
        write(trail, begin(trail, **FILTERS[kind]), tmp_path / "export.zip")
    assert raised.value.finding == Finding("missing", 1, 256)


@pytest.mark.requirement("L12")
@pytest.mark.parametrize("when", ["before", "while it is written"])
def test_erased_words_are_explained(
    trail: Proven, database_url: str, tmp_path: Path, when: str
) -> None:
    if when == "before":
        erase(database_url, cast.MIA.id, trail.now)
    export = begin(trail)
    if when != "before":
        erase(database_url, cast.MIA.id, trail.now)
    verdict = verify(write(trail, export, tmp_path / "export.zip"), trail)
    assert (verdict.finding, verdict.erased) == (None, EVENTS)


def steal_words(url: str, number: int) -> None:
    """Take the words of an event away as the owner can, with the triggers off."""
    with as_owner(url) as db:
        without_trigger(db, "audit_words", "audit_words_no_delete")
        db.execute(text("DELETE FROM audit_words WHERE event_id = :number"), {"number": number})


@pytest.mark.requirement("L12")
@fails_without(
    together(
        line(ExportedEvents.pieces, "self.erasures.check(db, events)"),
        line(Stretch.finish, "explain(self.following.erased, erasures)"),
    )
)
@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("filters", [{}, {"actor_id": "ada"}], ids=["whole", "filtered"])
def test_stolen_words_are_never_signed_as_erased(
    trail: Proven, database_url: str, tmp_path: Path, format_: Format, filters: dict[str, Any]
) -> None:
    # The last checkpoint covers it already, so signing the next one looks at it no more.
    steal_words(database_url, 3)
    export = begin(trail, format_, **filters)
    with pytest.raises(Tampered) as raised:
        write(trail, export, tmp_path / "export.zip")
    assert raised.value.finding == Finding("words_missing", 3, 3)
    assert b"manifest.json" not in (tmp_path / "export.zip").read_bytes()


@pytest.mark.requirement("L12")
@fails_without(
    together(
        line(audit_erasures.explains, " > event.id", " > 0"),
        line(Explanations._found, "one[0] > event.id and "),
        line(erased_words._covers, " > number", " > 0"),
    )
)
@pytest.mark.parametrize("filters", [{}, {"actor_id": "ada"}], ids=["whole", "filtered"])
def test_an_erasure_does_not_cover_a_later_theft(
    trail: Proven, database_url: str, tmp_path: Path, filters: dict[str, Any]
) -> None:
    erase(database_url, cast.MIA.id, trail.now)
    trail.record(2)
    trail.sign()
    steal_words(database_url, EVENTS + 3)
    with pytest.raises(Tampered) as raised:
        write(trail, begin(trail, **filters), tmp_path / "export.zip")
    assert raised.value.finding.kind == "words_missing"


@pytest.mark.requirement("L12")
@pytest.mark.parametrize("when", ["before", "while it is written"])
def test_a_filtered_export_shows_which_erasure_explains_missing_words(
    trail: Proven, database_url: str, tmp_path: Path, when: str
) -> None:
    if when == "before":
        erase(database_url, cast.MIA.id, trail.now)
    export = begin(trail, actor_id=cast.ADA.id)
    if when != "before":
        erase(database_url, cast.MIA.id, trail.now)
    path = write(trail, export, tmp_path / "export.zip")
    verdict = verify(path, trail)
    assert (verdict.finding, verdict.erased) == (None, EVENTS)
    shown = [json.loads(line) for line in files_of(path)["erasures.jsonl"].splitlines()]
    manifest = json.loads(files_of(path)["manifest.json"])
    if when == "before":
        assert [(one["id"], one["facts"]["person_id"]) for one in shown] == [(13, cast.MIA.id)]
        assert manifest["erased_later"] == {}
    else:
        # No checkpoint covers it yet: the number rests on the signature, and the limits say so.
        assert (shown, manifest["erased_later"]) == ([], {cast.MIA.id: EVENTS + 2})
        assert "erased after" in "".join(manifest["limits"])


# Recorded first.


@pytest.mark.requirement("L1", "L13")
def test_an_export_is_in_the_trail_before_any_of_it_leaves(trail: Proven) -> None:
    begin(trail, Format.CSV, actor_id=cast.CY.id)
    with trail.database.unit_of_work(writing=False) as db:
        recorded = db.get_one(AuditEvent, EVENTS + 1)
    assert recorded.action == AuditAction.AUDIT_EXPORTED
    assert recorded.details == {
        "by": "a test",
        "format": "csv",
        "first": 1,
        "last": EVENTS,
        "filters": "actor_id=cy",
    }


@pytest.mark.requirement("L3", "L13")
def test_without_a_record_there_is_no_export(trail: Proven) -> None:
    with unwritable_trail(trail.database.engine), pytest.raises(SQLAlchemyError):
        begin(trail)
    assert begin(trail).last == EVENTS


@pytest.mark.requirement("L8")
@fails_without(
    together(
        line(Run._is_next, "event_hash(event[HASHED], digest, previous) == hash_", "True"),
        line(Run._changed, "if event_hash(", "if False and event_hash("),
    )
)
@pytest.mark.parametrize("number", [3, 11])
@pytest.mark.parametrize("filters", [{}, {"actor_id": "ada"}])
def test_what_is_not_as_it_was_recorded_is_never_signed(
    trail: Proven, database_url: str, tmp_path: Path, number: int, filters: dict[str, Any]
) -> None:
    export = begin(trail, **filters)
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text(f"UPDATE audit_events SET outcome = 'failed' WHERE id = {number}"))
    with pytest.raises(Tampered) as raised:
        write(trail, export, tmp_path / "export.zip")
    assert raised.value.finding == Finding("changed", number, number)
    assert b"manifest.json" not in (tmp_path / "export.zip").read_bytes()


# Beside others.


@on_sqlite
@pytest.mark.requirement("L13")
def test_an_export_keeps_no_writer_waiting(trail: Proven, database_url: str) -> None:
    """Not while it reads, and not while somebody slowly takes what it has read."""
    other = sqlite3.connect(
        database_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None
    )

    @contextmanager
    def read() -> Iterator[Session]:
        with trail.database.unit_of_work(writing=False) as db:
            yield db
            write_something()

    def write_something() -> None:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")

    export = begin(trail)
    pieces = 0
    for _ in audit_exports.written(export, key=trail.checkpoints.key, read=read):
        write_something()
        pieces += 1
    other.close()
    assert pieces > 3


@pytest.mark.requirement("L11")
def test_an_export_is_whole_while_others_write(trail: Proven, tmp_path: Path) -> None:
    export = begin(trail)
    read = partial(trail.database.unit_of_work, writing=False)
    pieces = audit_exports.written(export, key=trail.checkpoints.key, read=read)
    path = tmp_path / "export.zip"
    writer = threading.Thread(target=trail.record, args=(20,))
    with path.open("wb") as file:
        file.write(next(pieces))
        writer.start()
        file.writelines(pieces)
    writer.join()
    verdict = verify(path, trail)
    assert (verdict.finding, verdict.last) == (None, EVENTS)
    assert len(stored(trail)) == EVENTS + 1 + 20


@pytest.mark.parametrize("filters", [{}, {"outcome": "succeeded"}])
def test_a_long_trail_is_exported_and_verified_in_little_memory(
    database: Database,
    key_folder: Path,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    filters: dict[str, Any],
) -> None:
    for module in (audit_export_events, audit_export_records):
        monkeypatch.setattr(module, "BATCH", 64)
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    fill_trail(database, events=2_500, now=now)
    export = begin(trail, **filters)
    tracemalloc.start()
    path = write(trail, export, tmp_path / "export.zip")
    assert verify(path, trail).finding is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = sum(map(len, files_of(path).values()))
    assert peak < size / 2
