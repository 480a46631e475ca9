"""The database's own clock, and how well clocks agree."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# Of two machines that serve one site, or of one and the database's.
CLOCKS_DIFFER_BY = timedelta(seconds=5)


def skew(db: Session, *, now: datetime) -> timedelta:
    """Return how far the database's clock is ahead of `now`. SQLite has none of its own."""
    if db.get_bind().dialect.name == "sqlite":
        return timedelta()
    there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return there - now
