"""Searching the trail: a page of what fits costs a bounded wait, however long the trail is.

A search follows one index, that of its narrowest filter, and tries the other filters on what it
meets there. It looks through SEARCHED_AT_ONCE events at most, and says where it has stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.storage import audit_trail
from app.storage.audit_trail import AuditEvent, AuditWords
from app.storage.base import EPOCH, MICROSECOND
from app.storage.folding import containing
from app.storage.paging import INCOMPLETE, PAGE_SIZE, BadCursor, Cursor, Page, from_cursor, page

# The filters that are one value of one column; the index of each is sorted by number.
COLUMNS = ("impersonation_id", "subject_id", "account_id", "actor_id", "action")
EVENTS, WORDS = AuditEvent.__table__.c, AuditWords.__table__.c
LOOKED_AT = tuple(EVENTS[name] for name in ("id", "at", "outcome", *COLUMNS))


@dataclass(frozen=True)
class EventFilters:
    """Which events are wanted: those that fit everything that is given.

    `since` is inclusive, `until` exclusive; `text` is looked for in the words, folded.
    """

    actor_id: str | None = None
    subject_id: str | None = None
    account_id: str | None = None
    impersonation_id: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    @property
    def columns(self) -> list[str]:
        """The names of the filters that are one value of one column."""
        return [name for name in COLUMNS if getattr(self, name)]

    @property
    def is_by_time(self) -> bool:
        """Whether there is a filter whose index is sorted by time."""
        return bool(self.outcome or self.since or self.until)

    def applied(self, query: Select[Any], events: Any = EVENTS) -> Select[Any]:
        """Return `query`, which reads the columns `events`, for the events that fit."""
        for name in (*self.columns, *(["outcome"] if self.outcome else [])):
            query = query.where(events[name] == getattr(self, name))
        if self.since:
            query = query.where(events["at"] >= self.since)
        if self.until:
            query = query.where(events["at"] < self.until)
        if self.text:
            # Event by event: a join might read all the words there are, to find those that fit.
            words = select(WORDS.folded).where(WORDS.event_id == events["id"]).scalar_subquery()
            query = query.where(words.like(containing(self.text), escape="\\"))
        return query


@dataclass(frozen=True)
class Stop:
    """Where a search stopped looking though the trail goes on: after so many, at that event."""

    events: int
    at: datetime


@dataclass(frozen=True)
class EventPage(Page[AuditEvent]):
    """One page of events. With a `stop` it is not full, and there may be more further on."""

    stop: Stop | None = None


def search_events(
    db: Session,
    *,
    cursor: Cursor | None,
    filters: EventFilters | None = None,
    size: int | None = None,
) -> EventPage:
    """Return a page of the events that fit, the newest first.

    They are sorted by number, or by time when that or the outcome is filtered. There are at most
    `size`, PAGE_SIZE if it is None. Raises BadCursor for the cursor of another list.
    """
    return _Search(db, filters or EventFilters(), cursor, size or PAGE_SIZE).page()


def has_events(db: Session, column: str, value: str, *, account_id: str | None = None) -> bool:
    """Whether any event, or any of that account, has that value in the column, one of COLUMNS."""
    query = select(EVENTS.id).where(EVENTS[column] == value)
    if account_id is not None:
        query = query.where(EVENTS.account_id == account_id)
    return db.scalar(query.limit(1)) is not None


class _Search:
    """One search: which index it follows, and how far.

    `few` is a filter whose events are so few that all of them are looked at for each page.
    """

    def __init__(
        self, db: Session, filters: EventFilters, cursor: Cursor | None, size: int
    ) -> None:
        self._db = db
        self._filters = filters
        self._cursor = cursor
        self._size = size
        self._most = audit_trail.SEARCHED_AT_ONCE
        self._order = ("at", "id") if filters.is_by_time else ("id",)
        if cursor is not None and len(cursor.keys) != len(self._order):
            raise BadCursor(INCOMPLETE)
        self._few = self._filter_with_few_events() if filters.is_by_time else None
        followed = self._few or self._index_in_order()
        # Whether an event that is met on the index may still not fit.
        self._tries_more = followed != filters
        self._followed = self._without_passed_bound(followed)

    def page(self) -> EventPage:
        """Return the page at the cursor."""
        found = page(
            self._db,
            select(AuditEvent).where(AuditEvent.id.in_(self._ids())),
            order=[getattr(AuditEvent, name) for name in self._order],
            cursor=self._cursor,
            size=self._size,
            descending=True,
        )
        back = self._cursor is not None and self._cursor.before
        ahead, behind = (found.previous, found.next) if back else (found.next, found.previous)
        stop = None
        if ahead is None and (last := self._last_looked_at()):
            stop = Stop(self._most, last.at)
            at = (last.at - EPOCH) // MICROSECOND
            ahead = Cursor((at, last.id) if self._filters.is_by_time else (last.id,), back)
        if not found.rows:
            behind = self._way_back()
        older, newer = (behind, ahead) if back else (ahead, behind)
        return EventPage(rows=found.rows, next=older, previous=newer, stop=stop)

    def _ids(self) -> Sequence[int]:
        """Return the numbers of the page's events, and of one more if there is one."""
        wanted = self._size + 1
        looked_at = self._followed.applied(select(*LOOKED_AT))
        if self._few is None:
            looked_at = self._in_order(looked_at, EVENTS)
        # A limit within keeps every plan from looking at more.
        within = looked_at.limit(self._most if self._tries_more else wanted).subquery().c
        query = self._filters.applied(select(within.id), within)
        return self._db.scalars(self._in_order(query, within).limit(wanted)).all()

    def _last_looked_at(self) -> Any:
        """Return the last event that was looked at; None if there are no more after it."""
        if self._few is not None or not self._tries_more:
            return None
        query = self._in_order(self._followed.applied(select(EVENTS.at, EVENTS.id)), EVENTS)
        rows = self._db.execute(query.offset(self._most - 1).limit(2)).all()
        return rows[0] if len(rows) > 1 else None

    def _way_back(self) -> Cursor | None:
        """Return how an empty page leads back to where its reader came from."""
        if self._cursor is None:
            return None
        *keys, number = self._cursor.keys
        # The event at the cursor itself is none of this page, but it is one of those.
        number += 1 if self._cursor.before else -1
        return Cursor((*keys, number), not self._cursor.before)

    def _in_order(self, query: Select[Any], events: Any) -> Select[Any]:
        order = [events[name] for name in self._order]
        return from_cursor(query, order=order, cursor=self._cursor, descending=True)

    def _without_passed_bound(self, followed: EventFilters) -> EventFilters:
        """Return the filters without the bound of time that the cursor has left behind.

        SQLite starts at one of two bounds, and were it the farther, would look at all between.
        """
        if self._few is not None or self._cursor is None or not self._filters.is_by_time:
            return followed
        before = self._cursor.before
        passed = followed.since if before else followed.until
        at = self._cursor.keys[0]
        if passed and isinstance(at, int):
            beyond = at - (passed - EPOCH) // MICROSECOND
            if beyond < 0 if before else beyond >= 0:
                raise BadCursor(INCOMPLETE)
        return replace(followed, since=None) if before else replace(followed, until=None)

    def _index_in_order(self) -> EventFilters:
        """Return the filter whose index is sorted as the page is; of several the narrowest."""
        if self._filters.is_by_time:
            return replace(self._filters, text="", **dict.fromkeys(COLUMNS))
        each = self._each_column()
        # There is nothing to choose from one, nor anything to learn from a look at it.
        return min(each, key=self._count) if len(each) > 1 else next(iter(each), EventFilters())

    def _filter_with_few_events(self) -> EventFilters | None:
        """Return a filter of which there are so few events that their order does not matter."""
        return next((one for one in self._each_column() if self._count(one) <= self._most), None)

    def _each_column(self) -> list[EventFilters]:
        columns = {name: getattr(self._filters, name) for name in self._filters.columns}
        return [EventFilters(**{name: value}) for name, value in columns.items()]

    def _count(self, filters: EventFilters) -> int:
        """Return how many events fit, but no more than one above what is looked at."""
        some = filters.applied(select(EVENTS.id)).limit(self._most + 1).subquery()
        return self._db.scalar(select(func.count()).select_from(some)) or 0
