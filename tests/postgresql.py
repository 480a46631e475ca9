"""A PostgreSQL server of the tests' own, thrown away afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command

from app.cli.database import alembic_config
from app.postgresql_server import APPLICATION, OWNER, Server, closed_folder
from app.storage import grants
from app.storage.database import Database
from tests.scratch import scratch_folder

SETTINGS = "-c max_connections=100 -c log_min_messages=fatal -c shared_buffers=32MB"
# What the tests write outlives nobody, so it need not reach the disk.
CARELESS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@contextmanager
def server(*, durable: bool = False) -> Iterator[Server]:
    """Run a server with both roles until the block is left; figures are `durable`.

    Raises CannotRun when PostgreSQL is not installed.
    """
    with closed_folder(None if durable else scratch_folder()) as folder:
        options = SETTINGS if durable else f"{SETTINGS} {CARELESS}"
        server = Server(folder / "data", folder, options)
        server.start()
        try:
            server.create_roles()
            yield server
        finally:
            # In order: what stops at once leaves its shared memory behind.
            server.stop()


def migrate(server: Server, name: str) -> None:
    """Create a database, as `flask db upgrade` leaves it."""
    server.create_database(name)
    url = server.url(name, OWNER)
    command.upgrade(alembic_config(url), "head")
    owner = Database(url, guarded=False)
    with owner.unit_of_work(writing=True) as db:
        grants.grant(db.connection(), APPLICATION)
    owner.dispose()
