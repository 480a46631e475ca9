"""What helps an admin who has lost every second factor: another one resets them."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import company_accounts
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict
from app.domain.sign_ins import end_all
from app.storage.admins import Admin
from app.storage.factors import remove_factors, void_codes


def reset(
    db: Session, admin: Admin, *, by: Admin | None, provenance: Provenance, now: datetime
) -> int:
    """Remove all factors and recovery codes of an admin; return how many factors there were.

    A company account is unlinked as well: its second factor would go on being theirs.
    Their sign-ins and their running session end; the next sign-in begins with enrolment. `by` is
    None for the operator's command. Raises Conflict for oneself, who removes them one by one.
    """
    if by is not None and by.id == admin.id:
        raise Conflict("You cannot reset your own second factors. Ask another superadmin.")
    count = remove_factors(db, admin.id, now=now)
    void_codes(db, admin.id, now=now)
    company_accounts.unlink_all(db, admin, by=by, provenance=provenance, now=now)
    append(
        db,
        event(
            AuditAction.ADMIN_FACTORS_RESET,
            now=now,
            provenance=provenance,
            actor=by,
            details={"admin_id": admin.id, "admin": admin.email, "count": count},
        ),
    )
    end_all(db, admin, why="factors_reset", by=by, provenance=provenance, now=now)
    return count
