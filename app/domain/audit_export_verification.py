"""Verifying an export with nothing but its file, and whatever checkpoints were kept elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain.audit_erasures import check_words
from app.domain.audit_export_files import UNREADABLE, ExportFile, OpenedExport
from app.domain.audit_export_limits import limits_of
from app.domain.audit_export_records import Records, Told
from app.domain.audit_manifests import CHECKPOINT, ERASURES, README
from app.domain.audit_proofs import wrong_with
from app.domain.audit_scan import (
    BAD_CHECKPOINT,
    BAD_MANIFEST,
    CHANGED,
    FILE_CHANGED,
    OUT_OF_PLACE,
    Finding,
    Tampered,
)
from app.domain.audit_stretch import Stretch, contradiction
from app.domain.audit_trail import AuditAction
from app.domain.audit_verification import Progress, Verdict
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import Cover, cover_from
from app.storage.audit_chain import StoredEvent

OWN_KEY = (
    "The key came with the export, so this shows no more than that the export agrees with itself."
    " Have the key from elsewhere and give it with --key."
)
APART = "Of the checkpoints given, {count:,} could not be compared with this export."


def limits(export: ExportFile, *, key: VerifierKey | None, kept: Sequence[Checkpoint]) -> list[str]:
    """Return what verifying the export cannot show, a sentence each.

    `key` is None when there is none but the one that came with it.
    """
    manifest = export.manifest
    apart = sum(not _can_be_compared(export, one) for one in kept)
    of_its_own = limits_of(
        first=manifest.first,
        is_whole=manifest.is_whole,
        is_rows=manifest.is_rows,
        is_erased_later=bool(manifest.erased_later),
    )
    return [
        *([OWN_KEY] if key is None else []),
        *of_its_own,
        *([APART.format(count=apart)] if apart else []),
    ]


def _can_be_compared(export: ExportFile, checkpoint: Checkpoint) -> bool:
    manifest = export.manifest
    if manifest.is_whole and not manifest.is_rows:
        return manifest.first <= checkpoint.size <= manifest.last
    return checkpoint.size == manifest.last


def verify(
    export: ExportFile,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint] = (),
    progress: Progress = lambda _done: None,
) -> Verdict:
    """Verify an export against the key, and against checkpoints that were kept elsewhere.

    The signatures of `kept` have been checked. `progress` is told how many more events have been
    looked at.
    """
    return verify_and_tell(export, key=key, kept=kept, progress=progress)[0]


def verify_and_tell(
    export: ExportFile,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint],
    progress: Progress,
    erased_later: Mapping[str, int] | None = None,
) -> tuple[Verdict, Told]:
    """Verify an export; return what was found, and what its events record of others.

    `erased_later` replaces what the manifest says of erasures after the last event.
    """
    check = _Check(export, key, kept, progress)
    if erased_later is not None:
        check.erased_later = erased_later
    finding = None
    try:
        check.run()
    except Tampered as tampered:
        finding = tampered.finding
    verdict = Verdict(
        first=export.manifest.first,
        last=check.last,
        head=check.head,
        checkpoints=check.compared,
        erased=check.erased,
        finding=finding,
    )
    return verdict, check.told


class _Check:
    """One verification: up to where all is well, and the hash of the last event there."""

    def __init__(
        self, export: ExportFile, key: VerifierKey, kept: Sequence[Checkpoint], progress: Progress
    ) -> None:
        self.manifest = export.manifest
        self.last = export.manifest.first - 1
        self.head = b""
        self.erased = 0
        self.compared = 0
        self.told = Told()
        self.erased_later = export.manifest.erased_later
        self._path, self._key, self._kept, self._progress = export.path, key, kept, progress

    def run(self) -> None:
        """Look at all of it; raise Tampered at the first thing that is wrong.

        The events come first, as they say where it is; the signature and the digests then leave
        no byte uncovered.
        """
        manifest = self.manifest
        with OpenedExport(self._path) as archive:
            checkpoint = self._checkpoint(archive)
            lines = archive.lines(manifest.events_file)
            if manifest.is_rows:
                self._read_rows(lines, checkpoint)
            elif manifest.is_whole:
                self._follow(Records(lines), checkpoint)
            else:
                self._read_erasures(Records(archive.lines(ERASURES)), checkpoint)
                self._check_each(Records(lines), checkpoint)
        if not manifest.is_signed_by(self._key):
            raise self._tampered(BAD_MANIFEST)
        if archive.digests != manifest.files:
            raise self._tampered(FILE_CHANGED)

    def _checkpoint(self, archive: OpenedExport) -> Checkpoint:
        last = self.manifest.last
        try:
            archive.text(README)
            return opened(archive.text(CHECKPOINT).decode(), self._key)
        except (BadCheckpoint, UnicodeDecodeError) as error:
            raise Tampered(Finding(BAD_CHECKPOINT, last, last)) from error
        except UNREADABLE as error:
            raise self._tampered(FILE_CHANGED) from error

    def _follow(self, records: Records, checkpoint: Checkpoint) -> None:
        """Follow a whole trail, each event to the next."""
        stretch = Stretch(self.last, self._before(), checkpoint, self._kept)
        following = stretch.following
        while batch := records.batch():
            events = [event for event, _ in batch]
            stretch.follow(events)
            self.told.note(events)
            self.last, self.head = following.size, following.head or b""
            self._progress(len(events))
        records.check_end(self.last)
        stretch.finish(self._erasures)
        self.erased, self.compared = following.erased.count, following.compared

    @property
    def _erasures(self) -> dict[str, int]:
        return {**self.told.newest_erasures, **self.erased_later}

    def _before(self) -> Cover:
        manifest = self.manifest
        try:
            return cover_from([bytes.fromhex(one) for one in manifest.before], manifest.first - 1)
        except ValueError as error:
            raise self._tampered(BAD_MANIFEST) from error

    def _read_erasures(self, records: Records, checkpoint: Checkpoint) -> None:
        """Check the events that say why words of others are missing, each by its own proof."""
        last = 0
        while batch := records.batch():
            for event, record in batch:
                finding = _wrong_with(event, record, checkpoint)
                if finding or event.id <= last or event.action != AuditAction.AUDIT_WORDS_ERASED:
                    raise Tampered(finding or Finding(OUT_OF_PLACE, event.id, event.id))
                last = event.id
                self.told.note([event])
        records.check_end(last)

    def _check_each(self, records: Records, checkpoint: Checkpoint) -> None:
        """Check events that stand alone, each by its own proof."""
        erasures = self._erasures
        while batch := records.batch():
            for event, record in batch:
                if event.id <= self.last:
                    raise Tampered(Finding(OUT_OF_PLACE, event.id, event.id))
                if finding := _wrong_with(event, record, checkpoint):
                    raise Tampered(finding)
                self.erased += check_words([event], erasures)
                self.last, self.head = event.id, event.hash
            self._progress(len(batch))
        records.check_end(self.last)
        self._compare(checkpoint)

    def _read_rows(self, lines: Iterable[bytes], checkpoint: Checkpoint) -> None:
        """Read rows for their digest: there is nothing else that covers them."""
        try:
            for _ in lines:
                pass
        except UNREADABLE as error:
            raise self._tampered(FILE_CHANGED) from error
        self.last, self.head = checkpoint.size, checkpoint.head
        self._progress(self.manifest.count)
        self._compare(checkpoint)

    def _compare(self, checkpoint: Checkpoint) -> None:
        if finding := contradiction([checkpoint], self._kept):
            raise Tampered(finding)
        self.compared = 1 + sum(one.size == checkpoint.size for one in self._kept)

    def _tampered(self, kind: str) -> Tampered:
        return Tampered(Finding(kind, self.manifest.first, self.manifest.last))


def _wrong_with(
    event: StoredEvent, record: Mapping[str, Any], checkpoint: Checkpoint
) -> Finding | None:
    try:
        proof = [bytes.fromhex(one) for one in record["proof"]]
        if record["tree_size"] == checkpoint.size:
            return wrong_with(event, proof, checkpoint)
    except (KeyError, TypeError, ValueError):
        pass
    return Finding(CHANGED, event.id, event.id)
