"""What happens to databases, done on purpose, and undone again."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine

from app.postgresql_server import SUPERUSER
from tests.lending import listening
from tests.owner import as_owner

BREAK = {
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
HALVES = ("audit_events", "audit_words")
IGNORE = "CREATE TRIGGER swallow_{0} BEFORE INSERT ON {0} BEGIN SELECT RAISE(IGNORE); END"
RULE = "CREATE RULE swallow_{0} AS ON INSERT TO {0} DO INSTEAD NOTHING"
NO_ROW = (
    "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    *(
        f"CREATE TRIGGER swallow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION swallow()"
        for table in HALVES
    ),
)
# The statements that make the database swallow what is written, and those that undo it.
SWALLOW: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "trigger on sqlite": (
        tuple(IGNORE.format(table) for table in HALVES),
        tuple(f"DROP TRIGGER swallow_{table}" for table in HALVES),
    ),
    "rule": (
        tuple(RULE.format(table) for table in HALVES),
        tuple(f"DROP RULE swallow_{table} ON {table}" for table in HALVES),
    ),
    "trigger": (
        NO_ROW,
        (*(f"DROP TRIGGER swallow ON {table}" for table in HALVES), "DROP FUNCTION swallow"),
    ),
}


Fault = Callable[[Engine], AbstractContextManager[None]]


@contextmanager
def unwritable_trail(engine: Engine) -> Iterator[None]:
    """Every event is refused by the database."""
    name = engine.dialect.name
    _as_owner(engine, BREAK[name])
    yield
    _as_owner(engine, HEAL[name])


def swallowed(how: str) -> Fault:
    """Return the fault that every event is taken by the database, and none is kept."""

    @contextmanager
    def fault(engine: Engine) -> Iterator[None]:
        swallow, heal = SWALLOW[how]
        _as_owner(engine, swallow)
        yield
        _as_owner(engine, heal)

    return fault


@contextmanager
def full_disk(engine: Engine) -> Iterator[None]:
    """SQLite gets no further page than it has."""

    def no_room(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    with listening(engine, "begin", no_room):
        yield
    engine.dispose()


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process gets longer than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


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


# Each with the engine that it can happen to.
FAULTS: dict[str, tuple[str, Fault]] = {
    "unwritable trail": ("sqlite", unwritable_trail),
    "unwritable trail on postgresql": ("postgresql", unwritable_trail),
    "swallowed by a trigger": ("sqlite", swallowed("trigger on sqlite")),
    "swallowed by a rule on postgresql": ("postgresql", swallowed("rule")),
    "swallowed by a trigger on postgresql": ("postgresql", swallowed("trigger")),
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
