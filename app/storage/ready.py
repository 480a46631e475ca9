"""Queries that are ready: what every request asks is made once, as a constant with parameters.

SQLAlchemy takes several times as long to make a query as the database takes to answer it.
"""

from typing import Any

from sqlalchemy import Executable
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session


def ask(db: Session, query: Executable, **values: Any) -> CursorResult[*tuple[Any, ...]]:
    """Run a query of columns with the values of its parameters; what was done so far is written."""
    db.flush()
    return db.connection().execute(query, values)
