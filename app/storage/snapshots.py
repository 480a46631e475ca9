"""One moment of the database for several transactions: what all of them see is the same."""

from sqlalchemy import text
from sqlalchemy.orm import Session

TAKE = text("SELECT pg_export_snapshot()")


def moment_of(db: Session) -> str | None:
    """Return what lets other transactions see what this one sees, for as long as it is open.

    None on SQLite, which has no such thing.
    """
    if db.get_bind().dialect.name != "postgresql":
        return None
    moment: str = db.execute(TAKE).scalar_one()
    return moment


def go_to(db: Session, moment: str | None) -> None:
    """Let a reading transaction that has just begun see that moment."""
    if moment is not None:
        # It takes no parameter. The text is PostgreSQL's own.
        db.connection().exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{moment}'")
