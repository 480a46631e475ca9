"""Events that have lost their words, and whether an erasure explains it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.audit_facts import facts_in
from app.storage.audit_chain import StoredEvent

People = tuple[str, ...]


def people_of(event: StoredEvent) -> People:
    """Return the ids of the people whose words an event holds, those that it has.

    They are who did it, the member whom it is about, and the admin whom its facts name.
    """
    admin_id = facts_in(event).get("admin_id")
    named = admin_id if isinstance(admin_id, str) else None
    return tuple(filter(None, (event.actor_id, event.subject_id, named)))


@dataclass
class ErasedWords:
    """Events without words, and the recorded erasures, as they are met in the order of the trail.

    An erasure covers what was recorded before it. So of all events of the same people the first
    since the last erasure of one of them is all that has to be kept.
    """

    count: int = 0
    erasures: dict[str, int] = field(default_factory=dict)
    _open: dict[People, int] = field(default_factory=dict)

    def note(self, event: StoredEvent) -> None:
        """Note that this event has lost its words."""
        self.count += 1
        self._note(people_of(event), event.id)

    def note_erasure(self, event: StoredEvent) -> None:
        """Note that this event recorded the erasure of somebody's words; a blank is nobody."""
        person = facts_in(event).get("person_id")
        if isinstance(person, str) and person:
            self.erasures[person] = event.id

    def join(self, later: "ErasedWords") -> None:
        """Take in what a later run has noted."""
        self.count += later.count
        self.erasures |= later.erasures
        for people, first in later._open.items():
            self._note(people, first)

    def unexplained(self, erasures: Mapping[str, int]) -> int | None:
        """Return the first event that no erasure explains, None if there is none.

        `erasures` holds, by person, further events that recorded one.
        """
        found = [
            first
            for people, first in self._open.items()
            if not (_covers(self.erasures, people, first) or _covers(erasures, people, first))
        ]
        return min(found, default=None)

    def _note(self, people: People, first: int) -> None:
        known = self._open.get(people)
        if known is None or _covers(self.erasures, people, known):
            self._open[people] = first


def _covers(erasures: Mapping[str, int], people: People, number: int) -> bool:
    return any(erasures.get(person, 0) > number for person in people)
