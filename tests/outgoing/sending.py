"""Records to be sent, made by hand."""

import json
from datetime import UTC, datetime, timedelta

from app.domain.audit_copies import CHECKPOINT, EVENT, Record

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def record(
    number: int, *, topic: str = "sign_in.succeeded", succeeded: bool = True, size: int = 0
) -> Record:
    """Return the record of an event, its line of at least that size."""
    line = json.dumps(
        {"account_id": None, "id": number, "words": "x" * size}, separators=(",", ":")
    )
    at = NOW + timedelta(seconds=number)
    return Record(EVENT, number, at, topic, succeeded=succeeded, line=line)


def records(first: int, last: int) -> list[Record]:
    """Return the records of events with these numbers."""
    return [record(number) for number in range(first, last + 1)]


def checkpoint(size: int) -> Record:
    """Return the record of a checkpoint."""
    line = json.dumps({"kind": CHECKPOINT, "note": "…\n", "size": size})
    return Record(CHECKPOINT, size, NOW, CHECKPOINT, succeeded=True, line=line)
