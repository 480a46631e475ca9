"""What happens to databases, done on purpose, and undone again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine
from sqlalchemy.event import listen, remove

from app.postgresql_server import SUPERUSER
from tests.owner import as_owner

SWALLOW = {
    "sqlite": (
        (
            "CREATE TRIGGER broken BEFORE INSERT ON audit_events"
            " BEGIN SELECT RAISE(ABORT, 'the trail is broken'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RAISE EXCEPTION ''the trail is broken''; END'"
        ),
        (
            "CREATE TRIGGER broken BEFORE INSERT ON audit_events"
            " FOR EACH ROW EXECUTE FUNCTION broken()"
        ),
    ),
}
HEAL = {
    "sqlite": ("DROP TRIGGER broken",),
    "postgresql": ("DROP TRIGGER broken ON audit_events", "DROP FUNCTION broken"),
}


@contextmanager
def unwritable_trail(engine: Engine) -> Iterator[None]:
    """Every event is refused by the database."""
    name = engine.dialect.name
    _as_owner(engine, SWALLOW[name])
    yield
    _as_owner(engine, HEAL[name])


@contextmanager
def full_disk(engine: Engine) -> Iterator[None]:
    """SQLite gets no further page than it has."""

    def no_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    listen(engine, "begin", no_room)
    yield
    remove(engine, "begin", no_room)
    engine.dispose()


@contextmanager
def database_gone(engine: Engine) -> Iterator[None]:
    """PostgreSQL cuts every connection, and there is no such database."""
    name = engine.url.database or ""
    with _elsewhere(engine) as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(cut, [name])
        connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_gone"'.encode())
        yield
        connection.execute(f'ALTER DATABASE "{name}_gone" RENAME TO "{name}"'.encode())


Fault = Callable[[Engine], AbstractContextManager[None]]
# Each with the engine that it can happen to.
FAULTS: dict[str, tuple[str, Fault]] = {
    "unwritable trail": ("sqlite", unwritable_trail),
    "unwritable trail on postgresql": ("postgresql", unwritable_trail),
    "full disk": ("sqlite", full_disk),
    "database gone": ("postgresql", database_gone),
}


def _elsewhere(engine: Engine) -> psycopg.Connection:
    url = engine.url.set(database="postgres", drivername="postgresql", username=SUPERUSER)
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def _as_owner(engine: Engine, statements: tuple[str, ...]) -> None:
    with as_owner(engine.url.render_as_string(hide_password=False)) as db:
        for statement in statements:
            db.execute(text(statement))
