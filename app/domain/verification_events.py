"""What verifying has found, in the trail itself: everybody sees when it was last done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.audit_scan import Finding
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.audit_verification import Verdict
from app.storage.audit_trail import AuditEvent, latest_event

DOUBTED, VERIFIED = AuditAction.AUDIT_DOUBTED, AuditAction.AUDIT_VERIFIED


def record(
    db: Session, verdict: Verdict, *, by: str, provenance: Provenance, now: datetime
) -> None:
    """Record that the trail was verified, or what was found instead. `by` names the program."""
    if verdict.finding:
        record_doubt(db, verdict.finding, by=by, provenance=provenance, now=now)
        return
    append(
        db,
        event(
            VERIFIED,
            now=now,
            provenance=provenance,
            details={
                "by": by,
                "first": verdict.first,
                "last": verdict.last,
                "head": verdict.head.hex(),
                "checkpoints": verdict.checkpoints,
                "kept": verdict.kept,
                "furthest_kept": verdict.furthest_kept,
            },
        ),
    )


def record_doubt(
    db: Session, finding: Finding, *, by: str, provenance: Provenance, now: datetime
) -> None:
    """Record what is wrong with the trail, once for as long as it is the same.

    What is cut off begins further on with each event that is added, and yet it is the same.
    """
    last = latest(db)
    if last is not None and last.action == DOUBTED:
        facts = _facts(last)
        if (facts.get("kind"), facts.get("last")) == (finding.kind, finding.last):
            return
    details = {"by": by, "kind": finding.kind, "first": finding.first, "last": finding.last}
    append(
        db,
        event(DOUBTED, now=now, provenance=provenance, outcome=Outcome.FAILED, details=details),
    )


def latest(db: Session) -> AuditEvent | None:
    """Return the newest event that says how verifying went."""
    return latest_event(db, [VERIFIED, DOUBTED])


def _facts(event: AuditEvent) -> Mapping[str, Any]:
    try:
        return event.details
    except (ValueError, TypeError, AttributeError):
        return {}
