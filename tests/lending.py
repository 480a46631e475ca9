"""Ways to a database that the tests have one after the other, each with its own data behind it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.event import listen, remove
from sqlalchemy.pool import QueuePool

from app.storage.database import Database
from app.storage.postgresql import Patience

EVENTS = ("begin", "before_cursor_execute", "after_cursor_execute")


@cache
def opened(url: str, patience: Patience) -> Database:
    """Return the one way there, which knows the statements of the tests before.

    To compile them takes longer than to run them.
    """
    return Database(url, patience=patience)


def lent(database: Database) -> Iterator[Database]:
    """Lend it to one test, which leaves nothing behind: no connection, nobody who listens."""
    before = _listeners(database.engine)
    yield database
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0, "a connection is still in use"
    database.dispose()
    assert _listeners(database.engine) == before, "somebody is still listening"


@contextmanager
def listening(engine: Engine, event: str, note: Callable[..., Any]) -> Iterator[None]:
    """Have `note` called at each of these events, until the block is left."""
    assert event in EVENTS
    listen(engine, event, note)
    try:
        yield
    finally:
        remove(engine, event, note)


def _listeners(engine: Engine) -> list[int]:
    return [len(getattr(engine.dispatch, event)) for event in EVENTS]
