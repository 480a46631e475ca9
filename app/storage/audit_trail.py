"""Audit events: rows that stand alone, are only ever added, and outlive whom they name."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    LargeBinary,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.base import Base
from app.storage.folding import fold
from app.storage.ready import ask
from app.storage.sizes import Size, counted, counting

ERASED = "(erased)"
SALT_BYTES = 16
# How many events one page of a text search looks through: a bounded wait, however long the trail.
SEARCHED_AT_ONCE = 20_000

NumberOfEvent = BigInteger().with_variant(Integer, "sqlite")


class AuditWords(Base):
    """What people wrote and were called in one event: personal, so it can be erased one day.

    The chain holds only its salted digest. `words` is canonical JSON; `folded` is for searching.
    """

    __tablename__ = "audit_words"

    event_id: Mapped[int] = mapped_column(NumberOfEvent, primary_key=True, autoincrement=False)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    words: Mapped[str]
    folded: Mapped[str]


class AuditEvent(Base):
    """One thing that happened. There are no foreign keys: names are kept as they were then.

    `id` is its place in the trail, counted from 1 without a gap. Everything but the words is
    covered by `hash` as it stands, the words by their digest; `facts` is canonical JSON.
    """

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
        Index("ix_audit_events_at", "at"),
    )

    id: Mapped[int] = mapped_column(NumberOfEvent, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    action: Mapped[str]
    outcome: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[str | None]
    subject_id: Mapped[str | None]
    account_id: Mapped[str | None]
    impersonation_id: Mapped[str | None]
    request_id: Mapped[str]
    facts: Mapped[str]
    words_digest: Mapped[bytes] = mapped_column(LargeBinary)
    # Two events cannot follow the same one, whoever wrote them.
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)

    words_row: Mapped[AuditWords | None] = relationship(
        primaryjoin="AuditEvent.id == foreign(AuditWords.event_id)",
        lazy="joined",
        passive_deletes="all",
    )

    @property
    def words(self) -> Mapping[str, Any]:
        """What people wrote and were called; nothing once it has been erased."""
        return _parsed(self.words_row.words) if self.words_row else {}

    @property
    def is_erased(self) -> bool:
        """Whether its words have been taken out."""
        return self.words_row is None

    @property
    def details(self) -> "Details":
        """The details of its action, facts and words together."""
        return _details(self.facts, self.words_row.words if self.words_row else None)

    @property
    def actor_name(self) -> str | None:
        """What the actor was called then."""
        return self._word("actor_name", of=self.actor_id)

    @property
    def actor_email(self) -> str | None:
        """The actor's address then."""
        return self._word("actor_email", of=self.actor_id)

    @property
    def subject_name(self) -> str | None:
        """What the member was called then."""
        return self._word("subject_name", of=self.subject_id)

    @property
    def subject_email(self) -> str | None:
        """The member's address then."""
        return self._word("subject_email", of=self.subject_id)

    @property
    def account_name(self) -> str | None:
        """What the account was called then."""
        return self._word("account_name", of=self.account_id)

    @property
    def reason(self) -> str | None:
        """The reason that was given."""
        return self._word("reason", of=None)

    @property
    def address(self) -> str:
        """The address that the request came from."""
        return self._word("address", of=None) or ""

    @property
    def user_agent(self) -> str:
        """The browser or program that the request came from."""
        return self._word("user_agent", of=None) or ""

    def _word(self, name: str, *, of: str | None) -> str | None:
        row = self.words_row
        if row is None:
            return ERASED if of else None
        word: str | None = _parsed(row.words).get(name)
        return word


class Details(dict[str, Any]):
    """The details of an event; what has been erased still answers, and says so."""

    def __init__(self, details: Mapping[str, Any], erased: bool) -> None:
        super().__init__(details)
        self._erased = erased

    def __missing__(self, name: str) -> str:
        if not self._erased:
            raise KeyError(name)
        return ERASED


# A page asks the same event for its words and its details a dozen times.
@lru_cache(maxsize=128)
def _parsed(text: str) -> Any:
    return json.loads(text)


@lru_cache(maxsize=128)
def _details(facts: str, words: str | None) -> Details:
    of_words = {} if words is None else _parsed(words).get("details", {})
    return Details({**_parsed(facts), **of_words}, words is None)


def canonical_json(value: Mapping[str, Any]) -> str:
    """Return the one way to write `value`: sorted names, no blanks, ASCII alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def new_words(words: Mapping[str, Any]) -> AuditWords:
    """Return the row for these words, under a fresh salt."""
    return AuditWords(
        salt=secrets.token_bytes(SALT_BYTES), words=canonical_json(words), folded=folded(words)
    )


def folded(words: Mapping[str, Any]) -> str:
    """Return what a search for words looks in."""
    return fold("\n".join(_texts(words)))


EVENTS = AuditEvent.__table__.c
NEWEST = select(func.max(EVENTS.id)).where(EVENTS.action == bindparam("action"))
LATEST = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(bindparam("limit"))
NUMBERS = (
    select(EVENTS.id)
    .where(EVENTS.action == bindparam("action"))
    .order_by(EVENTS.id.desc())
    .limit(bindparam("limit"))
)
BY_ADMINS, BY_NOBODY = (
    NUMBERS.where(by) for by in (EVENTS.actor_id.is_not(None), EVENTS.actor_id.is_(None))
)
OF_OUTCOME = counting(
    select(EVENTS.id).where(EVENTS.outcome == bindparam("outcome"), EVENTS.at >= bindparam("since"))
)
# Of the newest alone: looking for more of them, one would walk through all there ever were.
SINCE = (
    select(AuditEvent)
    .where(AuditEvent.id.in_(NUMBERS), AuditEvent.at > bindparam("since"))
    .order_by(AuditEvent.id.desc())
)


def events_of_impersonation(db: Session, impersonation_id: str) -> Sequence[AuditEvent]:
    """Return everything recorded about one session, in order."""
    query = select(AuditEvent).where(AuditEvent.impersonation_id == impersonation_id)
    return db.scalars(query.order_by(AuditEvent.id)).all()


def has_event(db: Session, impersonation_id: str, *, action: str, fact: tuple[str, str]) -> bool:
    """Whether that session has an event of that action with that one fact."""
    name, value = fact
    # Canonical JSON writes the same fact the same way each time.
    written = canonical_json({name: value})[1:-1]
    query = select(AuditEvent.id).where(
        AuditEvent.impersonation_id == impersonation_id,
        AuditEvent.action == action,
        AuditEvent.facts.contains(written, autoescape=True),
    )
    return db.scalar(query.limit(1)) is not None


def latest_event(db: Session, actions: Sequence[str]) -> AuditEvent | None:
    """Return the newest event of one of those actions."""
    # One action after the other: in the order of all of them, rare ones would be looked for among
    # all events there are.
    newest = [ask(db, NEWEST, action=action).scalar() for action in actions]
    number = max((one for one in newest if one is not None), default=None)
    return None if number is None else db.get_one(AuditEvent, number)


def facts_of(db: Session, action: str) -> Sequence[tuple[int, dict[str, Any]]]:
    """Return the number and the facts of each event of that action, in order."""
    query = select(AuditEvent.id, AuditEvent.facts).where(AuditEvent.action == action)
    rows = db.execute(query.order_by(AuditEvent.id))
    return [(row.id, json.loads(row.facts)) for row in rows]


def latest_events(db: Session, *, limit: int) -> Sequence[AuditEvent]:
    """Return the `limit` newest events, the newest first."""
    return db.scalars(LATEST, {"limit": limit}).all()


def events_since(db: Session, since: datetime, *, action: str, limit: int) -> Sequence[AuditEvent]:
    """Return what of the `limit` newest events of that action was after `since`, newest first."""
    return db.scalars(SINCE, {"action": action, "limit": limit, "since": since}).all()


def events_with_numbers(db: Session, numbers: Sequence[int]) -> Sequence[AuditEvent]:
    """Return the events that have these numbers, the newest first."""
    query = select(AuditEvent).where(AuditEvent.id.in_(numbers))
    return db.scalars(query.order_by(AuditEvent.id.desc())).all() if numbers else []


def latest_numbers(db: Session, action: str, *, of_an_admin: bool, limit: int) -> Sequence[int]:
    """Return the numbers of the `limit` newest events of that action, the newest first.

    They are those by an admin, or those by nobody in particular.
    """
    query = BY_ADMINS if of_an_admin else BY_NOBODY
    return ask(db, query, action=action, limit=limit).scalars().all()


def count_events(db: Session, *, since: datetime, outcome: str) -> Size:
    """Return how many events had that outcome since then."""
    return counted(db, OF_OUTCOME, since=since, outcome=outcome)


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    return [value] if isinstance(value, str) else []
