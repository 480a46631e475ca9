"""How far the trail has been verified and signed, and whether something was found."""

from dataclasses import dataclass
from datetime import datetime

from flask import g, url_for

from app.domain import doubts, verification_events
from app.domain.audit_trail import AuditAction
from app.storage.audit_checkpoints import AuditCheckpoint, latest_checkpoint
from app.storage.audit_trail import AuditEvent
from app.storage.paging import Cursor
from app.web.event_sentences import UNREADABLE, finding_of, verifier_of
from app.web.pagination import PARAMETER


@dataclass(frozen=True)
class Verification:
    """How verifying went the last time: when, by which program, from where and up to which event.

    `kept` is how many checkpoints from outside the database it agreed with. `finding` says what
    is wrong, empty for nothing, and `url` leads to where it begins.
    """

    at: datetime
    by: str
    first: str
    last: str
    kept: int
    finding: str
    url: str

    @classmethod
    def of(cls, event: AuditEvent) -> "Verification":
        """Return what an event of that says; what cannot be read is a finding of its own."""
        doubted = event.action == AuditAction.AUDIT_DOUBTED
        kept: object = 0
        try:
            first, last = event.details.get("first"), event.details.get("last")
            kept = event.details.get("kept")
            by, finding = verifier_of(event), finding_of(event) if doubted else ""
        except (ValueError, TypeError, AttributeError):
            first, last, by, finding = event.id, None, "?", UNREADABLE
        return cls(
            at=event.at,
            by=by,
            first=f"{first:,}" if isinstance(first, int) else "?",
            last=f"{last:,}" if isinstance(last, int) else "?",
            kept=kept if isinstance(kept, int) else 0,
            finding=finding,
            url=_url_from(first if isinstance(first, int) else event.id),
        )


@dataclass(frozen=True)
class TrailState:
    """The last verification and the last checkpoint; None for what never was.

    `waits` says whether a finding waits to be acknowledged, so that no session starts.
    """

    verification: Verification | None
    checkpoint: AuditCheckpoint | None
    waits: bool

    @property
    def is_doubted(self) -> bool:
        """Whether the trail is not what was recorded, as far as anybody knows."""
        return self.verification is not None and bool(self.verification.finding)


def trail_state() -> TrailState:
    """Return the state of the trail as this request's transaction sees it."""
    standing = doubts.standing(g.db)
    event = (
        g.db.get(AuditEvent, standing[-1].number) if standing else verification_events.latest(g.db)
    )
    return TrailState(
        verification=Verification.of(event) if event else None,
        checkpoint=latest_checkpoint(g.db),
        waits=doubts.unacknowledged(g.db) is not None,
    )


def _url_from(number: int) -> str:
    """Return the address of the page of the trail that begins with that event."""
    trail = url_for("audit_trail.index")
    return f"{trail}?{PARAMETER}={Cursor((number + 1,))}#event-{number}"
