"""Following a run of events, from the database or a file: is each what it was, in its place?"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.domain.audit_archived import DONE, ORDERED, Archived
from app.domain.audit_tiles import TILE_WIDTH, Filling, StoredTiles
from app.domain.audit_trail import AuditAction
from app.domain.erased_words import ErasedWords
from app.domain.merkle import Cover, leaf_hash
from app.storage.audit_chain import HASHED_FIELDS, StoredEvent, event_hash, words_digest

MISSING, CHANGED, CUT_OFF, REWRITTEN = "missing", "changed", "cut_off", "rewritten"
OUT_OF_PLACE, WORDS_CHANGED, WORDS_MISSING = "out_of_place", "words_changed", "words_missing"
BAD_CHECKPOINT, SPLIT, TILE, STRAY = "bad_checkpoint", "split", "tile", "stray"
# What the file of checkpoints outside the database can have, and what no other word is for.
KEPT_GONE, KEPT_DAMAGED, UNREADABLE = "kept_gone", "kept_damaged", "unreadable"
# What only the file of an export can have.
NOT_COVERED, DAMAGED = "not_covered", "damaged"
BAD_MANIFEST, FILE_CHANGED = "bad_manifest", "file_changed"
ARCHIVE_CHANGED = "archive_changed"

# Where things stand in an event.
HASHED, NOT_HASHED = slice(len(HASHED_FIELDS)), slice(len(HASHED_FIELDS), None)
ID, ACTION, PREVIOUS_HASH, HASH = map(
    StoredEvent._fields.index, ("id", "action", "previous_hash", "hash")
)
# The events that explain what is gone.
RECORDS = frozenset({AuditAction.AUDIT_WORDS_ERASED, ORDERED, DONE})

SENTENCES = {
    MISSING: "{events} missing.",
    CHANGED: "Event {first} is not what was recorded.",
    OUT_OF_PLACE: "Event {first} does not follow the event before it.",
    STRAY: "Beside the events from {first} on the table holds rows that are none of them: something"
    " was inserted.",
    WORDS_CHANGED: "The words of event {first} are not what was recorded.",
    WORDS_MISSING: "The words of event {first} are missing, and no erasure explains it.",
    CUT_OFF: "{events} been cut off: a checkpoint that was signed earlier covers them.",
    REWRITTEN: "The trail up to event {last} is not the one that was signed: "
    "something from event {first} on has been rewritten, hashes included.",
    BAD_CHECKPOINT: "No checkpoint at event {last} is signed by our key.",
    SPLIT: "Two different histories were signed: the checkpoints of {last} events disagree about "
    "something from event {first} on.",
    TILE: "The hashes that are kept of events {first} to {last} are not those of the events.",
    KEPT_GONE: "The file of checkpoints outside the database is gone, although the trail was signed"
    " up to event {last}. Put it back; if it was moved on purpose, or never written, begin a new"
    " one with flask audit checkpoint. Then run flask audit verify.",
    KEPT_DAMAGED: "The file of checkpoints outside the database holds something that is not signed"
    " by our key. Put a good copy in its place, then run flask audit verify.",
    UNREADABLE: "The trail from event {first} on cannot be followed: the log of the worker says"
    " why. Run flask audit verify.",
    NOT_COVERED: "{events} not covered by the checkpoint: something was added to the export.",
    DAMAGED: "The export cannot be read from event {first} on.",
    BAD_MANIFEST: "The manifest of the export is not signed by the trail's key.",
    FILE_CHANGED: "The export is not as it was signed: something in it was changed, added or "
    "left out.",
    ARCHIVE_CHANGED: "The archive of events {first} to {last} is not the file that was recorded.",
}


@dataclass(frozen=True)
class Finding:
    """The first thing that is wrong, and where: at or between these events.

    `file` is the archive that it was found in, empty for the table and for an export.
    """

    kind: str
    first: int
    last: int
    file: str = ""

    @property
    def sentence(self) -> str:
        """What a person is told."""
        several = self.last > self.first
        are = ("is", "are")
        be = {MISSING: are, NOT_COVERED: are, CUT_OFF: ("has", "have")}.get(self.kind, ("", ""))
        span = f"Events {self.first} to {self.last}" if several else f"Event {self.first}"
        sentence = SENTENCES[self.kind].format(
            events=f"{span} {be[several]}", first=self.first, last=self.last
        )
        return f"{self.file}: {sentence}" if self.file else sentence


class Tampered(Exception):
    """Something is wrong with the trail; `finding` says what and where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


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
    archived: Archived = field(default_factory=Archived)
    finding: Finding | None = None

    def follow(self, events: Iterable[tuple[Any, ...]], tiles: StoredTiles | None = None) -> "Run":
        """Check events, which come in order, until one is wrong; return this.

        Each is a StoredEvent, or the same without its names. The hashes that are kept in `tiles`
        are compared with those of the events.
        """
        filling = Filling(self.size, tiles or StoredTiles())
        leaves, sizes = filling.leaves, self.sizes
        for event in events:
            if not self._is_next(event):
                self.finding = self._wrong(StoredEvent._make(event))
                if self.finding:
                    break
            if self.before is None:
                self.before = event[PREVIOUS_HASH]
            self.size, self.head = number, hash_ = self.size + 1, event[HASH]
            leaves.append(leaf_hash(hash_))
            if event[ACTION] in RECORDS:
                self._note(StoredEvent._make(event))
            if number in sizes:
                self.covers[number] = self.cover.joined_with(filling.cover)
                self.heads[number] = hash_
            if not number % TILE_WIDTH and (wrong := filling.finish(self.cover)):
                self.finding = Finding(TILE, *wrong)
                break
        self.cover = self.cover.joined_with(filling.cover)
        return self

    def _is_next(self, event: tuple[Any, ...]) -> bool:
        """Whether this is the next event, as it was recorded, with its words.

        Nearly every one is, and a million are to be followed in seconds: this says so in as few
        steps as it takes. `_wrong` knows what is the matter with the others, if anything.
        """
        digest, previous, hash_, salt, words = event[NOT_HASHED]
        try:
            return (
                event[ID] == self.size + 1
                and (previous == self.head or self.head is None)
                and event_hash(event[HASHED], digest, previous) == hash_
                and words_digest(salt, words) == digest
            )
        except (TypeError, AttributeError, ValueError):
            return False

    def _note(self, event: StoredEvent) -> None:
        if event.action == AuditAction.AUDIT_WORDS_ERASED:
            self.erased.note_erasure(event)
        else:
            self.archived.note(event)

    def _wrong(self, event: StoredEvent) -> Finding | None:
        number, expected = event.id, self.size + 1
        # In a table that was rebuilt there may be numbers between the whole ones.
        if number > expected:
            return Finding(MISSING, expected, math.ceil(number) - 1)
        if number < expected:
            return Finding(OUT_OF_PLACE, math.floor(number), math.floor(number))
        try:
            return self._changed(expected, event)
        except (TypeError, AttributeError, ValueError):
            # What has been tampered with may not even be of its type any more.
            return Finding(CHANGED, expected, expected)

    def _changed(self, number: int, event: StoredEvent) -> Finding | None:
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
        elif salt is None or words is None or not _are(words, salt, digest):
            return Finding(WORDS_CHANGED, number, number)
        return None


def _are(words: str, salt: bytes, digest: bytes) -> bool:
    try:
        return words_digest(salt, words) == digest
    except (TypeError, AttributeError, ValueError):
        return False
