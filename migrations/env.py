"""How migrations run: each whole or not at all, on SQLite as on PostgreSQL."""

from typing import Any, Literal

from alembic import context

from app.storage.base import UTCDateTime
from app.storage.database import Database
from app.storage.metadata import metadata


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    # A migration must not change when our type does.
    return "sa.BigInteger()" if kind == "type" and isinstance(item, UTCDateTime) else False


database = Database(context.config.attributes["database_url"], guarded=False)
try:
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_item=_render,
            # Alembic takes SQLite's DDL for untransactional; since BEGIN is ours, it is not.
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
finally:
    database.dispose()
