"""Hand-off tickets: the only thing that ever travels in a URL, good once and for a minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.secrets import hash_secret, new_secret
from app.storage.impersonations import Handoff, Impersonation

LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True)
class Consumed:
    """What became of a ticket somebody handed in.

    `impersonation_id` is None for a ticket that never was. `good` is the answer; a ticket that is
    no good and `used` before has been seen by somebody else.
    """

    impersonation_id: str | None
    good: bool
    used: bool


def issue(db: Session, impersonation: Impersonation, *, now: datetime) -> str:
    """Return a new ticket for the session; only its hash is kept (H2)."""
    ticket = new_secret()
    db.add(
        Handoff(
            ticket_hash=hash_secret(ticket),
            impersonation_id=impersonation.id,
            expires_at=now + LIFETIME,
        )
    )
    return ticket


def consume(db: Session, ticket: str, *, now: datetime) -> Consumed:
    """Use the ticket up. Of any number of racing callers exactly one is told that it is good."""
    hashed = hash_secret(ticket)
    # One statement decides. Reading first and writing afterwards lets two callers win.
    won = db.scalar(
        update(Handoff)
        .where(Handoff.ticket_hash == hashed, Handoff.used_at.is_(None), Handoff.expires_at > now)
        .values(used_at=now)
        .returning(Handoff.impersonation_id)
        .execution_options(synchronize_session=False)
    )
    if won is not None:
        return Consumed(won, good=True, used=False)
    handoff = db.get(Handoff, hashed, populate_existing=True)
    if handoff is None:
        return Consumed(None, good=False, used=False)
    return Consumed(handoff.impersonation_id, good=False, used=handoff.used_at is not None)
