"""Which revision of the schema a database has, and which one this program is written for.

Alembic would tell both, but a site that starts has no other use for it.
"""

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

VERSIONS = Path(__file__).resolve().parents[2] / "migrations/versions"
TABLE = "alembic_version"
REVISION = re.compile(r'^revision: str = "(\w+)"$', re.MULTILINE)


def current(connection: Connection) -> str | None:
    """Return the revision of the database, None for one that nothing has been migrated in."""
    if not inspect(connection).has_table(TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalar()  # noqa: S608
    return revision


@cache
def newest() -> str:
    """Return the revision that the migrations lead to: their files sort by their dates."""
    last = sorted(VERSIONS.glob("*.py"))[-1]
    (revision,) = REVISION.findall(last.read_text(encoding="utf-8"))
    return str(revision)
