"""Every way to alter an export that we know of, and what catches it, without any database."""

import base64
import hashlib
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import audit_export_files, audit_export_verification, audit_following, signing_keys
from app.domain.audit_export_events import Format
from app.domain.audit_export_files import BadExport, ExportFile
from app.domain.audit_export_verification import limits
from app.domain.audit_following import Following
from app.domain.audit_manifests import parsed
from app.domain.audit_records import as_line, from_record
from app.domain.audit_scan import Finding
from app.domain.audit_stretch import Stretch
from app.domain.checkpoints import CheckpointKey, VerifierKey
from app.storage.audit_chain import GENESIS, event_hash
from app.storage.database import Database
from tests.budget import tries
from tests.conftest import on_sqlite
from tests.exporting import (
    Files,
    begin,
    erase,
    exported,
    files_of,
    repacked,
    tampered,
    verify,
    write,
)
from tests.proving import Proven, proven
from tests.twins import each_fails_without, fails_without, line, together, value

# A file is verified without the database that it came from, so one engine is enough.
pytestmark = on_sqlite

EVENTS, KEPT = 12, 5
Lines = list[bytes]
Attack = Callable[[Lines], object]


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Twelve events; when there were five of them a checkpoint was kept elsewhere."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(KEPT)
    trail.sign()
    trail.record(EVENTS - KEPT)
    return trail


@pytest.fixture
def whole(trail: Proven, tmp_path: Path) -> Path:
    return exported(trail, tmp_path)


@pytest.fixture
def chosen(trail: Proven, tmp_path: Path) -> Path:
    """The same events, each with its proof."""
    return exported(trail, tmp_path, actor_id="ada")


def at(number: int, change: Callable[[dict[str, Any]], object]) -> Attack:
    """Change the record of the event in that place."""

    def attack(lines: Lines) -> None:
        record = json.loads(lines[number - 1])
        change(record)
        lines[number - 1] = json.dumps(record).encode() + b"\n"

    return attack


def put(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.update({name: value})


def swap(lines: Lines) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def forged(lines: Lines, *, first: int) -> list[str]:
    """Another person did it, from that event on, and every hash is worked out anew."""
    head, made = GENESIS, []
    for event in (from_record(json.loads(one)) for one in lines):
        actor_id = "eve" if event.id >= first else event.actor_id
        changed = event._replace(actor_id=actor_id, previous_hash=head)
        head = event_hash(
            changed.hashed_fields, words_digest=changed.words_digest, previous_hash=head
        )
        made.append(as_line(changed._replace(hash=head)))
    return made


def rebuild(*, first: int) -> Attack:
    def attack(lines: Lines) -> None:
        lines[:] = [f"{line}\n".encode() for line in forged(lines, first=first)]

    return attack


def add_one(lines: Lines) -> None:
    """A thirteenth event that follows the twelfth, with all that belongs to it."""
    last = from_record(json.loads(lines[-1]))
    more = last._replace(id=EVENTS + 1, previous_hash=last.hash)
    hash_ = event_hash(
        more.hashed_fields, words_digest=more.words_digest, previous_hash=more.previous_hash
    )
    lines.append(f"{as_line(more._replace(hash=hash_))}\n".encode())


CHANGED = Finding("changed", 7, 7)
# What was done to the lines, and what is found, at which events.
ATTACKS: dict[str, tuple[Attack, Finding]] = {
    **{
        f"change {name}": (at(7, put(name, value)), CHANGED)
        for name, value in {
            "action": "handoff.redeemed",
            "outcome": "failed",
            "actor_id": "eve",
            "subject_id": None,
            "impersonation_id": "",
            "facts": {"why": "oneself"},
            "at": "2026-03-02T09:00:00.000001+00:00",
            "words_digest": "00" * 32,
            "previous_hash": "00" * 32,
            "hash": "00" * 32,
        }.items()
    },
    **{
        f"make {name} of another type": (at(7, put(name, value)), CHANGED)
        for name, value in {
            "id": "7",
            "action": 7,
            "outcome": ["refused"],
            "facts": "{}",
            "at": 1772442000,
            "hash": None,
            "salt": 7,
        }.items()
    },
    "leave a field out": (at(7, lambda record: record.pop("outcome")), CHANGED),
    "write no record": (lambda lines: lines.__setitem__(6, b"{}\n"), CHANGED),
    "write no JSON": (lambda lines: lines.__setitem__(6, b"\xff\n"), CHANGED),
    "nest too deeply": (lambda lines: lines.__setitem__(6, b"[" * 9999 + b"\n"), CHANGED),
    "put words in somebody's mouth": (
        at(7, lambda record: record["words"].update(reason="None at all")),
        Finding("words_changed", 7, 7),
    ),
    "change a salt": (at(7, put("salt", "00" * 16)), Finding("words_changed", 7, 7)),
    "take only the salt away": (at(7, put("salt", None)), CHANGED),
    "take words away": (
        at(7, lambda record: record.update(words=None, salt=None)),
        Finding("words_missing", 7, 7),
    ),
    "delete one": (lambda lines: lines.pop(6), Finding("missing", 7, 7)),
    "delete several": (lambda lines: lines.__delitem__(slice(5, 8)), Finding("missing", 6, 8)),
    "delete the first": (lambda lines: lines.pop(0), Finding("missing", 1, 1)),
    "swap two": (swap, Finding("missing", 3, 3)),
    "repeat one": (
        lambda lines: lines.insert(7, lines[6]),
        Finding("out_of_place", 7, 7),
    ),
    "cut the tail": (lambda lines: lines.__delitem__(slice(9, None)), Finding("cut_off", 10, 12)),
    "leave nothing": (lambda lines: lines.clear(), Finding("cut_off", 1, 12)),
    "add one at the end": (add_one, Finding("not_covered", 13, 13)),
    "rebuild the chain": (rebuild(first=7), Finding("rewritten", 6, 12)),
    "rebuild it from the start": (rebuild(first=1), Finding("rewritten", 1, 5)),
}
# Nothing is wrong with any event then: only the signature, or the digest, shows it.
UNLOCATED: dict[str, Attack] = {
    "write a blank": lambda lines: lines.__setitem__(6, lines[6].replace(b":", b": ", 1)),
    "write something beside it": at(7, put("note", "She was asked to.")),
}


@pytest.mark.requirement("L7", "L8")
@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "manifest mended"])
@pytest.mark.parametrize(("attack", "finding"), ATTACKS.values(), ids=ATTACKS)
def test_each_attack_on_a_whole_export_is_found_and_located(
    trail: Proven, whole: Path, attack: Attack, finding: Finding, mended: bool
) -> None:
    path = tampered(whole, attack, mended=mended)
    assert verify(path, trail, kept=trail.kept).finding == finding


@pytest.mark.requirement("L7", "L8")
@fails_without(
    line(
        audit_export_verification._Check.run, "if not manifest.is_signed_by(self._key)", "if False"
    ),
    line(audit_export_verification._Check.run, "if archive.digests != manifest.files", "if False"),
)
@pytest.mark.parametrize("attack", UNLOCATED.values(), ids=UNLOCATED)
def test_no_byte_is_uncovered(trail: Proven, whole: Path, attack: Attack) -> None:
    assert kind_of(tampered(whole, attack, mended=False), trail) == "file_changed"
    assert kind_of(tampered(whole, attack, mended=True), trail) == "bad_manifest"


def kind_of(path: Path, trail: Proven) -> str | None:
    finding = verify(path, trail).finding
    return finding.kind if finding else None


# Each event alone: what is missing cannot be seen from the rest.
ATTACKS_ON_ONE: dict[str, tuple[Attack, Finding]] = {
    "change a field": (at(7, put("outcome", "failed")), CHANGED),
    "change words": (
        at(7, lambda record: record["words"].update(reason="None at all")),
        Finding("words_changed", 7, 7),
    ),
    "take words away": (
        at(7, lambda record: record.update(words=None, salt=None)),
        Finding("words_missing", 7, 7),
    ),
    "change the proof": (
        at(7, lambda record: record["proof"].__setitem__(0, "00" * 32)),
        CHANGED,
    ),
    "shorten the proof": (at(7, lambda record: record["proof"].pop()), CHANGED),
    "take the proof away": (at(7, lambda record: record.pop("proof")), CHANGED),
    "say another size": (at(7, put("tree_size", 11)), CHANGED),
    "write no JSON": (lambda lines: lines.__setitem__(6, b"\xff\n"), CHANGED),
    "swap two": (swap, Finding("out_of_place", 3, 3)),
    "repeat one": (lambda lines: lines.insert(7, lines[6]), Finding("out_of_place", 7, 7)),
}


@pytest.mark.requirement("L10")
@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "manifest mended"])
@pytest.mark.parametrize(("attack", "finding"), ATTACKS_ON_ONE.values(), ids=ATTACKS_ON_ONE)
def test_each_attack_on_a_filtered_export_is_found_and_located(
    trail: Proven, chosen: Path, attack: Attack, finding: Finding, mended: bool
) -> None:
    assert verify(tampered(chosen, attack, mended=mended), trail).finding == finding


@pytest.mark.requirement("L10")
@fails_without(
    line(
        audit_export_verification._Check._check_each,
        "if finding := _wrong_with(event, record, checkpoint)",
        "if finding := None",
    )
)
def test_a_forged_event_finds_no_place_in_the_tree(trail: Proven, chosen: Path) -> None:
    """All of its hashes are right: only the signed root is not to be had."""

    def forge(lines: Lines) -> None:
        proofs = [json.loads(one) for one in lines]
        for place, made in enumerate(forged(lines, first=7)):
            lines[place] = json.dumps(proofs[place] | json.loads(made)).encode() + b"\n"

    assert verify(tampered(chosen, forge, mended=True), trail).finding == CHANGED


@pytest.mark.requirement("L10")
@fails_without(
    line(
        audit_export_verification._Check.run, "if not manifest.is_signed_by(self._key)", "if False"
    ),
    line(audit_export_verification._Check.run, "if archive.digests != manifest.files", "if False"),
)
def test_what_was_left_out_of_a_filtered_export_only_the_signature_shows(
    trail: Proven, chosen: Path
) -> None:
    def leave_out(lines: Lines) -> None:
        lines.pop(6)

    assert kind_of(tampered(chosen, leave_out, mended=False), trail) == "file_changed"
    assert kind_of(tampered(chosen, leave_out, mended=True), trail) == "bad_manifest"


# Words that were erased, in an export of what Ada did: the erasure stands beside them.


@pytest.fixture
def erased(trail: Proven, database_url: str, tmp_path: Path) -> Path:
    """The same events, without words, and what explains that: event 13."""
    erase(database_url, "mia", trail.now)
    trail.sign()
    return exported(trail, tmp_path, actor_id="ada")


def swap_in(erasures: Callable[[bytes], bytes]) -> Callable[[Files], None]:
    """Put other erasures beside the events, and their digest into the manifest."""

    def attack(files: Files) -> None:
        files["erasures.jsonl"] = erasures(files["erasures.jsonl"])
        manifest = parsed(files["manifest.json"].decode())
        digest = hashlib.sha256(files["erasures.jsonl"]).hexdigest()
        digests = dict(manifest.files) | {"erasures.jsonl": digest}
        files["manifest.json"] = str(replace(manifest, files=digests)).encode()

    return attack


def another(files: Files) -> None:
    """Another event, with its own good proof, in place of the erasure."""
    line = files["events.jsonl"].splitlines(keepends=True)[0]
    swap_in(lambda _: line)(files)


ATTACKS_ON_ERASURES: dict[str, tuple[Callable[[Files], None], Finding]] = {
    "leave it out": (swap_in(lambda _: b""), Finding("words_missing", 1, 1)),
    "name another person": (
        swap_in(lambda line: line.replace(b'"person_id":"mia"', b'"person_id":"eve"')),
        Finding("changed", 13, 13),
    ),
    "give it another number": (
        swap_in(lambda line: line.replace(b'"id":13', b'"id":14')),
        Finding("changed", 14, 14),
    ),
    "take its proof away": (
        swap_in(lambda line: line.replace(b'"proof":', b'"prove":')),
        Finding("changed", 13, 13),
    ),
    "show it twice": (swap_in(lambda line: line * 2), Finding("out_of_place", 13, 13)),
    "show another event": (another, Finding("out_of_place", 1, 1)),
    "write no record": (swap_in(lambda _: b"{}\n"), Finding("changed", 1, 1)),
}


@pytest.mark.requirement("L10", "L12")
@pytest.mark.parametrize(
    ("attack", "finding"), ATTACKS_ON_ERASURES.values(), ids=ATTACKS_ON_ERASURES
)
def test_each_attack_on_an_erasure_is_found(
    trail: Proven, erased: Path, attack: Callable[[Files], None], finding: Finding
) -> None:
    assert verify(erased, trail).finding is None
    files = files_of(erased)
    attack(files)
    assert verify(repacked(erased, files), trail).finding == finding


@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "manifest mended"])
def test_a_changed_row_is_found(trail: Proven, tmp_path: Path, mended: bool) -> None:
    rows = exported(trail, tmp_path, Format.CSV)
    path = tampered(rows, lambda lines: lines.pop(3), mended=mended)
    assert kind_of(path, trail) == ("bad_manifest" if mended else "file_changed")


# The other files.


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("README.txt", b"--key KEY", b"", "file_changed"),
        ("checkpoint.txt", b"head ", b"Head ", "bad_checkpoint"),
        ("checkpoint.txt", b"\n12\n", b"\n11\n", "bad_checkpoint"),
        ("checkpoint.txt", b"\n", b"\xff\n", "bad_checkpoint"),
        ("manifest.json", b'"count": 12', b'"count": 13', "bad_manifest"),
        ("manifest.json", b'"made_by": "a test"', b'"made_by": "Ada"', "bad_manifest"),
    ],
)
def test_a_change_of_another_file_is_found(
    trail: Proven, whole: Path, name: str, old: bytes, new: bytes, kind: str
) -> None:
    files = files_of(whole)
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    assert kind_of(repacked(whole, files), trail) == kind


def test_a_signature_names_its_key(trail: Proven, whole: Path) -> None:
    files = files_of(whole)
    rest, _, signature = files["checkpoint.txt"].rpartition(b" ")
    raw = bytearray(base64.b64decode(signature))
    raw[0] ^= 1
    files["checkpoint.txt"] = rest + b" " + base64.b64encode(raw) + b"\n"
    assert kind_of(repacked(whole, files), trail) == "bad_checkpoint"


@pytest.mark.requirement("L8")
@fails_without(line(Stretch.finish, "if last > size", "if False"))
def test_an_older_checkpoint_of_the_same_trail_is_no_substitute(trail: Proven, whole: Path) -> None:
    files = files_of(whole)
    files["checkpoint.txt"] = trail.checkpoints.key.sign(trail.kept[0]).encode()
    finding = verify(repacked(whole, files), trail).finding
    assert finding == Finding("not_covered", 6, 12)


@pytest.mark.requirement("L8")
@fails_without(value(VerifierKey, "has_signed", lambda *_: True))
def test_an_export_forged_as_a_whole_is_caught_by_the_key_from_elsewhere_alone(
    trail: Proven, whole: Path, tmp_path: Path
) -> None:
    signing_keys.create(tmp_path / "forger.pem")
    forger = CheckpointKey(trail.checkpoints.key.name, signing_keys.load(tmp_path / "forger.pem"))
    files = files_of(whole)
    manifest = parsed(files["manifest.json"].decode())
    files["checkpoint.txt"] = forger.sign(trail.kept[0]).encode()
    files["events.jsonl"] = b"".join(files["events.jsonl"].splitlines(keepends=True)[:KEPT])
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in manifest.files}
    forgery = replace(
        manifest, key=str(forger.verifier), files=digests, last=KEPT, count=KEPT
    ).signed(forger)
    files["manifest.json"] = str(forgery).encode()
    path = repacked(whole, files)
    assert verify(path, trail, key=forger.verifier).finding is None
    assert kind_of(path, trail) == "bad_checkpoint"


@pytest.mark.requirement("L8")
@fails_without(
    line(audit_following.agreed, "if (other.root, other.head) != (one.root, one.head)", "if False")
)
@pytest.mark.parametrize("format_", Format)
def test_a_checkpoint_from_elsewhere_contradicts_what_was_rewritten_and_signed_anew(
    trail: Proven, tmp_path: Path, format_: Format
) -> None:
    """Whoever has the database and the key can sign another history, but not this one."""
    path = exported(trail, tmp_path, format_)
    (mine,) = trail.kept
    other = replace(mine, size=EVENTS, root=bytes(32))
    assert verify(path, trail, kept=[other]).finding == Finding("split", 1, EVENTS)


@pytest.mark.requirement("L12")
@each_fails_without(
    "change",
    {
        "change": line(
            Following._compare, "if (checkpoint.head, checkpoint.root) != (head, root)", "if False"
        ),
        # The signature of the manifest shows these, too.
        "take away": None,
        "add": None,
    },
)
def test_what_vouches_for_the_events_before_an_export_is_covered(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime, change: str
) -> None:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(9)
    path = write(trail, replace(begin(trail), first=6), tmp_path / "export.zip")
    assert verify(path, trail).finding is None
    files = files_of(path)
    manifest = parsed(files["manifest.json"].decode())
    before = list(manifest.before)
    assert len(before) == 2
    before = {
        "change": ["00" * 32, before[1]],
        "take away": before[:1],
        "add": [*before, before[0]],
    }[change]
    files["manifest.json"] = str(replace(manifest, before=before)).encode()
    kind = "rewritten" if change == "change" else "bad_manifest"
    assert kind_of(repacked(path, files), trail) == kind


# What is no export.


NO_EXPORTS: dict[str, Callable[[Path], bytes]] = {
    "nothing": lambda _: b"",
    "a text": lambda _: b"no archive",
    "the first half": lambda path: path.read_bytes()[: path.stat().st_size // 2],
    "all but the end": lambda path: path.read_bytes()[:-40],
}


@pytest.mark.parametrize("made", NO_EXPORTS.values(), ids=NO_EXPORTS)
def test_what_is_not_a_whole_archive_is_told(whole: Path, made: Callable[[Path], bytes]) -> None:
    whole.write_bytes(made(whole))
    with pytest.raises(BadExport, match="no whole ZIP archive"):
        ExportFile.find(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda files: files.pop("manifest.json"), "no manifest"),
        (lambda files: files.pop("README.txt"), "other files"),
        (lambda files: files.update({"more.txt": b""}), "other files"),
        # A whole export has no erasures of its own: it holds those events themselves.
        (
            lambda files: files.update(
                {
                    "manifest.json": files["manifest.json"].replace(
                        b'"filters": {}', b'"filters": {\n    "a": "b"\n  }'
                    )
                }
            ),
            "other files",
        ),
        (lambda files: files.update({"manifest.json": b"{}"}), "no manifest of an export"),
        (lambda files: files.update({"manifest.json": b"[" * 9999}), "no manifest of an export"),
        (lambda files: files.update({"manifest.json": b"\xff"}), "utf-8"),
        (
            lambda files: files.update(
                {"manifest.json": files["manifest.json"].replace(b"/v1", b"/v9")}
            ),
            "another kind",
        ),
        (
            lambda files: files.update(
                {"manifest.json": files["manifest.json"].replace(b"  ", b" ")}
            ),
            "not written as ours",
        ),
        (
            lambda files: files.update(
                {"manifest.json": files["manifest.json"].replace(b'"first": 1', b'"first": -1')}
            ),
            "not written as ours",
        ),
        (
            lambda files: files.update(
                {"manifest.json": files["manifest.json"].replace(b"+", b"-")}
            ),
            "public key",
        ),
    ],
)
def test_an_archive_that_is_no_export_is_told(
    whole: Path, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    files = files_of(whole)
    change(files)
    with pytest.raises(BadExport, match=message):
        ExportFile.find(repacked(whole, files))


def test_an_archive_with_two_files_of_one_name_is_none(whole: Path) -> None:
    """One reader would see the first, another the second."""
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(whole, "a") as archive,
    ):
        archive.writestr("events.jsonl", b"")
    with pytest.raises(BadExport, match="belong to none of its files"):
        ExportFile.find(whole)


@pytest.mark.requirement("X6")
@fails_without(
    together(
        value(audit_export_files, "LONGEST_TEXT", 1 << 30),
        value(audit_export_files, "LONGEST_LINE", 1 << 30),
    )
)
@pytest.mark.parametrize("name", ["README.txt", "checkpoint.txt", "events.jsonl", "manifest.json"])
def test_a_file_that_swells_when_it_is_unpacked_fills_no_memory(
    trail: Proven, whole: Path, name: str
) -> None:
    files = files_of(whole) | {name: bytes(25_000_000)}
    swollen = repacked(whole, files)
    del files
    tracemalloc.start()
    with suppress(BadExport):
        assert verify(swollen, trail).finding
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.requirement("L7")
@settings(max_examples=tries(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_the_file_is_found_or_changes_nothing(
    trail: Proven, whole: Path, data: st.DataObject
) -> None:
    """Some bytes of a ZIP archive say nothing of what is in it, such as the time of a file."""
    before = whole.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    value = data.draw(st.integers(1, 255))
    changed = whole.with_name("changed.zip")
    changed.write_bytes(before[:place] + bytes([before[place] ^ value]) + before[place + 1 :])
    try:
        finding = verify(changed, trail).finding
    except BadExport:
        return
    assert finding or files_of(changed) == files_of(whole)


# What it cannot show.


def test_what_an_export_cannot_show_is_said(trail: Proven, tmp_path: Path) -> None:
    key = trail.checkpoints.key.verifier
    whole = ExportFile.find(exported(trail, tmp_path))
    assert limits(whole, key=key, kept=trail.kept) == []
    (own_key,) = limits(whole, key=None, kept=[])
    assert "--key" in own_key
    chosen = ExportFile.find(exported(trail, tmp_path, actor_id="ada"))
    left_out, apart = limits(chosen, key=key, kept=trail.kept)
    assert "left out" in left_out
    assert apart.startswith("Of the checkpoints given, 1 could not be compared")
    rows = ExportFile.find(exported(trail, tmp_path, Format.CSV))
    (sentence,) = limits(rows, key=key, kept=[])
    assert "one by one" in sentence


def deflated(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


def behind_the_data(data: bytes) -> bytes:
    """Let the first file's packed data be longer than what unpacks from it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first, *others = archive.infolist()
        files = {one.filename: archive.read(one) for one in (first, *others)}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    packed = deflated(files[first.filename])
    longer = bytearray(made.getvalue().replace(packed, packed + b"JUNK", 1))
    with zipfile.ZipFile(made) as archive:
        central = archive.start_dir + 4
    assert len(longer) == len(made.getvalue()) + 4
    # The sizes and places after it move by four, in each of the headers that tell them.
    _add(longer, 18, 4)
    _add(longer, central + 20, 4)
    at = central
    for _ in others:
        at += 46 + sum(struct.unpack_from("<3H", longer, at + 28))
        _add(longer, at + 42, 4)
    _add(longer, len(longer) - 6, 4)
    return bytes(longer)


def _add(data: bytearray, at: int, more: int) -> None:
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + more)


def between_the_files(data: bytes) -> bytes:
    """Cut one file out of the directory, and leave it where it is."""
    source, made = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
            if name == "checkpoint.txt":
                archive.writestr("unseen.txt", b"FORGED")
        archive.filelist = [one for one in archive.filelist if one.filename != "unseen.txt"]
    return made.getvalue()


def with_a_comment(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 4) + b"JUNK"


def hidden_in_another(data: bytes) -> bytes:
    """Let the directory point to a whole file that stands within another, stored as it is."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        files = {name: source.read(name) for name in source.namelist()}
    hidden, made = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("README.txt", files["README.txt"])
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            more = hidden.getvalue() if name == "events.jsonl" else b""
            archive.writestr(name, content + more)
    changed = bytearray(made.getvalue())
    with zipfile.ZipFile(made) as archive:
        central = archive.start_dir
    struct.pack_into("<I", changed, central + 42, changed.index(hidden.getvalue()))
    return bytes(changed)


def forged_in_front(data: bytes) -> bytes:
    """What a reader sees first that does not look at the directory at the end."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("README.txt", b"All is well.")
        length = made.tell()
    return made.getvalue()[:length] + data


STRAY: dict[str, Callable[[bytes], bytes]] = {
    "behind": lambda data: data + b"JUNK",
    "in front": lambda data: b"JUNK" * 10 + data,
    "a file in front": forged_in_front,
    "between": between_the_files,
    "in a comment": with_a_comment,
    "in another file": hidden_in_another,
}


@pytest.mark.requirement("X4")
@pytest.mark.parametrize("change", STRAY.values(), ids=STRAY)
def test_bytes_outside_the_files_of_an_export_are_refused(
    trail: Proven, whole: Path, change: Callable[[bytes], bytes]
) -> None:
    """Of what is in it nothing may depend on who reads it."""
    path = whole.with_name("stray.zip")
    path.write_bytes(change(whole.read_bytes()))
    with pytest.raises(BadExport, match="belong to none of its files"):
        verify(path, trail)


def test_bytes_behind_the_packed_data_of_a_file_are_found(trail: Proven, whole: Path) -> None:
    path = whole.with_name("stray.zip")
    path.write_bytes(behind_the_data(whole.read_bytes()))
    # Python's own reader passes over them.
    assert files_of(path) == files_of(whole)
    assert kind_of(path, trail) == "file_changed"
