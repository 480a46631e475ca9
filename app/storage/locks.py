"""Locks by name, for what no row stands for.

A transaction takes them before it locks a row, and the chain's last of all (R4). SQLite needs
none within a transaction: one that writes has locked the whole database.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.storage.database import Database

# Half of a lock's number is the same for all of these, so that none is ever the chain's.
TAKE = text("SELECT pg_advisory_xact_lock(1970169957, hashtext(:name))")
TRY = text("SELECT pg_try_advisory_lock(1970169957, hashtext(:name))")
GIVE_BACK = text("SELECT pg_advisory_unlock(1970169957, hashtext(:name))")


def take(db: Session, name: str) -> None:
    """Wait until nobody else has the lock of that name; keep it until the transaction ends."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(TAKE, {"name": name})


@contextmanager
def one_at_a_time(database: Database, name: str) -> Iterator[bool]:
    """Yield whether nobody else has the lock of that name; keep it until the block is left.

    No transaction is open meanwhile. Whoever is killed, or cut off, has lost it.
    """
    if database.is_postgresql:
        with _advisory(database, name) as mine:
            yield mine
    else:
        with _file(Path(f"{database.engine.url.database}.lock-{_plain(name)}")) as mine:
            yield mine


@contextmanager
def _advisory(database: Database, name: str) -> Iterator[bool]:
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        mine: bool = connection.execute(TRY, {"name": name}).scalar_one()
        try:
            yield mine
        finally:
            if mine and not connection.invalidated:
                connection.execute(GIVE_BACK, {"name": name})


@contextmanager
def _file(path: Path) -> Iterator[bool]:
    # It stays: whoever removed it could take it from under another one's feet.
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _plain(name: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in name)
