"""A request that is sent again, as its answer was lost on the way, starts no second session."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import endings, handoffs
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Reused
from app.domain.impersonations import lock
from app.storage.admins import Admin
from app.storage.impersonations import Impersonation, impersonation_with_form_key
from app.storage.members import Member

ANOTHER = "This Idempotency-Key has started a session of another member, or for another reason."


@dataclass(frozen=True)
class Repeated:
    """The session that a request has started before, as it is now.

    Its first ticket is nowhere any more, so there is a new one while nobody has opened the
    session; `ticket` is None once somebody has, or it is over.
    """

    impersonation: Impersonation
    ticket: str | None


def repeat(
    db: Session,
    *,
    impersonator: Admin,
    target: Member,
    reason: str,
    ticket_url: str,
    form_key: str,
    provenance: Provenance,
    now: datetime,
) -> Repeated | None:
    """Return what the same request has started before; None if it has not been here.

    From then on until the end of the transaction nobody else can start with this `form_key`.
    Raises Reused when that was another request.
    """
    lock(db, impersonator)
    earlier = impersonation_with_form_key(db, impersonator_id=impersonator.id, form_key=form_key)
    if earlier is None:
        return None
    asked = (target.id, reason.strip(), ticket_url.strip())
    if (earlier.target_id, earlier.reason, earlier.ticket_url) != asked:
        raise Reused(ANOTHER)
    live = endings.still_live(db, earlier, provenance=provenance, now=now)
    if not live or earlier.opened_at is not None:
        return Repeated(earlier, None)
    append(
        db,
        event(
            AuditAction.HANDOFF_RENEWED,
            now=now,
            provenance=provenance,
            impersonation=earlier,
            details={},
        ),
    )
    # It is good for no longer than the first: a session that nobody opens in a minute ends.
    return Repeated(earlier, handoffs.issue(db, earlier, now=earlier.started_at))
