"""How far the trail has been verified and signed, and whether something was found."""

from dataclasses import dataclass
from datetime import datetime

from flask import g, url_for

from app.domain import verification_events
from app.domain.audit_trail import AuditAction
from app.storage.audit_checkpoints import AuditCheckpoint, latest_checkpoint
from app.storage.audit_trail import AuditEvent, facts_of, latest_event
from app.storage.paging import Cursor
from app.web.event_sentences import UNREADABLE, finding_of, verifier_of
from app.web.pagination import PARAMETER


@dataclass(frozen=True)
class Verification:
    """How verifying went the last time: when, by which program, and up to which event.

    `finding` says what is wrong, empty for nothing, and `url` leads to where it begins.
    """

    at: datetime
    by: str
    last: str
    finding: str
    url: str

    @classmethod
    def of(cls, event: AuditEvent) -> "Verification":
        """Return what an event of that says; what cannot be read is a finding of its own."""
        doubted = event.action == AuditAction.AUDIT_DOUBTED
        try:
            first, last = event.details.get("first"), event.details.get("last")
            by, finding = verifier_of(event), finding_of(event) if doubted else ""
        except (ValueError, TypeError, AttributeError):
            first, last, by, finding = event.id, None, "?", UNREADABLE
        return cls(
            at=event.at,
            by=by,
            last=f"{last:,}" if isinstance(last, int) else "?",
            finding=finding,
            url=_url_from(first if isinstance(first, int) else event.id),
        )


@dataclass(frozen=True)
class TrailState:
    """The last verification and the last checkpoint; None for what never was."""

    verification: Verification | None
    checkpoint: AuditCheckpoint | None

    @property
    def is_doubted(self) -> bool:
        """Whether the trail is not what was recorded, as far as anybody knows."""
        return self.verification is not None and bool(self.verification.finding)


def trail_state() -> TrailState:
    """Return the state of the trail as this request's transaction sees it."""
    event = _standing_doubt() or verification_events.latest(g.db)
    return TrailState(Verification.of(event) if event else None, latest_checkpoint(g.db))


def _standing_doubt() -> AuditEvent | None:
    """Return the last event that found something, unless the place was found to be good since."""
    doubted = latest_event(g.db, [AuditAction.AUDIT_DOUBTED])
    if doubted is None:
        return None
    try:
        first = doubted.details.get("first")
        # To verify from a later checkpoint on says nothing about what comes before it.
        verified = facts_of(g.db, AuditAction.AUDIT_VERIFIED)
        since = [facts["first"] for number, facts in verified if number > doubted.id]
        return None if any(one <= first for one in since) else doubted
    except (ValueError, TypeError, KeyError, AttributeError):
        # Somebody has rewritten the findings themselves.
        return doubted


def _url_from(number: int) -> str:
    """Return the address of the page of the trail that begins with that event."""
    trail = url_for("audit_trail.index")
    return f"{trail}?{PARAMETER}={Cursor((number + 1,))}#event-{number}"
