"""Rows as they are stored, whatever has been done to them: nothing interpreted, nothing refused."""

import sqlite3
from typing import Any

from sqlalchemy.orm import Session


def raw_rows(db: Session, statement: str, *, binary: bool = False) -> list[tuple[Any, ...]]:
    """Return the rows of a statement of ours, by the driver's own cursor.

    On the way through SQLAlchemy a row takes half as long again. A text that is no UTF-8, which
    SQLite keeps and its driver refuses, comes with what is wrong in it as lone surrogates. Of
    psycopg's two ways, `binary` is faster for numbers and hashes.
    """
    db.flush()
    connection: Any = db.connection().connection.driver_connection
    if db.get_bind().dialect.name == "postgresql":
        rows: list[tuple[Any, ...]] = connection.cursor(binary=binary).execute(statement).fetchall()
        return rows
    try:
        rows = connection.execute(statement).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        rows = _read_tolerantly(connection, statement)
    return rows


def _read_tolerantly(connection: sqlite3.Connection, statement: str) -> list[tuple[Any, ...]]:
    strict = connection.text_factory
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.text_factory = strict
