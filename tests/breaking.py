"""Breaking things on purpose, as the world does by accident."""

from sqlalchemy import text

from tests.faults import BREAK
from tests.owner import as_owner


def break_trail(database_url: str) -> None:
    """Make every further audit event impossible."""
    with as_owner(database_url) as db:
        for statement in BREAK[db.get_bind().dialect.name]:
            db.execute(text(statement))


def lose_a_table(database_url: str, name: str) -> None:
    """Take a table away, as a restore gone wrong would."""
    with as_owner(database_url) as db:
        db.execute(text(f"ALTER TABLE {name} RENAME TO lost_{name}"))
