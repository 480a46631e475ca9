"""Which recorded erasure explains that an event has no words, of as many as are needed (L12)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.domain.audit_scan import WORDS_MISSING, Finding, Tampered
from app.domain.audit_trail import AuditAction
from app.domain.erased_words import people_of
from app.storage.audit_chain import StoredEvent
from app.storage.audit_trail import facts_of


def explains(erasures: Mapping[str, int], event: StoredEvent) -> bool:
    """Whether one of the erasures, by person the event that recorded it, covers that event."""
    return any(erasures.get(person, 0) > event.id for person in people_of(event))


def check_words(events: Iterable[StoredEvent], erasures: Mapping[str, int]) -> int:
    """Return how many of the events have lost their words; raise Tampered if one is unexplained."""
    count = 0
    for event in events:
        if event.words is None:
            if not explains(erasures, event):
                raise Tampered(Finding(WORDS_MISSING, event.id, event.id))
            count += 1
    return count


@dataclass
class Explanations:
    """What explains missing words in events up to `last`, as far as it was asked for.

    Each has, by person, the newest event that recorded the erasure of their words: `within` up to
    `last`, where a checkpoint covers it, `later` after that.
    """

    last: int
    within: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    _recorded: list[tuple[int, str]] = field(default_factory=list)

    def check(self, db: Session, events: Iterable[StoredEvent]) -> None:
        """Raise Tampered at the first event whose words are gone without a record."""
        for event in events:
            if event.words is None and not self._explained(event):
                # It may have been recorded since this was read.
                recorded = facts_of(db, AuditAction.AUDIT_WORDS_ERASED)
                self._recorded = [(number, facts["person_id"]) for number, facts in recorded]
                if not self._explained(event):
                    raise Tampered(Finding(WORDS_MISSING, event.id, event.id))

    def _explained(self, event: StoredEvent) -> bool:
        return any(explains(known, event) for known in (self.within, self.later)) or self._found(
            event
        )

    def _found(self, event: StoredEvent) -> bool:
        """Whether a recorded erasure explains it, rather one that the checkpoint covers."""
        people = people_of(event)
        fitting = [one for one in self._recorded if one[0] > event.id and one[1] in people]
        covered = [one for one in fitting if one[0] <= self.last]
        for number, person in (covered or fitting)[-1:]:
            (self.within if covered else self.later)[person] = number
        return bool(fitting)
