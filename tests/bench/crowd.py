"""Many superadmins, and the sessions they have open: put in by the thousand, past the verbs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.demo.people import PASSWORD
from app.demo.sessions import targets
from app.domain.passwords import hash_password
from app.storage.admins import Admin, Role
from app.storage.base import new_id
from app.storage.impersonations import LIFETIME, EndReason, Impersonation
from app.storage.members import Member
from tests.bench.loading import Place

SIZE = 1000
AT_BENCH = "@bench.example"
THEIRS = f"SELECT id FROM admins WHERE email_key LIKE '%{AT_BENCH}'"
SESSIONS = f"SELECT id FROM impersonations WHERE impersonator_id IN ({THEIRS})"
GOODBYE = (
    f"DELETE FROM handoffs WHERE impersonation_id IN ({SESSIONS})",
    f"DELETE FROM impersonations WHERE impersonator_id IN ({THEIRS})",
    f"DELETE FROM sign_ins WHERE admin_id IN ({THEIRS})",
    f"DELETE FROM admins WHERE id IN ({THEIRS})",
)


@contextmanager
def gathered(place: Place) -> Iterator[list[str]]:
    """Add SIZE superadmins; yield their addresses. Afterwards they and their sessions are gone.

    Nobody else's pages are to be measured with a thousand admins in them.
    """
    emails = [f"admin-{number}{AT_BENCH}" for number in range(SIZE)]
    _disperse(place)
    with place.database.unit_of_work(writing=True) as db:
        db.execute(insert(Admin), _admins(emails, now=datetime.now(UTC)))
    try:
        yield emails
    finally:
        _disperse(place)


def members(place: Place, count: int) -> list[str]:
    """Return the ids of that many members who may be impersonated, fewer if there are fewer."""
    with place.database.unit_of_work(writing=False) as db:
        return [member.id for member in targets(db, limit=count)]


def open_sessions(place: Place, count: int) -> None:
    """Let so many of them, and nobody else, have a session open."""
    now = datetime.now(UTC)
    with place.database.unit_of_work(writing=True) as db:
        running = update(Impersonation).where(Impersonation.ended_at.is_(None))
        db.execute(running.values(ended_at=now, end_reason=EndReason.ADMIN_ENDED))
        if count:
            db.execute(insert(Impersonation), _sessions(db, count, now=now))


def _admins(emails: Sequence[str], *, now: datetime) -> list[dict[str, object]]:
    # Argon2 is slow on purpose; one hash is good for all of them.
    password_hash = hash_password(PASSWORD)
    return [
        {
            "id": new_id(),
            "email": email,
            "email_key": email,
            "name": f"Admin {number}",
            "role": Role.SUPERADMIN,
            "password_hash": password_hash,
            "created_at": now,
        }
        for number, email in enumerate(emails)
    ]


def _sessions(db: Session, count: int, *, now: datetime) -> list[dict[str, object]]:
    admins = db.scalars(select(Admin.id).where(Admin.email_key.like(f"%{AT_BENCH}")))
    # At a thousand members there are not as many who may be impersonated.
    people: list[Member] = targets(db, limit=count)
    return [
        {
            "id": new_id(),
            "impersonator_id": admin_id,
            "target_id": people[number % len(people)].id,
            "account_id": people[number % len(people)].account_id,
            "reason": "How long does it take?",
            "ticket_url": "",
            "form_key": new_id(),
            "token_id": new_id(),
            "address": "192.0.2.7",
            "user_agent": "tests.bench",
            "started_at": now,
            "expires_at": now + LIFETIME,
            "opened_at": now,
            "last_seen_at": now,
        }
        for number, admin_id in enumerate(admins.fetchmany(count))
    ]


def _disperse(place: Place) -> None:
    # The site itself may not delete anybody.
    with place.as_owner() as connection:
        for statement in GOODBYE:
            connection.execute(statement)
