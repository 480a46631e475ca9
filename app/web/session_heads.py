"""What stands above the timeline of a session: from its events, and where those are not, told so.

The table of sessions repeats it, but no hash covers that table: it is only what there is to show
when an event has gone to an archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.audit_trail import AuditAction
from app.storage.audit_trail import ERASED, AuditEvent
from app.storage.impersonations import Impersonation
from app.web.end_sentences import end_sentence, sentence_of

UNREADABLE = (ValueError, TypeError, AttributeError)
ROW = "from the table of sessions, which no hash covers"
NO_START = f"The event of its start cannot be read here: start, reason and ticket link are {ROW}."
NO_END = f"The event of its end cannot be read here: when and how it ended is {ROW}."


@dataclass(frozen=True)
class Start:
    """How it began, and when it ends at the latest.

    `is_claimed` says that the address is what a program says of a person, which nobody has seen.
    """

    at: datetime
    ends_by: datetime
    reason: str
    ticket_url: str
    address: str
    is_claimed: bool = False


@dataclass(frozen=True)
class End:
    """When it ended, after how many seconds, and the sentence that says why."""

    at: datetime
    seconds: int
    why: str


@dataclass(frozen=True)
class Head:
    """How a session began and, if it has, ended; `gaps` says what of it is not from its events."""

    start: Start
    end: End | None
    gaps: list[str] = field(default_factory=list)

    @property
    def lacks_start(self) -> bool:
        """Whether its first event is not there: it may be in an archive, as no later one can."""
        return NO_START in self.gaps


def head_of(impersonation: Impersonation, events: Sequence[AuditEvent]) -> Head:
    """Return how the session began and ended, as its events say it: all that are in the table."""
    start = _start_in(_first(events, AuditAction.IMPERSONATION_STARTED))
    known = start or _start_of(impersonation)
    name = impersonation.impersonator.name
    end = _end_in(_first(events, AuditAction.IMPERSONATION_ENDED), known, name)
    missing = {NO_START: start is None, NO_END: end is None and impersonation.ended_at is not None}
    gaps = [sentence for sentence, holds in missing.items() if holds]
    return Head(known, end or _end_of(impersonation), gaps)


def _first(events: Sequence[AuditEvent], action: AuditAction) -> AuditEvent | None:
    return next((one for one in events if one.action == action), None)


def _start_in(event: AuditEvent | None) -> Start | None:
    if event is None:
        return None
    try:
        absent = ERASED if event.is_erased else ""
        return Start(
            at=event.at,
            ends_by=datetime.fromisoformat(event.details["expires_at"]),
            reason=str(event.reason or absent),
            ticket_url=str(event.details.get("ticket_url", absent)),
            address=str(event.address or absent),
            is_claimed=event.details.get("claimed") is True,
        )
    except (*UNREADABLE, KeyError):
        return None


def _end_in(event: AuditEvent | None, start: Start, impersonator: str) -> End | None:
    if event is None:
        return None
    try:
        why = sentence_of(
            event.details["why"], impersonator=impersonator, ended_by=event.actor_name
        )
        # What was found to be over late was over in time.
        at = min(event.at, start.ends_by)
        return End(at=at, seconds=int(event.details["seconds"]), why=why)
    except (*UNREADABLE, KeyError):
        return None


def _start_of(impersonation: Impersonation) -> Start:
    return Start(
        at=impersonation.started_at,
        ends_by=impersonation.expires_at,
        reason=impersonation.reason,
        ticket_url=impersonation.ticket_url,
        address=impersonation.address,
    )


def _end_of(impersonation: Impersonation) -> End | None:
    ended_at = impersonation.ended_at
    if ended_at is None:
        return None
    seconds = int((ended_at - impersonation.started_at).total_seconds())
    return End(at=ended_at, seconds=seconds, why=end_sentence(impersonation))
