"""Impersonation sessions, from start to end, and the hand-off tickets that open them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    Table,
    UniqueConstraint,
    bindparam,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.base import MICROSECOND, Base, new_id
from app.storage.clocks import CLOCKS_DIFFER_BY
from app.storage.members import Member
from app.storage.paging import PAGE_SIZE, Cursor, Page, page
from app.storage.ready import ask
from app.storage.sizes import Size, counted, counting

LIFETIME = timedelta(seconds=1200)


class EndReason(StrEnum):
    """Why a session ended. The names are part of the audit trail: they never change."""

    EXPIRED = "expired"
    IMPERSONATOR_ENDED = "impersonator_ended"
    TAB_CLOSED = "tab_closed"
    WENT_SILENT = "went_silent"
    NEVER_OPENED = "never_opened"
    REPLACED = "replaced"
    ADMIN_ENDED = "admin_ended"
    IMPERSONATOR_LOST_ACCESS = "impersonator_lost_access"
    MEMBER_UNAVAILABLE = "member_unavailable"
    ACCOUNT_UNAVAILABLE = "account_unavailable"
    TICKET_REUSED = "ticket_reused"
    PROGRAM_ENDED = "program_ended"
    SIGN_IN_ENDED = "sign_in_ended"


class Impersonation(Base):
    """One impersonation session. It is live while nobody has ended it and its time is not over."""

    __tablename__ = "impersonations"
    __table_args__ = (
        # No route, claim or mistake makes a session longer than twenty minutes (I1).
        CheckConstraint(
            f"expires_at > started_at AND expires_at - started_at <= {LIFETIME // MICROSECOND}",
            name="lifetime",
        ),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end"),
        # One active session an admin (R1); the lock in the verb only spares the retry.
        Index(
            "uq_impersonations_active_impersonator",
            "impersonator_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        # A double click on OK sends one form twice and must start one session (W11).
        UniqueConstraint("impersonator_id", "form_key"),
        Index("ix_impersonations_started_at_id", "started_at", "id"),
        Index("ix_impersonations_account_id_started_at_id", "account_id", "started_at", "id"),
        Index("ix_impersonations_target_id_started_at_id", "target_id", "started_at", "id"),
        Index("ix_impersonations_impersonator_id_started_at", "impersonator_id", "started_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    impersonator_id: Mapped[str] = mapped_column(ForeignKey("admins.id"))
    target_id: Mapped[str] = mapped_column(ForeignKey("members.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    reason: Mapped[str]
    ticket_url: Mapped[str]
    form_key: Mapped[str]
    token_id: Mapped[str] = mapped_column(default=new_id)
    address: Mapped[str]
    user_agent: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime]
    page_id: Mapped[str | None]
    closing_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("admins.id"))
    # The key of the program that started it, None for a person; `kept` is what the program wants
    # to have back with the session, as JSON.
    api_key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    kept: Mapped[str | None]

    impersonator: Mapped[Admin] = relationship(
        lazy="joined", innerjoin=True, foreign_keys=impersonator_id
    )
    target: Mapped[Member] = relationship(lazy="joined", innerjoin=True)
    ended_by: Mapped[Admin | None] = relationship(lazy="joined", foreign_keys=ended_by_id)

    def is_active(self, now: datetime) -> bool:
        """Whether the session is live at `now`."""
        return self.ended_at is None and not self.has_run_out(now)

    def has_run_out(self, now: datetime) -> bool:
        """Whether its time is over, which is so too when the clock is before what it has seen.

        Nobody knows then how much of the twenty minutes is left (I1).
        """
        return now >= self.expires_at or now < self.last_seen_at - CLOCKS_DIFFER_BY

    def last_sign(self, now: datetime) -> datetime:
        """Return when it was seen last, which is now, unless the clock was set back.

        Many small steps back are a large one.
        """
        return max(self.last_seen_at, now)

    def seconds_left(self, now: datetime) -> int:
        """Return the whole seconds of life left at `now`, never below 0."""
        return max(0, (self.expires_at - now) // timedelta(seconds=1)) if not self.ended_at else 0

    @property
    def is_in_a_tab(self) -> bool:
        """Whether it lives in a browser's tab, and so ends with it."""
        return self.api_key_id is None or self.page_id is not None

    @property
    def account(self) -> Account:
        """The account the session is scoped to: a member belongs to one for good."""
        return self.target.account


class Handoff(Base):
    """A single-use hand-off ticket, known only by its SHA-256.

    One that an OAuth client is to redeem names it, and the address that it was sent to.
    """

    __tablename__ = "handoffs"

    ticket_hash: Mapped[str] = mapped_column(primary_key=True)
    impersonation_id: Mapped[str] = mapped_column(ForeignKey("impersonations.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    client_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    redirect_uri: Mapped[str | None]


IMPERSONATIONS = cast("Table", Impersonation.__table__)
# Mostly nothing is found. To look for all that a session is shown with takes several times as long.
OPEN_OF = select(IMPERSONATIONS.c.id).where(
    IMPERSONATIONS.c.impersonator_id == bindparam("impersonator_id"),
    IMPERSONATIONS.c.ended_at.is_(None),
)
OF_FORM = select(IMPERSONATIONS.c.id).where(
    IMPERSONATIONS.c.impersonator_id == bindparam("impersonator_id"),
    IMPERSONATIONS.c.form_key == bindparam("form_key"),
)
STARTED = counting(
    select(IMPERSONATIONS.c.id).where(IMPERSONATIONS.c.started_at >= bindparam("since"))
)
# What each redemption and each action writes, which by a flush takes several times as long.
THE_ROW = IMPERSONATIONS.c.id == bindparam("impersonation_id")
SEEN = update(IMPERSONATIONS).where(THE_ROW).values(last_seen_at=bindparam("seen_at"))
OPENED = SEEN.values(opened_at=bindparam("opened_at"))


def open_impersonations(db: Session) -> Sequence[Impersonation]:
    """Return every session that nobody has ended, due or not, the oldest first."""
    query = select(Impersonation).where(Impersonation.ended_at.is_(None))
    # There is one an admin at most. Asked for their order, SQLite would walk through all sessions
    # that there ever were, in that order.
    return sorted(db.scalars(query), key=lambda one: (one.started_at, one.id))


def active_impersonations(db: Session, *, now: datetime) -> Sequence[Impersonation]:
    """Return the live sessions, the newest first."""
    live = [one for one in open_impersonations(db) if one.is_active(now)]
    return live[::-1]


def active_impersonations_for(
    db: Session, key: APIKey, *, now: datetime
) -> Sequence[Impersonation]:
    """Return the live sessions that a program with that key may see, the newest first."""
    return [one for one in active_impersonations(db, now=now) if key.covers(one.account_id)]


def active_impersonation_of(db: Session, impersonator_id: str) -> Impersonation | None:
    """Return the admin's session that nobody has ended, if there is one."""
    return _found(db, OPEN_OF, impersonator_id=impersonator_id)


def impersonation_with_form_key(
    db: Session, *, impersonator_id: str, form_key: str
) -> Impersonation | None:
    """Return the session that this very form has started already."""
    return _found(db, OF_FORM, impersonator_id=impersonator_id, form_key=form_key)


def note_opened(db: Session, impersonation: Impersonation, *, now: datetime) -> None:
    """Note that the session was opened at `now`, and so seen."""
    seen_at = impersonation.last_sign(now)
    ask(db, OPENED, impersonation_id=impersonation.id, seen_at=seen_at, opened_at=now)
    hold(impersonation, opened_at=now, last_seen_at=seen_at)


def note_seen(db: Session, impersonation: Impersonation, *, now: datetime) -> None:
    """Note that the session was used at `now`."""
    seen_at = impersonation.last_sign(now)
    ask(db, SEEN, impersonation_id=impersonation.id, seen_at=seen_at)
    hold(impersonation, last_seen_at=seen_at)


def hold(impersonation: Impersonation, **written: object) -> None:
    """Let the session in hand say what has been written to its row, without reading it again."""
    for name, value in written.items():
        set_committed_value(impersonation, name, value)


def count_started(db: Session, *, since: datetime) -> Size:
    """Return how many sessions have started since then."""
    return counted(db, STARTED, since=since)


def past_impersonations(
    db: Session,
    *,
    cursor: Cursor | None,
    account_id: str | None = None,
    target_id: str | None = None,
    impersonator_id: str | None = None,
    state: str = "",
    now: datetime,
    size: int = PAGE_SIZE,
) -> Page[Impersonation]:
    """Return a page of sessions, the newest first; `state` is "active", "ended" or "" for both."""
    query = select(Impersonation)
    for column, value in (
        (Impersonation.account_id, account_id),
        (Impersonation.target_id, target_id),
        (Impersonation.impersonator_id, impersonator_id),
    ):
        if value:
            query = query.where(column == value)
    query = _in_state(query, state, now)
    order = (Impersonation.started_at, Impersonation.id)
    return page(db, query, order=order, cursor=cursor, descending=True, size=size)


def _found(db: Session, query: Select[Any], **values: str) -> Impersonation | None:
    id_ = ask(db, query, **values).scalar()
    return db.get(Impersonation, id_) if id_ else None


def _in_state(query: Select[Impersonation], state: str, now: datetime) -> Select[Impersonation]:
    live = Impersonation.ended_at.is_(None) & (Impersonation.expires_at > now)
    if state == "active":
        # None of them is older: so nobody looks for them among all that there ever were.
        return query.where(live, Impersonation.started_at > now - LIFETIME)
    return query.where(~live) if state == "ended" else query
