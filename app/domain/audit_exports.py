"""Exports of the trail: one ZIP archive that holds events and what shows that they are true.

It is sent while it is written, a batch of events at a time, each read in a transaction of its
own: neither a long trail nor a slow reader fills the memory or keeps anybody waiting. Each event
is checked on its way out, so that nothing is signed that does not hold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.domain import audit_csv
from app.domain.audit_export_readme import readme
from app.domain.audit_manifests import CHECKPOINT, CSV, JSONL, MANIFEST, README, Manifest
from app.domain.audit_proofs import TrailProver
from app.domain.audit_records import as_record
from app.domain.audit_stretch import Stretch
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.audit_tree import TrailTree
from app.domain.audit_verification import Progress, erasures, missing_told
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint, CheckpointKey
from app.domain.merkle import cover
from app.domain.sent_archives import SentArchive
from app.storage.admins import Admin
from app.storage.audit_chain import StoredEvent
from app.storage.audit_exports import first_number, fitting_events
from app.storage.audit_search import EventFilters
from app.storage.audit_trail import canonical_json

# Whole tiles of the tree, so that the proofs of a batch have most of their hashes in common.
BATCH = 2048

# Opens a transaction for reading.
Reading = Callable[[], AbstractContextManager[Session]]


class Format(StrEnum):
    """What the events are written as."""

    JSONL = "jsonl"
    CSV = "csv"

    @property
    def file(self) -> str:
        """The name of the file in the archive."""
        return JSONL if self is Format.JSONL else CSV


@dataclass(frozen=True)
class Export:
    """What is exported: the events from `first` on that the checkpoint covers and the filters fit.

    `asked` are the filters as they were written, by name; `by` says who has asked.
    """

    format: Format
    filters: EventFilters
    asked: Mapping[str, str]
    first: int
    checkpoint: Checkpoint
    by: str
    at: datetime

    @property
    def is_whole(self) -> bool:
        """Whether nothing was filtered out."""
        return not self.asked

    @property
    def last(self) -> int:
        """The number of the last event that is looked at."""
        return self.checkpoint.size

    @property
    def file_name(self) -> str:
        """What to call the archive: "audit-trail-20261121-140509.zip"."""
        return f"audit-trail-{self.at:%Y%m%d-%H%M%S}.zip"


def prepare(
    db: Session,
    *,
    format: Format,  # noqa: A002 - as everybody calls it
    filters: EventFilters,
    asked: Mapping[str, str],
    trail: Checkpoints,
    actor: Admin | None,
    by: str,
    provenance: Provenance,
    now: datetime,
) -> Export:
    """Sign a checkpoint of all there is, and record the export before any of it leaves (L13).

    `asked` are the filters as they were written, by name, and so are they recorded; `by` names
    the program. The checkpoint is to be kept once this has been committed. Raises Tampered or
    BadCheckpoint when the trail is not what was signed before.
    """
    checkpoint = trail.make(db, now=now)
    first = first_number(db)
    details = {
        "by": by,
        "format": format.value,
        "first": first,
        "last": checkpoint.size,
        "filters": urlencode(asked),
    }
    append(
        db,
        event(
            AuditAction.AUDIT_EXPORTED,
            now=now,
            provenance=provenance,
            actor=actor,
            details=details,
        ),
    )
    who = actor.email if actor else by
    return Export(format, filters, asked, first, checkpoint, by=who, at=now)


def written(
    export: Export,
    *,
    key: CheckpointKey,
    read: Reading,
    progress: Progress = lambda _done: None,
) -> Iterator[bytes]:
    """Yield the archive piece by piece.

    `progress` is told how many more events have been looked at. Raises Tampered at the first
    thing that is not what was recorded: what has left by then is no whole archive.
    """
    file = export.format.file
    about = readme(key.name, file=file, is_whole=export.is_whole)
    archive = SentArchive(export.at)
    yield from archive.add(README, [about])
    yield from archive.add(CHECKPOINT, [key.sign(export.checkpoint).encode()])
    events = _Events(export, read, progress)
    yield from archive.add(file, events.pieces())
    manifest = Manifest(
        filters=dict(export.asked),
        first=export.first,
        last=export.last,
        count=events.count,
        files=dict(archive.digests),
        before=[node.hash.hex() for node in events.before.nodes],
        erased_later=events.erased_later,
        made_at=export.at.isoformat(),
        made_by=export.by,
        key=str(key.verifier),
    )
    yield from archive.add(MANIFEST, [str(manifest.signed(key)).encode()])
    yield archive.close()


class _Events:
    """The events of an export on their way out; `count` is how many have left.

    `before` are the subtrees over the events before the first one, for the root. `erased_later`
    has, by person, the erasures that were recorded after the last event and explain what is
    missing.
    """

    def __init__(self, export: Export, read: Reading, progress: Progress) -> None:
        self.count = 0
        self.erased_later: dict[str, int] = {}
        self._export, self._read, self._progress = export, read, progress
        with read() as db, missing_told():
            self.before = cover(TrailTree(db), 0, export.first - 1)

    def pieces(self) -> Iterator[bytes]:
        """Yield what the file holds; raise Tampered at the first event that does not hold."""
        export = self._export
        stretch = Stretch(export.first - 1, self.before, export.checkpoint)
        if export.format is Format.CSV:
            yield audit_csv.header()
        for after, last in _batches(export.first - 1, export.last):
            with self._read() as db:
                events = fitting_events(db, export.filters, after=after, last=last)
                if export.is_whole:
                    stretch.follow(events)
                piece = self._piece(db, events)
            self.count += len(events)
            yield piece
            self._progress(last - after)
        if export.is_whole:
            self._finish(stretch)

    def _piece(self, db: Session, events: Sequence[StoredEvent]) -> bytes:
        export = self._export
        proofs: list[dict[str, Any]] = [{}] * len(events)
        if not export.is_whole:
            proofs = _proofs(db, events, export.checkpoint)
        if export.format is Format.CSV:
            return audit_csv.rows(events)
        shown = zip(map(as_record, events), proofs, strict=True)
        lines = [canonical_json(record | proof) for record, proof in shown]
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def _finish(self, stretch: Stretch) -> None:
        with self._read() as db:
            known = erasures(db)
        stretch.finish(known)
        self.erased_later = {
            person: number for person, number in known.items() if number > self._export.last
        }


def _proofs(
    db: Session, events: Iterable[StoredEvent], checkpoint: Checkpoint
) -> list[dict[str, Any]]:
    """Return what goes with each event that stands without its neighbours."""
    prover = TrailProver.of(db, checkpoint)
    proofs = (prover.prove(one) for one in events)
    return [
        {"proof": [hash_.hex() for hash_ in proof], "tree_size": checkpoint.size}
        for proof in proofs
    ]


def _batches(after: int, last: int) -> list[tuple[int, int]]:
    """Cut the numbers above `after` up to `last` at whole tiles."""
    ends = [*range((after // BATCH + 1) * BATCH, last, BATCH), last]
    return list(pairwise([after, *ends]))
