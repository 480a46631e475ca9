"""The database's own clock."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


def skew(db: Session, *, now: datetime) -> timedelta:
    """Return how far the database's clock is ahead of `now`. SQLite has none of its own."""
    if db.get_bind().dialect.name == "sqlite":
        return timedelta()
    there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return there - now
