"""Events to copy, and copying them as the worker does."""

from datetime import datetime

from app import worker
from app.domain.audit_copies import Copy, Courier, Target, copies
from app.domain.audit_trail import AuditAction, append, event
from app.storage.admins import Admin
from app.storage.database import Database
from tests.factories import FROM_THE_OFFICE


def record(database: Database, count: int, *, now: datetime, email: str = "x@example.com") -> None:
    """Record so many failed sign-ins, each in its own transaction."""
    for _ in range(count):
        with database.unit_of_work(writing=True) as db:
            failed = event(
                AuditAction.SIGN_IN_FAILED,
                now=now,
                provenance=FROM_THE_OFFICE,
                actor=db.get_one(Admin, "ada"),
                details={"why": "no_match", "admin_id": "ada", "email": email},
            )
            append(db, failed)


def copy(database: Database, courier: Courier, *, now: datetime) -> int:
    """Bring the place batches until it has everything or does not take it; return how many."""
    batches = 0
    while worker.copy_trail(database, courier, now=now) is worker.MORE:
        batches += 1
    return batches


def state(database: Database, target: Target) -> Copy:
    """Return how that copy is doing."""
    with database.unit_of_work(writing=False) as db:
        (found,) = copies(db, [target.name])
    return found
