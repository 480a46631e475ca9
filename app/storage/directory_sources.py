"""Where the directory is read from time and again, and how far that has come."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base


class DirectorySource(Base):
    """One source, by the name it has in its settings.

    `started_at` is when the last sync began, `full_at` when everything was read the last time.
    `positions` is JSON: the newest change that was read, of accounts and of members. `problem` says
    why the last sync failed; they have since `failing_since`.
    """

    __tablename__ = "directory_sources"

    name: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    synced_at: Mapped[datetime | None]
    full_at: Mapped[datetime | None]
    positions: Mapped[str]
    failing_since: Mapped[datetime | None]
    problem: Mapped[str | None]


FAILING = (
    select(DirectorySource)
    .where(DirectorySource.problem.is_not(None))
    .order_by(DirectorySource.name)
)


def failing_sources(db: Session) -> list[DirectorySource]:
    """Return the sources whose last sync failed; there are never many."""
    return list(db.scalars(FAILING))
