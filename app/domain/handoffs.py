"""Hand-off tickets: the only thing that ever travels in a URL, good once and for a minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.secrets import hash_secret, new_secret
from app.storage import handoffs as stored
from app.storage.impersonations import Handoff, Impersonation
from app.storage.ready import ask

LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True)
class Client:
    """An OAuth client that a ticket is meant for: its API key's id, and where it was sent to."""

    id: str
    redirect_uri: str


@dataclass(frozen=True)
class Consumed:
    """What became of a ticket somebody handed in.

    `impersonation_id` is None for a ticket that never was. `good` is the answer; a ticket that is
    no good and `used` before has been seen by somebody else.
    """

    impersonation_id: str | None
    good: bool
    used: bool


def issue(
    db: Session, impersonation: Impersonation, *, client: Client | None = None, now: datetime
) -> str:
    """Return a new ticket for the session; only its hash is kept (H2)."""
    ticket = new_secret()
    stored.add(
        db,
        ticket_hash=hash_secret(ticket),
        impersonation=impersonation,
        expires_at=now + LIFETIME,
        client_id=client.id if client else None,
        redirect_uri=client.redirect_uri if client else None,
    )
    return ticket


def consume(db: Session, ticket: str, *, client: Client | None = None, now: datetime) -> Consumed:
    """Use the ticket up. Of any number of racing callers exactly one is told that it is good.

    To anybody but whom it is meant for there is no such ticket, and it stays as it is.
    """
    hashed = hash_secret(ticket)
    if not _is_for(db, hashed, client):
        return Consumed(None, good=False, used=False)
    # One statement decides. Reading first and writing afterwards lets two callers win.
    won = ask(
        db,
        update(stored.HANDOFFS)
        .where(Handoff.ticket_hash == hashed, Handoff.used_at.is_(None), Handoff.expires_at > now)
        .values(used_at=now)
        .returning(Handoff.impersonation_id),
    ).scalar()
    if won is not None:
        return Consumed(won, good=True, used=False)
    handoff = db.get(Handoff, hashed, populate_existing=True)
    if handoff is None:
        return Consumed(None, good=False, used=False)
    return Consumed(handoff.impersonation_id, good=False, used=handoff.used_at is not None)


def _is_for(db: Session, hashed: str, client: Client | None) -> bool:
    client_id, redirect_uri = (client.id, client.redirect_uri) if client else (None, None)
    return stored.is_for(db, hashed, client_id=client_id, redirect_uri=redirect_uri)
