"""Every way to alter a folder of archives that we know of, and what catches it."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app.domain import audit_archives, audit_exports, erasures
from app.domain import checkpoints as note
from app.domain.audit_archive_verification import Archives, told_by_table
from app.domain.audit_archived import archived
from app.domain.audit_archives import SHORTEST_RETENTION
from app.domain.audit_manifests import CHECKPOINT, MANIFEST, parsed
from app.domain.audit_scan import Finding, Tampered
from app.domain.audit_trail import OPERATOR
from app.domain.checkpoints import Checkpoint
from app.domain.merkle import Cover, Node, leaf_hash
from app.storage.admins import Admin
from app.storage.database import Database
from tests.exporting import exported, files_of, records_of, repacked, tampered
from tests.owner import owners
from tests.proving import Proven, proven
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("L8", "L12")

TILE = 256
OLDER, NEWER = f"events-1-{TILE}.zip", f"events-{TILE + 1}-{2 * TILE}.zip"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "archives"
    folder.mkdir()
    return folder


@pytest.fixture
def trail(
    database_url: str, key_folder: Path, tmp_path: Path, now: datetime, folder: Path
) -> Iterator[Proven]:
    """Two archives of a tile each; the newer one holds the record of the older."""
    database = Database(owners(database_url), pruning=True)
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    for _ in range(2):
        trail.record_at_once(TILE)
        trail.now += 2 * SHORTEST_RETENTION
        trail.record(1)
        trail.sign()
        archive(trail, folder)
    yield trail
    database.dispose()


def archive(trail: Proven, folder: Path) -> None:
    """Order that what is older goes to a file, and do it."""
    with trail.database.unit_of_work(writing=True) as db:
        before, ada = trail.now - SHORTEST_RETENTION, db.get_one(Admin, "ada")
        audit_archives.order(db, before=before, by=ada, provenance=OPERATOR, now=trail.now)
    with trail.database.unit_of_work(writing=True) as db:
        export = audit_archives.prepare(db, trail=trail.checkpoints, by="a test", now=trail.now)
    path = folder / f"events-{export.first}-{export.last}.zip"
    read = partial(trail.database.unit_of_work, writing=False)
    path.write_bytes(b"".join(audit_exports.written(export, key=trail.checkpoints.key, read=read)))
    with trail.database.unit_of_work(writing=True) as db:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        audit_archives.record(
            db, export=export, file=path.name, sha256=digest, provenance=OPERATOR, now=trail.now
        )
    with trail.database.unit_of_work(writing=True) as db:
        audit_archives.prune(db)


def opened(trail: Proven, folder: Path) -> tuple[Archives, int]:
    """Return the archives in the folder, and up to where they should go."""
    with trail.database.unit_of_work(writing=False) as db:
        told, last = told_by_table(db), archived(db)
    key = trail.checkpoints.key.verifier
    archives = Archives(list(folder.iterdir()), told, key, trail.kept, lambda _: None)
    return archives, last


def verify(trail: Proven, folder: Path) -> list[Checkpoint]:
    archives, last = opened(trail, folder)
    return archives.verify(last)


def finding(trail: Proven, folder: Path) -> Finding:
    with pytest.raises(Tampered) as raised:
        verify(trail, folder)
    return raised.value.finding


def test_each_archive_is_the_one_that_was_recorded(trail: Proven, folder: Path) -> None:
    assert [one.size for one in verify(trail, folder)] == [TILE, 2 * TILE]


def test_a_name_says_nothing(trail: Proven, folder: Path) -> None:
    (folder / OLDER).rename(folder / "moved.ZIP")
    assert len(verify(trail, folder)) == 2


def test_other_files_are_left_out_and_named(trail: Proven, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.zip").write_bytes(b"x")
    shutil.copy(folder / OLDER, folder / "zz.zip")
    shutil.copy(exported(trail, tmp_path), folder / "export.zip")
    archives, last = opened(trail, folder)
    assert len(archives.verify(last)) == 2
    named = {path.name for path in archives.unused}
    assert named - {OLDER, "zz.zip"} == {"notes.zip", "export.zip"}
    assert len(named) == 3


# What is done to the file, and what is found, where.
Change = Callable[[Path, Proven], object]
ATTACKS: dict[str, tuple[Change, str]] = {
    "take it away": (lambda path, _: path.unlink(), "missing"),
    "cut it": (lambda path, _: path.write_bytes(path.read_bytes()[:-1000]), "damaged"),
    "add bytes": (lambda path, _: path.write_bytes(path.read_bytes() + b"JUNK"), "damaged"),
    "put bytes in front": (
        lambda path, _: path.write_bytes(b"JUNK" * 10 + path.read_bytes()),
        "damaged",
    ),
    "pack it anew": (
        lambda path, _: repacked(path, files_of(path)).rename(path),
        "archive_changed",
    ),
    "delete an event": (
        lambda path, _: tampered(path, lambda lines: lines.pop(6), mended=True).rename(path),
        "missing",
    ),
    "put another in its place": (
        lambda path, _: path.write_bytes(
            (path.parent / (OLDER if path.name == NEWER else NEWER)).read_bytes()
        ),
        "archive_changed",
    ),
}


@pytest.mark.parametrize("name", [OLDER, NEWER])
@pytest.mark.parametrize(("change", "kind"), ATTACKS.values(), ids=ATTACKS)
def test_each_attack_on_an_archive_is_found_and_names_the_file(
    trail: Proven, folder: Path, name: str, change: Change, kind: str
) -> None:
    change(folder / name, trail)
    found = finding(trail, folder)
    assert found.kind == kind
    assert found.sentence.startswith(f"{name}: ")
    assert found.last <= (TILE if name == OLDER else 2 * TILE)


@fails_without(
    line(
        Archives._verify,
        "erased_later={one: later[one] for one in later if (one, later[one]) in self.told},",
    )
)
def test_words_that_were_erased_after_an_archive_are_explained_by_what_is_there(
    trail: Proven, folder: Path
) -> None:
    """The erasure is in the table, or in a later archive."""
    trail.record_at_once(TILE)
    trail.now += 2 * SHORTEST_RETENTION
    with trail.database.unit_of_work(writing=True) as db:
        erasures.record(db, "mia", provenance=OPERATOR, now=trail.now)
    with trail.database.unit_of_work(writing=True) as db:
        erasures.carry_out(db, "mia")
    trail.sign()
    archive(trail, folder)
    archives, last = opened(trail, folder)
    assert archives.verify(last)[-1].size == last
    archives, last = opened(trail, folder)
    archives.told.erasures.clear()
    with pytest.raises(Tampered) as raised:
        archives.verify(last)
    assert raised.value.finding.kind == "words_missing"


@fails_without(
    line(
        Archives._recorded,
        'self._digests.get(str(recorded.get("sha256")))',
        'next(one for one in self.unused if one.name == recorded["file"])',
    )
)
def test_an_archive_signed_anew_is_not_the_one_that_was_recorded(
    trail: Proven, folder: Path
) -> None:
    """Whoever has the key can sign another manifest, but not change what the chain says of it."""
    path = folder / OLDER
    files = files_of(path)
    manifest = parsed(files[MANIFEST].decode())
    forged = replace(manifest, made_by="somebody else").signed(trail.checkpoints.key)
    repacked(path, {**files, MANIFEST: str(forged).encode()}).rename(path)
    assert finding(trail, folder) == Finding("archive_changed", 1, TILE, OLDER)


@fails_without(line(Archives.verify, "_joins(checkpoint, later)", "pass"))
def test_archives_have_to_join_whoever_has_signed_them(trail: Proven, folder: Path) -> None:
    """A newer one that holds by itself, and would be the one that was recorded."""
    key, files = trail.checkpoints.key, files_of(folder / NEWER)
    before = Cover([Node(8, 0, bytes(32))])
    hashes = [bytes.fromhex(record["hash"]) for record in records_of(folder / NEWER)]
    root = before.copy()
    root.add_leaves(TILE, [leaf_hash(one) for one in hashes])
    checkpoint = note.opened(files[CHECKPOINT].decode(), key.verifier)
    files[CHECKPOINT] = key.sign(replace(checkpoint, root=root.root())).encode()
    manifest = parsed(files[MANIFEST].decode())
    digests = {**manifest.files, CHECKPOINT: hashlib.sha256(files[CHECKPOINT]).hexdigest()}
    forged = replace(manifest, before=[bytes(32).hex()], files=digests).signed(key)
    repacked(folder / NEWER, {**files, MANIFEST: str(forged).encode()}).rename(folder / NEWER)
    archives, last = opened(trail, folder)
    digest = hashlib.sha256((folder / NEWER).read_bytes()).hexdigest()
    archives.told.archives[last] = {**archives.told.archives[last], "sha256": digest}
    archives.kept = []
    with pytest.raises(Tampered) as raised:
        archives.verify(last)
    assert raised.value.finding == Finding("rewritten", 1, TILE, NEWER)


def test_nothing_recorded_is_nothing_to_verify(
    database: Database, key_folder: Path, tmp_path: Path, now: datetime, folder: Path
) -> None:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now + timedelta(days=1))
    assert verify(trail, folder) == []
