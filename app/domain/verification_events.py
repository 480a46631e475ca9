"""What verifying has found, in the trail itself: everybody sees when it was last done."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_scan import Finding
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.audit_verification import Verdict
from app.storage.audit_trail import AuditEvent, latest_event


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
            AuditAction.AUDIT_VERIFIED,
            now=now,
            provenance=provenance,
            details={
                "by": by,
                "first": verdict.first,
                "last": verdict.last,
                "head": verdict.head.hex(),
                "checkpoints": verdict.checkpoints,
            },
        ),
    )


def record_doubt(
    db: Session, finding: Finding, *, by: str, provenance: Provenance, now: datetime
) -> None:
    """Record what is wrong with the trail, once for as long as it is the same."""
    details = {"by": by, "kind": finding.kind, "first": finding.first, "last": finding.last}
    last = latest(db)
    if last is not None and last.details == details:
        return
    append(
        db,
        event(
            AuditAction.AUDIT_DOUBTED,
            now=now,
            provenance=provenance,
            outcome=Outcome.FAILED,
            details=details,
        ),
    )


def latest(db: Session) -> AuditEvent | None:
    """Return the newest event that says how verifying went."""
    return latest_event(db, [AuditAction.AUDIT_VERIFIED, AuditAction.AUDIT_DOUBTED])
