"""How migrations run: each whole or not at all, on SQLite as on PostgreSQL."""

import re
from typing import Any, Literal

from alembic import context

from app.storage.base import UTCDateTime
from app.storage.database import Database
from app.storage.metadata import metadata

SEARCHING = re.compile(r"(ix_)?(accounts|members)_search")


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    # A migration must not change when our type does.
    return "sa.BigInteger()" if kind == "type" and isinstance(item, UTCDateTime) else False


def _is_compared(
    _item: object, name: str | None, kind: str, _reflected: bool, _compare_to: object
) -> bool:
    # What each engine searches with is made by a migration alone: no row class could say it.
    searches = kind in ("table", "index") and SEARCHING.match(name or "")
    return not searches


database = Database(context.config.attributes["database_url"], guarded=False)
try:
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_item=_render,
            include_object=_is_compared,
            # Alembic takes SQLite's DDL for untransactional; since BEGIN is ours, it is not.
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
finally:
    database.dispose()
