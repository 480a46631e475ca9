"""Tables that have grown: some thousands of everything that only becomes more."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text, update

from app.domain.audit_trail import DETAILS, AuditAction, append, event
from app.storage.accounts import Account
from app.storage.admins import SignIn
from app.storage.base import Base
from app.storage.counters import Counter
from app.storage.database import Database
from app.storage.folding import fold, searchable
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import owner
from tests.cast import ADA, HARBOUR, MIA
from tests.factories import FROM_THE_OFFICE
from tests.filling import fill_trail

Rows = Iterator[dict[str, Any]]
GIVEN = ("Ann", "Ben", "Chloë", "Dmitri", "Eva", "Farid", "Greta", "Hiro", "Ines", "Jonas")
# As in a real trail, none of its actions is the only one.
ACTIONS = [action for action in AuditAction if not action.startswith("audit.")]

MINUTE = timedelta(minutes=1)


def grow(url: str, *, rows: int, now: datetime) -> None:
    """Add so many members, half of them in one account, sessions, sign-ins, events, and more."""
    database = Database(url)
    kinds: list[tuple[type[Base], Rows]] = [
        (Account, _accounts(rows, now)),
        (Member, _members(rows, now)),
        (Impersonation, _impersonations(rows, now)),
        (SignIn, _sign_ins(rows, now)),
        (Counter, _counters(rows, now)),
    ]
    with database.unit_of_work(writing=True) as db:
        for kind, each in kinds:
            db.execute(insert(kind), list(each))
        db.execute(update(Account).where(Account.id == HARBOUR).values(member_count=rows // 2))
        for action in ACTIONS:
            details = dict.fromkeys(DETAILS[action].facts | DETAILS[action].words, "")
            append(db, event(action, now=now, provenance=FROM_THE_OFFICE, details=details))
    fill_trail(database, events=rows, now=now - rows * timedelta(seconds=1))
    database.dispose()
    with owner.as_owner(url) as db:
        # As either engine's housekeeping leaves tables that have grown.
        db.execute(text("ANALYZE"))


def _accounts(rows: int, now: datetime) -> Rows:
    for number in range(rows):
        name, domain = f"Company {number}", f"company-{number}.example"
        yield {
            "id": f"account-{number}",
            "name": name,
            "domain": domain,
            "plan": "business",
            "status": "active",
            "impersonation_allowed": True,
            "impersonation_switched_off": False,
            "sort_key": fold(name),
            "search_text": searchable(name, domain),
            "created_at": now,
            "updated_at": now,
        }


def _members(rows: int, now: datetime) -> Rows:
    for number in range(rows):
        name = f"{GIVEN[number % len(GIVEN)]} Person {number}"
        email = f"person-{number}@company-{number}.example"
        yield {
            "id": f"member-{number}",
            "account_id": HARBOUR if number % 2 else f"account-{number}",
            "name": name,
            "email": email,
            "email_key": fold(email),
            "role": "editor",
            "status": "active",
            "protected": False,
            "sort_key": fold(name),
            "search_text": searchable(name, email),
            "created_at": now,
            "updated_at": now,
        }


def _impersonations(rows: int, now: datetime) -> Rows:
    """Sessions that are over, one each other minute: half of them of one admin, as one member."""
    for number in range(rows):
        started_at = now - (number + 1) * 2 * MINUTE
        yield {
            "id": f"impersonation-{number}",
            "impersonator_id": ADA.id if number % 2 else "cy",
            "target_id": MIA.id if number % 2 else "eve",
            "account_id": HARBOUR if number % 2 else "elsewhere",
            "reason": "Her template is broken",
            "ticket_url": "",
            "form_key": f"form-{number}",
            "token_id": f"token-{number}",
            "address": "192.0.2.7",
            "user_agent": "",
            "started_at": started_at,
            "expires_at": started_at + 20 * MINUTE,
            "last_seen_at": started_at,
            "ended_at": started_at + MINUTE,
            "end_reason": EndReason.ADMIN_ENDED,
        }


def _sign_ins(rows: int, now: datetime) -> Rows:
    for number in range(rows):
        started_at = now - (number + 1) * timedelta(hours=1)
        yield {
            "id": f"sign-in-{number}",
            "secret_hash": f"secret-{number}",
            "admin_id": ADA.id,
            "started_at": started_at,
            "last_active_at": started_at,
            "ended_at": started_at + MINUTE,
            "address": f"198.51.100.{number % 250}",
            "user_agent": "",
        }


def _counters(rows: int, now: datetime) -> Rows:
    for number in range(rows):
        yield {"name": f"sign-in as {number}", "count": 1, "at": now, "until": now + 15 * MINUTE}
