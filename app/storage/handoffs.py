"""Hand-off tickets, as they are kept: how one is added, and whom it is meant for."""

from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.orm import Session

from app.storage.impersonations import Handoff, Impersonation
from app.storage.ready import ask

HANDOFFS = cast("Table", Handoff.__table__)
ADD = insert(HANDOFFS)
MEANT_FOR = select(HANDOFFS.c.client_id, HANDOFFS.c.redirect_uri).where(
    HANDOFFS.c.ticket_hash == bindparam("ticket_hash")
)


def add(
    db: Session,
    *,
    ticket_hash: str,
    impersonation: Impersonation,
    expires_at: datetime,
    client_id: str | None,
    redirect_uri: str | None,
) -> None:
    """Add a ticket, known by its SHA-256, that opens the session until `expires_at`."""
    ask(
        db,
        ADD,
        ticket_hash=ticket_hash,
        impersonation_id=impersonation.id,
        expires_at=expires_at,
        client_id=client_id,
        redirect_uri=redirect_uri,
    )


def is_for(
    db: Session, ticket_hash: str, *, client_id: str | None, redirect_uri: str | None
) -> bool:
    """Whether there is such a ticket, meant for that client, or None for the product app."""
    meant_for = ask(db, MEANT_FOR, ticket_hash=ticket_hash).first()
    return meant_for == (client_id, redirect_uri)
