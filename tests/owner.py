"""Whoever owns the database, and may do to it what the application may not."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from app.postgresql_server import OWNER
from app.storage.database import Database


def owners(url: str) -> str:
    """Return the address of the same database for its owner; SQLite has no such thing."""
    if url.startswith("sqlite"):
        return url
    return make_url(url).set(username=OWNER).render_as_string(hide_password=False)


@contextmanager
def as_owner(url: str) -> Iterator[Session]:
    """Yield one transaction of the owner's."""
    owner = Database(owners(url), guarded=False)
    try:
        with owner.unit_of_work(writing=True) as db:
            yield db
    finally:
        owner.dispose()


def without_trigger(db: Session, table: str, name: str) -> None:
    """Take one of the triggers of a table down."""
    where = f" ON {table}" if db.get_bind().dialect.name == "postgresql" else ""
    db.execute(text(f"DROP TRIGGER {name}{where}"))
