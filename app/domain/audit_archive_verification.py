"""Verifying archives: each is the file that was recorded, holds by itself, and joins the next."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.domain import audit_export_verification
from app.domain.audit_archived import DONE
from app.domain.audit_export_files import UNREADABLE, BadExport, ExportFile, OpenedExport
from app.domain.audit_export_records import Told
from app.domain.audit_manifests import CHECKPOINT
from app.domain.audit_scan import (
    ARCHIVE_CHANGED,
    BAD_CHECKPOINT,
    DAMAGED,
    MISSING,
    OUT_OF_PLACE,
    REWRITTEN,
    Finding,
    Tampered,
)
from app.domain.audit_trail import AuditAction
from app.domain.audit_verification import Progress
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import cover_from
from app.storage import audit_chain


def told_by_table(db: Session) -> Told:
    """Return what the table records of archives and erasures."""
    told = Told()
    told.note(audit_chain.events_of(db, DONE, AuditAction.AUDIT_WORDS_ERASED))
    return told


@dataclass
class Archives:
    """The archives among some files; `unused` are those of the files that are none of them.

    `told` is what later events record of archives and erasures: first those in the table, then
    those in each archive. `kept` are checkpoints whose signatures have been checked.
    """

    paths: Iterable[Path]
    told: Told
    key: VerifierKey
    kept: Sequence[Checkpoint]
    progress: Progress
    unused: set[Path] = field(init=False)

    def __post_init__(self) -> None:
        self.unused = set(self.paths)
        self._digests = {_sha256(path): path for path in sorted(self.unused)}

    def verify(self, last: int) -> list[Checkpoint]:
        """Verify the archives of the events up to `last`; return the checkpoint of each.

        With these the table is to be compared, which goes on where they end. Raises Tampered at
        the first thing that is wrong, the newest archive first: it records those before it.
        """
        checkpoints: list[Checkpoint] = []
        later: ExportFile | None = None
        while last:
            recorded = self.told.archives.get(last)
            if recorded is None:
                raise Tampered(Finding(MISSING, 1, last))
            archive = self._recorded(last, recorded)
            checkpoint = self._verify(archive)
            if later:
                _joins(checkpoint, later)
            checkpoints.insert(0, checkpoint)
            later, last = archive, archive.manifest.first - 1
        return checkpoints

    def _recorded(self, last: int, recorded: Mapping[str, Any]) -> ExportFile:
        """Return the archive that was recorded, which its SHA-256 names; raise Tampered."""
        path = self._digests.get(str(recorded.get("sha256")))
        if path is None:
            raise Tampered(self._wrong(last, recorded))
        self.unused.discard(path)
        archive = _found(path, last)
        bounds = archive.manifest.first, archive.manifest.last
        # Nothing shorter than one event would ever end this.
        is_it = bounds == (recorded.get("first"), last) and bounds[0] <= last
        if not is_it or not archive.manifest.is_whole:
            raise Tampered(Finding(OUT_OF_PLACE, bounds[0], bounds[0], path.name))
        return archive

    def _wrong(self, last: int, recorded: Mapping[str, Any]) -> Finding:
        """Return what is wrong with an archive that is not there as it was recorded."""
        name, first = str(recorded.get("file")), recorded.get("first")
        first = first if type(first) is int else last
        path = next((one for one in sorted(self.unused) if one.name == name), None)
        if path is None:
            return Finding(MISSING, first, last, name)
        self.unused.discard(path)
        try:
            self._verify(_found(path, last))
        except Tampered as tampered:
            return tampered.finding
        return Finding(ARCHIVE_CHANGED, first, last, name)

    def _verify(self, archive: ExportFile) -> Checkpoint:
        """Verify an archive by itself, and take in what it tells; raise Tampered."""
        later = archive.manifest.erased_later
        verdict, told = audit_export_verification.verify_and_tell(
            archive,
            key=self.key,
            kept=self.kept,
            progress=self.progress,
            # What the manifest says of later events is true only if those are there.
            erased_later={one: later[one] for one in later if (one, later[one]) in self.told},
        )
        if verdict.finding:
            raise Tampered(replace(verdict.finding, file=archive.path.name))
        self.told.join(told)
        return _checkpoint_of(archive, self.key)


def _found(path: Path, last: int) -> ExportFile:
    try:
        return ExportFile.find(path)
    except BadExport as error:
        raise Tampered(Finding(DAMAGED, 1, last, f"{path.name}: {error}")) from error


def _joins(checkpoint: Checkpoint, later: ExportFile) -> None:
    """Raise Tampered unless the later archive goes on where that checkpoint was signed."""
    try:
        before = [bytes.fromhex(one) for one in later.manifest.before]
        shown = cover_from(before, checkpoint.size).root()
    except ValueError:
        shown = b""
    if shown != checkpoint.root:
        raise Tampered(Finding(REWRITTEN, 1, checkpoint.size, later.path.name))


def _checkpoint_of(archive: ExportFile, key: VerifierKey) -> Checkpoint:
    last = archive.manifest.last
    try:
        with OpenedExport(archive.path) as file:
            return opened(file.text(CHECKPOINT).decode(), key)
    except (BadCheckpoint, UnicodeDecodeError, *UNREADABLE) as error:
        raise Tampered(Finding(BAD_CHECKPOINT, last, last, archive.path.name)) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
