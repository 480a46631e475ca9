"""What the processes of a race do, and the naive ways in which it must not be done."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError

from app.domain import (
    audit_trail,
    authentication,
    endings,
    factors,
    handoffs,
    impersonations,
    repeats,
    throttles,
)
from app.domain.audit_trail import AuditAction
from app.domain.authentication import NotSignedIn
from app.domain.errors import Throttled
from app.domain.factor_keys import FactorKey
from app.domain.factors import Answer, Lock
from app.domain.passkey_challenges import Question
from app.domain.passkeys import RelyingParty
from app.domain.secrets import hash_secret
from app.domain.start_limits import StartLimits
from app.storage import audit_chain, counters
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.factors import Purpose
from app.storage.impersonations import EndReason, Handoff, Impersonation, open_impersonations
from app.storage.members import Member
from tests import factories, linking
from tests.domain.racing import meet
from tests.factories import FROM_THE_OFFICE
from tests.proving import proven

STARTS = 4
EVENTS = 6
MOST_STARTS, MOST_REQUESTS = 5, 17
LOCK = Lock(FactorKey(bytes(32)), RelyingParty("http://localhost:8000"))


def start_often(url: str, admin_id: str, now: datetime) -> int:
    """Start session after session; return how often more than one of them was active."""
    database, violations = Database(url), 0
    for _ in range(STARTS):
        meet()
        with database.unit_of_work(writing=True) as db:
            admin, mia = db.get_one(Admin, admin_id), db.get_one(Member, "mia")
            factories.start(db, impersonator=admin, target=mia, now=now)
            active = [one for one in open_impersonations(db) if one.impersonator_id == admin_id]
            violations += len(active) > 1
    database.dispose()
    return violations


def start_once(url: str, now: datetime) -> int:
    """Send the same request as everybody else, and another one; return how many it started."""
    database, started = Database(url), 0
    for number in range(STARTS):
        meet()
        with database.unit_of_work(writing=True) as db:
            ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
            wanted: dict[str, Any] = {
                "impersonator": ada,
                "target": mia,
                "reason": "Her template is broken",
                "ticket_url": "",
                "form_key": f"request {number}",
                "provenance": FROM_THE_OFFICE,
                "now": now,
            }
            if repeats.repeat(db, **wanted) is None:
                impersonations.start(db, **wanted, reason_required=True)
                started += 1
    database.dispose()
    return started


def write_after_reading(url: str, _admin_id: str, _now: datetime) -> int:
    """Begin by reading, write later: return how often the lock could not be had any more."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10, isolation_level=None)
    failures = 0
    for _ in range(STARTS):
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT * FROM admins").fetchall()
            meet()
            connection.execute("UPDATE admins SET name = name || 'x' WHERE id = 'ada'")
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            failures += 1
            with suppress(sqlite3.OperationalError):
                connection.execute("ROLLBACK")
    connection.close()
    return failures


def consume(url: str, tickets: Sequence[str], now: datetime) -> int:
    """Try every ticket; return how many were good."""
    database, wins = Database(url), 0
    for ticket in tickets:
        meet()
        with database.unit_of_work(writing=True) as db:
            wins += handoffs.consume(db, ticket, now=now).good
    database.dispose()
    return wins


def consume_naively(url: str, tickets: Sequence[str], now: datetime) -> int:
    """Read, then write."""
    database, wins = Database(url), 0
    for ticket in tickets:
        with database.unit_of_work(writing=False) as db:
            unused = db.get_one(Handoff, hash_secret(ticket)).used_at is None
        meet()
        with database.unit_of_work(writing=True) as db:
            db.get_one(Handoff, hash_secret(ticket)).used_at = now
        wins += unused
    database.dispose()
    return wins


def end_all(url: str, ids: Sequence[str], now: datetime) -> int:
    """End every session; return how many this process ended."""
    database, ended = Database(url), 0
    for id_ in ids:
        # Seen before the lock is there, as by somebody who looks at the table first.
        with database.unit_of_work(writing=False) as db:
            seen = db.get_one(Impersonation, id_)
        meet()
        with database.unit_of_work(writing=True) as db:
            db.add(seen)
            ended += endings.end(
                db, seen, why=EndReason.ADMIN_ENDED, provenance=FROM_THE_OFFICE, now=now
            )
    database.dispose()
    return ended


def end_all_naively(url: str, ids: Sequence[str], now: datetime) -> int:
    """Look whether it has ended, then end it."""
    database, ended = Database(url), 0
    for id_ in ids:
        with database.unit_of_work(writing=False) as db:
            running = db.get_one(Impersonation, id_).ended_at is None
        meet()
        if running:
            with database.unit_of_work(writing=True) as db:
                row = db.get_one(Impersonation, id_)
                row.ended_at, row.end_reason = now, EndReason.ADMIN_ENDED
            ended += 1
    database.dispose()
    return ended


def sweep(url: str, now: datetime) -> int:
    """End what is due, as several workers would; return how many this one ended."""
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        ended = len(endings.end_due(db, provenance=FROM_THE_OFFICE, now=now))
    database.dispose()
    return ended


def sign(url: str, key_folder: Path, folder: Path, now: datetime) -> None:
    """Sign a checkpoint as several workers would, each of which has seen that one is due."""
    database = Database(url)
    checkpoints = proven(database, key_folder=key_folder, folder=folder, now=now).checkpoints
    with database.unit_of_work(writing=False) as db:
        assert checkpoints.are_due(db, now=now)
    meet()
    with database.unit_of_work(writing=True) as db:
        made = checkpoints.make(db, now=now)
    meet()
    checkpoints.keep(made)
    database.dispose()


def guess(url: str, now: datetime) -> bool:
    """Try a wrong password; return whether it was looked at, rather than sent to wait."""
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        result = authentication.sign_in(
            db,
            email="ada@example.com",
            password="a wrong password",
            provenance=FROM_THE_OFFICE,
            now=now,
        )
    database.dispose()
    assert isinstance(result, NotSignedIn)
    return not result.retry_after


def start_until_throttled(url: str, now: datetime) -> int:
    """Start session after session; return how many this process was let start."""
    database, started = Database(url), 0
    for _ in range(STARTS):
        meet()
        with suppress(Throttled), database.unit_of_work(writing=True) as db:
            ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
            limits = StartLimits(per_hour=MOST_STARTS)
            factories.start(db, impersonator=ada, target=mia, now=now, limits=limits)
            started += 1
    database.dispose()
    return started


def take_shares(url: str, now: datetime) -> int:
    """Take share after share of what a key may send; return how many requests these are."""
    database, granted = Database(url), 0
    for _ in range(STARTS):
        meet()
        with database.unit_of_work(writing=True) as db:
            granted += throttles.grant_requests(
                db, "a key", most=MOST_REQUESTS, provenance=FROM_THE_OFFICE, now=now
            ).requests
    database.dispose()
    return granted


def take_shares_naively(url: str, now: datetime) -> int:
    """Look how many are left, then take one."""
    database, granted = Database(url), 0
    for _ in range(STARTS):
        with database.unit_of_work(writing=False) as db:
            run = counters.runs(db, ["it"], now=now).get("it")
        left = MOST_REQUESTS - run.count if run else MOST_REQUESTS
        meet()
        if left > 0:
            with database.unit_of_work(writing=True) as db:
                counters.add(db, {"it": timedelta(minutes=1)}, now=now)
            granted += 1
    database.dispose()
    return granted


def redeem(url: str, ticket: str, now: datetime) -> int:
    """Redeem the ticket; return 1 if it was good."""
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        redeemed = impersonations.redeem(db, ticket=ticket, provenance=FROM_THE_OFFICE, now=now)
    database.dispose()
    return redeemed is not None


def follow(url: str, secret: str, now: datetime) -> int:
    """Follow the link; return 1 if it was good."""
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        followed = linking.follow(db, secret, now=now)
    database.dispose()
    return followed is not None


def redeem_one(url: str, tickets: Sequence[str], now: datetime) -> int:
    """Redeem one of the tickets, hardly the one that another process takes."""
    return redeem(url, tickets[os.getpid() % len(tickets)], now)


def append_often(url: str, now: datetime) -> int:
    """Record one event after the other; return how many."""
    database = Database(url)
    for _ in range(EVENTS):
        meet()
        with database.unit_of_work(writing=True) as db:
            audit_trail.append(db, _harmless_event(now))
    database.dispose()
    return EVENTS


def append_naively(url: str, now: datetime) -> int:
    """Look at the head first and link to it later; return how often that was too late."""
    database, failures = Database(url), 0
    for _ in range(EVENTS):
        with database.unit_of_work(writing=False) as db:
            size, head = audit_chain.head(db)
        meet()
        try:
            with database.unit_of_work(writing=True) as db:
                event = _harmless_event(now)
                event.id, event.previous_hash = size + 1, head
                assert event.words_row
                event.words_row.event_id = size + 1
                event.words_digest = event.hash = head
                db.add(event)
        except DatabaseError:
            failures += 1
    database.dispose()
    return failures


def _harmless_event(now: datetime) -> AuditEvent:
    return audit_trail.event(
        AuditAction.SIGN_IN_SUCCEEDED,
        now=now,
        provenance=FROM_THE_OFFICE,
        details={"proof": "password"},
    )


def type_code(url: str, code: str, now: datetime) -> int:
    """Type the code of Ada's app; return 1 if it was good."""
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        proved = factors.prove(
            db,
            db.get_one(Admin, "ada"),
            Answer(code),
            question=Question(Purpose.STEP_UP),
            lock=LOCK,
            provenance=FROM_THE_OFFICE,
            now=now,
        )
    database.dispose()
    return proved is not None
