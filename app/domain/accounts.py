"""What we decide about a customer's account; the rest is the directory's."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.endings import end_due
from app.storage.accounts import Account
from app.storage.admins import Admin


def switch_impersonation(
    db: Session,
    account: Account,
    *,
    allowed: bool,
    by: Admin,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Allow or forbid impersonation in the account; forbidding ends running sessions (I9)."""
    if account.impersonation_switched_off is not allowed:
        return
    account.impersonation_switched_off = not allowed
    append(
        db,
        event(
            AuditAction.ACCOUNT_IMPERSONATION_SWITCHED,
            now=now,
            provenance=provenance,
            actor=by,
            account=account,
            details={"allowed": allowed},
        ),
    )
    end_due(db, provenance=provenance, now=now)
