"""What is exported, and its events on their way out.

Each is checked, so that nothing is signed that does not hold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from app.domain import audit_csv
from app.domain.audit_erasures import Explanations
from app.domain.audit_export_limits import limits_of
from app.domain.audit_manifests import CSV, JSONL
from app.domain.audit_proofs import TrailProver
from app.domain.audit_records import as_record
from app.domain.audit_scan import MISSING, Finding, Tampered
from app.domain.audit_stretch import Stretch
from app.domain.audit_tree import TrailTree, missing_told
from app.domain.audit_verification import Progress
from app.domain.checkpoints import Checkpoint
from app.domain.merkle import cover
from app.storage import audit_chain
from app.storage.audit_chain import StoredEvent
from app.storage.audit_exports import fitting_events
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
    def is_rows(self) -> bool:
        """Whether it is for a spreadsheet."""
        return self.format is Format.CSV

    @property
    def last(self) -> int:
        """The number of the last event that is looked at."""
        return self.checkpoint.size

    @property
    def file_name(self) -> str:
        """What to call the archive: "audit-trail-20261121-140509.zip"."""
        return f"audit-trail-{self.at:%Y%m%d-%H%M%S}.zip"

    def limits(self, *, is_erased_later: bool = False) -> list[str]:
        """Return what it cannot show, a sentence each."""
        return limits_of(
            first=self.first,
            is_whole=self.is_whole,
            is_rows=self.is_rows,
            is_erased_later=is_erased_later,
        )


class ExportedEvents:
    """The events of an export on their way out; `count` is how many have left.

    `before` are the subtrees over the events before the first one, for the root. `erasures` are
    those that explain why words are missing.
    """

    def __init__(self, export: Export, read: Reading, progress: Progress) -> None:
        self.count = 0
        self.erasures = Explanations(export.last)
        self._export, self._read, self._progress = export, read, progress
        with read() as db, missing_told():
            self.before = cover(TrailTree(db), 0, export.first - 1)

    def pieces(self) -> Iterator[bytes]:
        """Yield what the file holds; raise Tampered at the first event that does not hold."""
        export = self._export
        stretch = Stretch(export.first - 1, self.before, export.checkpoint)
        if export.is_rows:
            yield audit_csv.header()
        for after, last in _batches(export.first - 1, export.last):
            with self._read() as db:
                events = fitting_events(db, export.filters, after=after, last=last)
                if export.is_whole:
                    stretch.follow(events)
                piece = self._piece(db, events)
                # The erasure is recorded before the words go, so whoever misses them finds it.
                self.erasures.check(db, events)
            self.count += len(events)
            yield piece
            self._progress(last - after)
        if export.is_whole:
            stretch.finish(self.erasures.within | self.erasures.later)

    def erasure_pieces(self) -> Iterator[bytes]:
        """Yield the events that recorded the erasures, each with its proof and without words."""
        for number in sorted(self.erasures.within.values()):
            with self._read() as db:
                events = list(audit_chain.stored_events(db, after=number - 1, last=number))
                if not events:
                    raise Tampered(Finding(MISSING, number, number))
                shown = [event._replace(words=None, salt=None) for event in events]
                yield _lines(shown, _proofs(db, events, self._export.checkpoint))

    def _piece(self, db: Session, events: Sequence[StoredEvent]) -> bytes:
        export = self._export
        proofs: list[dict[str, Any]] = [{}] * len(events)
        if not export.is_whole:
            proofs = _proofs(db, events, export.checkpoint)
        return audit_csv.rows(events) if export.is_rows else _lines(events, proofs)


def _lines(events: Iterable[StoredEvent], proofs: Iterable[dict[str, Any]]) -> bytes:
    shown = zip(map(as_record, events), proofs, strict=True)
    lines = [canonical_json(record | proof) for record, proof in shown]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


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
