"""Verifying an export with nothing but its file, and whatever checkpoints were kept elsewhere."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.domain.audit_export_files import UNREADABLE, ExportFile, OpenedExport
from app.domain.audit_manifests import CHECKPOINT, CSV, README
from app.domain.audit_proofs import wrong_with
from app.domain.audit_records import from_record
from app.domain.audit_scan import (
    BAD_CHECKPOINT,
    BAD_MANIFEST,
    CHANGED,
    DAMAGED,
    FILE_CHANGED,
    OUT_OF_PLACE,
    Finding,
)
from app.domain.audit_stretch import Stretch, contradiction
from app.domain.audit_trail import AuditAction
from app.domain.audit_verification import Progress, Tampered, Verdict
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import Cover, cover_from
from app.storage.audit_chain import StoredEvent

BATCH = 256

OWN_KEY = (
    "The key came with the export, so this shows no more than that the export agrees with itself."
    " Have the key from elsewhere and give it with --key."
)
FILTERED = (
    "It holds only what fits its filters. That nothing which fits was left out rests on the word"
    " of whoever signed it."
)
ROWS = "Rows cannot be proved one by one: they are as they were when the export was signed."
APART = "Of the checkpoints given, {count:,} could not be compared with this export."


def limits(export: ExportFile, *, key: VerifierKey | None, kept: Sequence[Checkpoint]) -> list[str]:
    """Return what verifying the export cannot show, a sentence each.

    `key` is None when there is none but the one that came with it.
    """
    apart = sum(not _can_be_compared(export, one) for one in kept)
    sentences = {
        OWN_KEY: key is None,
        FILTERED: not export.manifest.is_whole,
        ROWS: export.manifest.events_file == CSV,
        APART.format(count=apart): apart > 0,
    }
    return [sentence for sentence, holds in sentences.items() if holds]


def _can_be_compared(export: ExportFile, checkpoint: Checkpoint) -> bool:
    manifest = export.manifest
    if manifest.is_whole and manifest.events_file != CSV:
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
    check = _Check(export, key, kept, progress)
    finding = None
    try:
        check.run()
    except Tampered as tampered:
        finding = tampered.finding
    return Verdict(
        first=export.manifest.first,
        last=check.last,
        head=check.head,
        checkpoints=check.compared,
        erased=check.erased,
        finding=finding,
    )


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
        self._path, self._key, self._kept, self._progress = export.path, key, kept, progress

    def run(self) -> None:
        """Look at all of it; raise Tampered at the first thing that is wrong.

        The events come first, as they say where it is; the signature and the digests then leave
        no byte uncovered.
        """
        manifest = self.manifest
        with OpenedExport(self._path, manifest.events_file) as archive:
            checkpoint = self._checkpoint(archive)
            if manifest.events_file == CSV:
                self._read_rows(archive.lines(), checkpoint)
            elif manifest.is_whole:
                self._follow(_Records(archive.lines()), checkpoint)
            else:
                self._check_each(_Records(archive.lines()), checkpoint)
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

    def _follow(self, records: "_Records", checkpoint: Checkpoint) -> None:
        """Follow a whole trail, each event to the next."""
        stretch = Stretch(self.last, self._before(), checkpoint, self._kept)
        following = stretch.following
        erasures: dict[str, int] = {}
        while batch := records.batch():
            events = [event for event, _ in batch]
            stretch.follow(events)
            erasures |= _erasures(events)
            self.last, self.head = following.size, following.head
            self._progress(len(events))
        records.check_end(self.last)
        stretch.finish({**erasures, **self.manifest.erased_later})
        self.erased, self.compared = following.erased.count, following.compared

    def _before(self) -> Cover:
        manifest = self.manifest
        try:
            return cover_from([bytes.fromhex(one) for one in manifest.before], manifest.first - 1)
        except ValueError as error:
            raise self._tampered(BAD_MANIFEST) from error

    def _check_each(self, records: "_Records", checkpoint: Checkpoint) -> None:
        """Check events that stand alone, each by its own proof."""
        while batch := records.batch():
            for event, record in batch:
                if event.id <= self.last:
                    raise Tampered(Finding(OUT_OF_PLACE, event.id, event.id))
                if finding := _wrong_with(event, record, checkpoint):
                    raise Tampered(finding)
                self.last, self.head = event.id, event.hash
                self.erased += event.words is None
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


@dataclass
class _Records:
    """The records in the lines of a file, up to the first that cannot be read.

    `broken` then says which kind of finding that is.
    """

    lines: Iterator[bytes]
    broken: str | None = None

    def batch(self) -> list[tuple[StoredEvent, dict[str, Any]]]:
        """Return the next events, each with what stands in its line; none at the end."""
        found: list[tuple[StoredEvent, dict[str, Any]]] = []
        try:
            for line in islice(self.lines, 0 if self.broken else BATCH):
                record = json.loads(line.decode("ascii"))
                found.append((from_record(record), record))
        except (ValueError, RecursionError):
            self.broken = CHANGED
        except UNREADABLE:
            self.broken = DAMAGED
        return found

    def check_end(self, last: int) -> None:
        """Raise Tampered unless the records ended where the file does, with event `last`."""
        if self.broken:
            raise Tampered(Finding(self.broken, last + 1, last + 1))


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


def _erasures(events: Iterable[StoredEvent]) -> dict[str, int]:
    """Return which of the events recorded the erasure of whose words."""
    recorded = (one for one in events if one.action == AuditAction.AUDIT_WORDS_ERASED)
    return {json.loads(one.facts)["person_id"]: one.id for one in recorded}
