"""Following a run of events, from the database or a file: is each what it was, in its place?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.merkle import Cover, leaf_hash
from app.storage.audit_chain import StoredEvent, event_hash, words_digest

MISSING, CHANGED, CUT_OFF, REWRITTEN = "missing", "changed", "cut_off", "rewritten"
OUT_OF_PLACE, WORDS_CHANGED, WORDS_MISSING = "out_of_place", "words_changed", "words_missing"
BAD_CHECKPOINT = "bad_checkpoint"
# What only the file of an export can have.
NOT_COVERED, DAMAGED = "not_covered", "damaged"
BAD_MANIFEST, FILE_CHANGED = "bad_manifest", "file_changed"

SENTENCES = {
    MISSING: "{events} missing.",
    CHANGED: "Event {first} is not what was recorded.",
    OUT_OF_PLACE: "Event {first} does not follow the event before it.",
    WORDS_CHANGED: "The words of event {first} are not what was recorded.",
    WORDS_MISSING: "The words of event {first} are missing, and no erasure explains it.",
    CUT_OFF: "{events} been cut off: a checkpoint that was signed earlier covers them.",
    REWRITTEN: "The trail up to event {last} is not the one that was signed: "
    "something from event {first} on has been rewritten, hashes included.",
    BAD_CHECKPOINT: "The checkpoint at event {last} is not signed by our key.",
    NOT_COVERED: "{events} not covered by the checkpoint: something was added to the export.",
    DAMAGED: "The export cannot be read from event {first} on.",
    BAD_MANIFEST: "The manifest of the export is not signed by the trail's key.",
    FILE_CHANGED: "The export is not as it was signed: something in it was changed, added or "
    "left out.",
}


@dataclass(frozen=True)
class Finding:
    """The first thing that is wrong, and where: at or between these events."""

    kind: str
    first: int
    last: int

    @property
    def sentence(self) -> str:
        """What a person is told."""
        several = self.last > self.first
        are = ("is", "are")
        be = {MISSING: are, NOT_COVERED: are, CUT_OFF: ("has", "have")}.get(self.kind, ("", ""))
        span = f"Events {self.first} to {self.last}" if several else f"Event {self.first}"
        return SENTENCES[self.kind].format(
            events=f"{span} {be[several]}", first=self.first, last=self.last
        )


@dataclass
class ErasedWords:
    """Events whose words are gone: for each pair of people, actor and subject, which."""

    count: int = 0
    _spans: dict[tuple[str | None, str | None], tuple[int, int]] = field(default_factory=dict)

    def note(self, event: StoredEvent) -> None:
        """Note that this event has lost its words."""
        self.count += 1
        self._widen((event.actor_id, event.subject_id), event.id, event.id)

    def join(self, later: "ErasedWords") -> None:
        """Take in what a later run has noted."""
        self.count += later.count
        for people, (first, last) in later._spans.items():
            self._widen(people, first, last)

    def unexplained(self, erasures: Mapping[str, int]) -> Finding | None:
        """Return the first event that no erasure explains.

        `erasures` holds, by person, the event that recorded the erasure: it covers those before.
        """
        found = [
            first
            for people, (first, last) in self._spans.items()
            if not any(erasures.get(person or "", 0) > last for person in people)
        ]
        return Finding(WORDS_MISSING, min(found), min(found)) if found else None

    def _widen(self, people: tuple[str | None, str | None], first: int, last: int) -> None:
        self._spans[people] = (self._spans.get(people, (first, last))[0], last)


@dataclass
class Run:
    """What following a run of events has found, from the one after `size` on.

    `before` is the hash that its first event follows, `head` that of its last. `cover` holds the
    subtrees over its leaves; `covers` what it was at each of `sizes`, and `heads` the hash there.
    """

    size: int
    sizes: frozenset[int] = frozenset()
    before: bytes | None = None
    head: bytes | None = None
    cover: Cover = field(default_factory=Cover)
    covers: dict[int, Cover] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    erased: ErasedWords = field(default_factory=ErasedWords)
    finding: Finding | None = None

    def follow(self, events: Iterable[StoredEvent]) -> "Run":
        """Check events, which come in order, until one is wrong; return this."""
        leaves: list[bytes] = []
        for event in events:
            self.finding = self._wrong(event)
            if self.finding:
                break
            if self.before is None:
                self.before = event.previous_hash
            self.size, self.head = event.id, event.hash
            leaves.append(leaf_hash(event.hash))
            if event.id in self.sizes:
                self._cover(leaves)
                self.covers[event.id] = self.cover.copy()
                self.heads[event.id] = event.hash
        self._cover(leaves)
        return self

    def _cover(self, leaves: list[bytes]) -> None:
        self.cover.add_leaves(self.size - len(leaves), leaves)
        leaves.clear()

    def _wrong(self, event: StoredEvent) -> Finding | None:
        number, expected = event.id, self.size + 1
        if number > expected:
            return Finding(MISSING, expected, number - 1)
        if number < expected:
            return Finding(OUT_OF_PLACE, number, number)
        try:
            return self._changed(event)
        except (TypeError, AttributeError, ValueError):
            # What has been tampered with may not even be of its type any more.
            return Finding(CHANGED, number, number)

    def _changed(self, event: StoredEvent) -> Finding | None:
        number = event.id
        digest, previous = event.words_digest, event.previous_hash
        salt, words = event.salt, event.words
        fields = event.hashed_fields
        if event_hash(fields, words_digest=digest, previous_hash=previous) != event.hash:
            return Finding(CHANGED, number, number)
        if self.head is not None and previous != self.head:
            return Finding(OUT_OF_PLACE, number, number)
        if words is None and salt is None:
            self.erased.note(event)
        # Words without a salt would be covered by nothing.
        elif salt is None or words is None or words_digest(salt, words) != digest:
            return Finding(WORDS_CHANGED, number, number)
        return None
