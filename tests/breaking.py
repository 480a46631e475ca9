"""Breaking things on purpose, as the world does by accident."""

import sqlite3


def break_trail(database_url: str) -> None:
    """Make every further audit event impossible."""
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit_events "
        "BEGIN SELECT RAISE(ABORT, 'the trail is broken'); END"
    )
    connection.commit()
    connection.close()


def lose_a_table(database_url: str, name: str) -> None:
    """Take a table away, as a restore gone wrong would."""
    connection = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    connection.execute(f"ALTER TABLE {name} RENAME TO lost_{name}")
    connection.commit()
    connection.close()
