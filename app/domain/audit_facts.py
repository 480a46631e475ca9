"""The facts of an event as they are stored, which somebody may have rewritten."""

import json
from collections.abc import Mapping
from typing import Any

from app.storage.audit_chain import StoredEvent


def facts_in(event: StoredEvent) -> Mapping[str, Any]:
    """Return the facts of an event; none when they cannot be read."""
    return parsed(event.facts)


def parsed(stored: object) -> Mapping[str, Any]:
    """Return facts; none when they cannot be read: the chain says that they were changed."""
    try:
        facts = json.loads(stored) if isinstance(stored, str) else None
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def number_in(event: StoredEvent, name: str) -> int:
    """Return a fact that is the number of an event, 0 when it is none."""
    number = facts_in(event).get(name)
    return number if type(number) is int and number > 0 else 0
