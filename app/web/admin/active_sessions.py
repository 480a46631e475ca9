"""The table Active Impersonation Sessions, and how a page knows whether it has changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.storage.impersonations import Impersonation, active_impersonations


@dataclass(frozen=True)
class ActiveSessions:
    """The live sessions and the version of what the table shows of them."""

    rows: Sequence[Impersonation]
    version: str


def active_sessions(db: Session, *, now: datetime) -> ActiveSessions:
    """Return the live sessions at `now`, the newest first.

    The time left is counted by the page itself, so only what else is shown makes a version.
    """
    rows = active_impersonations(db, now=now)
    shown = [(row.id, _minute(row.last_seen_at, now), bool(row.closing_at)) for row in rows]
    return ActiveSessions(rows, hashlib.sha256(repr(shown).encode()).hexdigest()[:16])


def _minute(seen: datetime, now: datetime) -> int:
    """How long ago, in the steps that the table shows it in."""
    seconds = int((now - seen).total_seconds())
    return seconds // 60 if seconds >= 60 else seconds // 15 - 4  # noqa: PLR2004
