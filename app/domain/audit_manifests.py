"""The manifest of an export: what the archive holds, under the signature of the trail's key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from app.domain.checkpoints import CheckpointKey, VerifierKey
from app.domain.merkle import HASH_BYTES
from app.storage.audit_trail import canonical_json

FORMAT = "understudy/audit-export/v1"
MANIFEST, CHECKPOINT, README = "manifest.json", "checkpoint.txt", "README.txt"
JSONL, CSV = "events.jsonl", "events.csv"
ERASURES = "erasures.jsonl"


class BadManifest(ValueError):
    """The text is no manifest of an export."""


@dataclass(frozen=True)
class Manifest:
    """What an export holds: those of the events `first` to `last` that fit the filters.

    `count` is how many fit. `files` holds the SHA-256 of each other file, `before` the hashes of
    the complete subtrees over the events before `first`, the largest first; both in hexadecimal.
    `erased_later` has, by person, the event after `last` that recorded the erasure of words that
    are missing here. `limits` are sentences about what it cannot show.
    `key` is the verifier key, which whoever checks should have from elsewhere.
    """

    filters: Mapping[str, str]
    first: int
    last: int
    count: int
    files: Mapping[str, str]
    before: Sequence[str]
    erased_later: Mapping[str, int]
    limits: Sequence[str]
    made_at: str
    made_by: str
    key: str
    signature: str = ""

    @property
    def events_file(self) -> str:
        """The name of the file that holds the events."""
        return JSONL if JSONL in self.files else CSV

    @property
    def is_whole(self) -> bool:
        """Whether it holds every event from `first` to `last`."""
        return not self.filters

    @property
    def is_rows(self) -> bool:
        """Whether the events are for a spreadsheet."""
        return self.events_file == CSV

    @property
    def names(self) -> list[str]:
        """The names of all the files, in their order."""
        erasures = [] if self.is_whole or self.is_rows else [ERASURES]
        return [README, CHECKPOINT, self.events_file, *erasures, MANIFEST]

    def signed(self, key: CheckpointKey) -> "Manifest":
        """Return the manifest under the key's signature."""
        return replace(self, signature=key.signature(self._signed_text))

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Whether it is as that key has signed it."""
        return key.has_signed(self._signed_text, self.signature)

    def __str__(self) -> str:
        # There is one way to write it down, so that not even a blank can be changed.
        return json.dumps(self._members | {"signature": self.signature}, indent=2) + "\n"

    @property
    def _members(self) -> dict[str, Any]:
        named = {one.name: getattr(self, one.name) for one in fields(self)[:-1]}
        return {"format": FORMAT, **named}

    @property
    def _signed_text(self) -> str:
        # No checkpoint begins like that, so neither can be taken for the other.
        return f"{FORMAT}\n{canonical_json(self._members)}"


def parsed(text: str) -> Manifest:
    """Return the manifest that `text` spells; raise BadManifest for anything else."""
    try:
        members = json.loads(text)
        if members.pop("format") != FORMAT:
            raise BadManifest("this export is of another kind than this program knows")
        manifest = Manifest(**members)
        fits = all(_fits(manifest, name, kind) for name, kind in _KINDS.items())
        fits = fits and 1 <= manifest.first <= manifest.last + 1
        fits = fits and all(one > manifest.last for one in manifest.erased_later.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, BadManifest):
            raise
        raise BadManifest("this is no manifest of an export") from error
    if not fits or str(manifest) != text:
        raise BadManifest("this manifest is not written as ours are")
    return manifest


_NUMBER = "number"
_TEXT = "text"
_TEXTS = "texts by name"
_NUMBERS = "numbers by name"
_HASHES = "hashes"
_SENTENCES = "sentences"
_KINDS = {
    "filters": _TEXTS,
    "first": _NUMBER,
    "last": _NUMBER,
    "count": _NUMBER,
    "files": _TEXTS,
    "before": _HASHES,
    "erased_later": _NUMBERS,
    "limits": _SENTENCES,
    "made_at": _TEXT,
    "made_by": _TEXT,
    "key": _TEXT,
    "signature": _TEXT,
}


def _fits(manifest: Manifest, name: str, kind: str) -> bool:
    value = getattr(manifest, name)
    if kind == _NUMBER:
        return type(value) is int and value >= 0
    if kind == _TEXT:
        return isinstance(value, str)
    if kind in (_TEXTS, _NUMBERS):
        one_of = str if kind == _TEXTS else int
        return isinstance(value, dict) and all(type(one) is one_of for one in value.values())
    if kind == _SENTENCES:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, list) and all(len(bytes.fromhex(one)) == HASH_BYTES for one in value)
