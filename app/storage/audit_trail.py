"""Audit events: rows that stand alone, are only ever added, and outlive whom they name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Integer, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base
from app.storage.paging import Cursor, Page, page


class AuditEvent(Base):
    """One thing that happened. Names are kept as they were then; there are no foreign keys."""

    __tablename__ = "audit_events"
    __table_args__ = (
        # Numbers below 1 would slip past the guard against replacing a row.
        CheckConstraint("id > 0", name="id"),
        Index("ix_audit_events_impersonation_id_id", "impersonation_id", "id"),
        Index("ix_audit_events_actor_id_id", "actor_id", "id"),
        Index("ix_audit_events_subject_id_id", "subject_id", "id"),
        Index("ix_audit_events_account_id_id", "account_id", "id"),
        Index("ix_audit_events_action_id", "action", "id"),
        Index("ix_audit_events_outcome_at", "outcome", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime]
    action: Mapped[str]
    outcome: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[str | None]
    actor_name: Mapped[str | None]
    actor_email: Mapped[str | None]
    subject_id: Mapped[str | None]
    subject_name: Mapped[str | None]
    subject_email: Mapped[str | None]
    account_id: Mapped[str | None]
    account_name: Mapped[str | None]
    impersonation_id: Mapped[str | None]
    reason: Mapped[str | None]
    address: Mapped[str]
    user_agent: Mapped[str]
    request_id: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


def events_of_impersonation(db: Session, impersonation_id: str) -> Sequence[AuditEvent]:
    """Return everything recorded about one session, in order."""
    query = select(AuditEvent).where(AuditEvent.impersonation_id == impersonation_id)
    return db.scalars(query.order_by(AuditEvent.id)).all()


def following_event(
    db: Session, event: AuditEvent, *, action: str, details: tuple[str, int]
) -> AuditEvent | None:
    """Return the later event of the same session with that action and that one detail."""
    name, value = details
    return db.scalar(
        select(AuditEvent).where(
            AuditEvent.impersonation_id == event.impersonation_id,
            AuditEvent.id > event.id,
            AuditEvent.action == action,
            AuditEvent.details[name].as_integer() == value,
        )
    )


def latest_events(db: Session, *, limit: int) -> Sequence[AuditEvent]:
    """Return the `limit` newest events, the newest first."""
    return db.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)).all()


def count_events(db: Session, *, since: datetime, outcome: str) -> int:
    """Return how many events had that outcome since then."""
    query = select(func.count()).where(AuditEvent.outcome == outcome, AuditEvent.at >= since)
    return db.scalar(query) or 0


def search_events(
    db: Session,
    *,
    cursor: Cursor | None,
    actions: Sequence[str] = (),
    outcome: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    **ids: str | None,
) -> Page[AuditEvent]:
    """Return a page of the trail, the newest first.

    `ids` are `actor_id`, `subject_id`, `account_id` and `impersonation_id`; `until` is exclusive.
    """
    query = select(AuditEvent)
    if actions:
        query = query.where(AuditEvent.action.in_(actions))
    if outcome:
        query = query.where(AuditEvent.outcome == outcome)
    if since:
        query = query.where(AuditEvent.at >= since)
    if until:
        query = query.where(AuditEvent.at < until)
    for name, value in ids.items():
        if value:
            query = query.where(getattr(AuditEvent, name) == value)
    return page(db, query, order=(AuditEvent.id,), cursor=cursor, descending=True)
