"""Reading the trail is itself part of the trail (L13)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.audit_trail import events_since

# Who turns pages to and fro is reading still.
ONE_READING = timedelta(minutes=5)
# How many readings are looked at: with more of them in so short a time, one more does no harm.
READINGS = 200


@dataclass(frozen=True)
class Reader:
    """Who reads: an admin, or a program that may act for one and see no more than one account.

    `through` names the API key of a program, and is empty for an admin on a page.
    """

    admin_id: str | None
    through: str = ""
    account_id: str | None = None


def is_recorded(db: Session, *, page: str, filters: str, reader: Reader, now: datetime) -> bool:
    """Whether that reader's reading of that page, with those filters, is recorded already."""
    details = {"page": page, "filters": filters, "through": reader.through}
    lately = events_since(db, now - ONE_READING, action=AuditAction.AUDIT_READ, limit=READINGS)
    return any(one.actor_id == reader.admin_id and one.details == details for one in lately)


def record(
    db: Session, *, page: str, filters: str, reader: Reader, provenance: Provenance, now: datetime
) -> None:
    """Record that somebody reads the page with those filters, which may hold names."""
    append(
        db,
        event(
            AuditAction.AUDIT_READ,
            now=now,
            provenance=provenance,
            actor=db.get_one(Admin, reader.admin_id) if reader.admin_id else None,
            actor_kind="program",
            account=db.get_one(Account, reader.account_id) if reader.account_id else None,
            details={"page": page, "filters": filters},
        ),
    )
