"""An event as other programs get it: one JSON object that holds all that its hash covers.

Exports, copies and proofs speak this one form. Whoever has a record can work its hash out again.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.storage.audit_chain import HASHED_FIELDS, StoredEvent
from app.storage.audit_trail import canonical_json
from app.storage.base import EPOCH, MICROSECOND

# What stands in a record as it is stored; the time and the facts are spelt out.
PLAIN = tuple(name for name in HASHED_FIELDS if name not in ("at", "facts"))
HASHES = ("words_digest", "previous_hash", "hash")


class BadRecord(ValueError):
    """The JSON object is no record of an event."""


def as_record(event: StoredEvent) -> dict[str, Any]:
    """Return the record of an event. Its words and their salt are None once they are erased."""
    return {
        **{name: getattr(event, name) for name in PLAIN},
        "at": (EPOCH + event.at * MICROSECOND).isoformat(timespec="microseconds"),
        "facts": json.loads(event.facts),
        "words": json.loads(event.words) if event.words is not None else None,
        "salt": event.salt.hex() if event.salt is not None else None,
        **{name: getattr(event, name).hex() for name in HASHES},
    }


def from_record(record: Mapping[str, Any]) -> StoredEvent:
    """Return the event of a record; raise BadRecord for anything else."""
    try:
        words, salt = record["words"], record["salt"]
        # Words without their salt would be covered by nothing.
        if type(record["id"]) is not int or (words is None) is not (salt is None):
            raise BadRecord("this is not the record of an event")
        same: dict[str, Any] = {name: record[name] for name in PLAIN}
        hashes: dict[str, Any] = {name: bytes.fromhex(record[name]) for name in HASHES}
        return StoredEvent(
            **same,
            **hashes,
            at=(datetime.fromisoformat(record["at"]) - EPOCH) // MICROSECOND,
            facts=canonical_json(record["facts"]),
            salt=None if salt is None else bytes.fromhex(salt),
            words=None if words is None else canonical_json(words),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadRecord("this is not the record of an event") from error


def as_line(event: StoredEvent) -> str:
    """Return the record on one line of ASCII, whatever the event holds (X4)."""
    return canonical_json(as_record(event))
