"""The records in the file of an export, as whoever wrote it has left them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.domain.audit_export_files import UNREADABLE
from app.domain.audit_facts import facts_in, number_in
from app.domain.audit_records import from_record
from app.domain.audit_scan import CHANGED, DAMAGED, Finding, Tampered
from app.domain.audit_trail import AuditAction
from app.storage.audit_chain import StoredEvent

BATCH = 256


@dataclass
class Records:
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


@dataclass
class Told:
    """What events record of others: by its last event the facts of each archive, and erasures.

    Each erasure is a person, and the event that recorded that their words are erased.
    """

    archives: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    erasures: set[tuple[str, int]] = field(default_factory=set)

    def note(self, events: Iterable[StoredEvent]) -> None:
        """Take in what events say that come in order and hold."""
        for event in events:
            if event.action == AuditAction.AUDIT_WORDS_ERASED:
                self.erasures.add((str(facts_in(event).get("person_id")), event.id))
            elif event.action == AuditAction.AUDIT_ARCHIVED:
                self.archives[number_in(event, "last")] = facts_in(event)

    def join(self, earlier: "Told") -> None:
        """Take in what earlier events say; of one archive the later record counts."""
        self.archives = earlier.archives | self.archives
        self.erasures |= earlier.erasures

    def __contains__(self, erasure: tuple[str, int]) -> bool:
        return erasure in self.erasures

    @property
    def newest_erasures(self) -> dict[str, int]:
        """By person, the newest event that recorded the erasure of their words."""
        return dict(sorted(self.erasures, key=lambda one: one[1]))
