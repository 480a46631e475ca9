"""Counters with a name and an end, shared by all workers: what throttles and alerts go by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Index, Table, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from app.storage.base import EPOCH, Base, new_id
from app.storage.ready import ask


class Counter(Base):
    """How often something has happened since the first time in a while.

    A run begins with the first time and is over at `until`; the next time begins another one. `at`
    is the last time.
    """

    __tablename__ = "counters"
    __table_args__ = (Index("ix_counters_until", "until"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    at: Mapped[datetime]
    until: Mapped[datetime]


@dataclass(frozen=True)
class Run:
    """A counter's run that is not over: how often, when last, and until when it counts."""

    count: int
    at: datetime
    until: datetime


COUNTERS = cast("Table", Counter.__table__)
RUNS = select(COUNTERS).where(
    COUNTERS.c.name.in_(bindparam("names", expanding=True)), COUNTERS.c.until > bindparam("now")
)


def add(
    db: Session, windows: Mapping[str, timedelta], *, now: datetime, steps: int = 1
) -> dict[str, Run]:
    """Count each of these once, or `steps` times; return, by name, how far its run has come.

    `windows` says how long a run of each is. One statement both reads and writes, so of any number
    of racing callers no two are told the same count, and the later of them waits for the earlier.
    """
    # Whoever counts several takes them in one order, so that no two wait for one another (R4).
    rows = [
        {"name": name, "count": steps, "at": now, "until": now + windows[name]}
        for name in sorted(windows)
    ]
    counted = db.connection().execute(_statement(db.get_bind().dialect.name), rows)
    return {name: Run(*run) for name, *run in counted}


@lru_cache
def _statement(dialect: str) -> ReturningInsert[Any]:
    """Return the upsert; made once, as making and compiling it takes longer than running it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement, columns = insert(COUNTERS), COUNTERS.c
    new = statement.excluded
    # One that ends later than a run begun now was begun before the clock was set back (R5).
    over = (columns.until <= new.at) | (columns.until > new.until)
    statement = statement.on_conflict_do_update(
        index_elements=[columns.name],
        set_={
            "count": case((over, new["count"]), else_=columns["count"] + new["count"]),
            "at": new.at,
            "until": case((over, new.until), else_=columns.until),
        },
    )
    return statement.returning(columns.name, columns["count"], columns.at, columns.until)


def runs(db: Session, names: Collection[str], *, now: datetime) -> dict[str, Run]:
    """Return, by name, the runs of these that are not over."""
    found = ask(db, RUNS, names=list(names), now=now)
    return {name: Run(count, at, until) for name, count, at, until in found}


def has_any_over(db: Session, *, now: datetime) -> bool:
    """Whether there is a counter whose run is over."""
    query = select(COUNTERS.c.name).where(COUNTERS.c.until <= now)
    return db.scalar(query.limit(1)) is not None


def forget(db: Session, *, now: datetime) -> None:
    """Delete the counters whose run is over: strangers can begin any number of them."""
    # Who counts waits for others in one order; who deletes waits for nobody (R4).
    over = select(COUNTERS.c.name).where(COUNTERS.c.until <= now).with_for_update(skip_locked=True)
    db.execute(delete(COUNTERS).where(COUNTERS.c.name.in_(over)))


def end(db: Session, name: str) -> None:
    """End the run of that counter, if there is one: the next time begins another."""
    db.execute(delete(COUNTERS).where(COUNTERS.c.name == name))


def come_and_go(db: Session) -> None:
    """Write a counter that nobody has and delete it, which has to reach the disk all the same."""
    name = f"written by {new_id()}"
    db.execute(COUNTERS.insert().values(name=name, count=0, at=EPOCH, until=EPOCH))
    end(db, name)
