"""What a PostgreSQL engine needs: how long anybody may take, and how many connections there are."""

from dataclasses import dataclass
from typing import Any

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

# Each of the site's 16 threads can have a connection; the second half is closed again after use.
POOL_SIZE = 8
POOL_OVERFLOW = 8
POOL_TIMEOUT_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 5
# A server that has vanished without a word would keep a thread waiting for a quarter of an hour.
SILENCE_MS = 20_000


@dataclass(frozen=True)
class Patience:
    """How long PostgreSQL lets its client take, in milliseconds; 0 is for as long as it takes.

    `application` is the name by which the server's own views know the client.
    """

    application: str
    statement_ms: int = 0
    lock_ms: int = 0
    idle_in_transaction_ms: int = 0


# Somebody is waiting in front of a page. A request is judged by the time when it began, so what
# waits for a lock must not wait for long (I1).
SITE = Patience("understudy site", 15_000, lock_ms=5_000, idle_in_transaction_ms=60_000)
# Verifying or importing a million rows takes as long as it takes, and so may wait its turn.
WORKER = Patience("understudy worker", idle_in_transaction_ms=600_000)
COMMAND = Patience("understudy command")


def pool_options() -> dict[str, Any]:
    """Return how `create_engine` is to keep connections.

    Each is tried before it is used: after a restart of the server the next request just works.
    The one used last is used next, so that those for a rush can be let go.
    """
    return {
        "pool_pre_ping": True,
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
        "pool_use_lifo": True,
    }


def prepare(engine: Engine) -> None:
    """Set up each connection."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.adapters.register_dumper(str, _Text)


class _Text(StrDumperUnknown):
    """A text without NUL, which PostgreSQL refuses: whoever sends one finds nothing by it."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def connect_arguments(url: URL, patience: Patience) -> dict[str, Any]:
    """Return what psycopg is to connect with. What the URL says for itself comes last, and wins."""
    settings = {
        "statement_timeout": patience.statement_ms,
        "lock_timeout": patience.lock_ms,
        "idle_in_transaction_session_timeout": patience.idle_in_transaction_ms,
        "TimeZone": "UTC",
        # A client whose machine has gone must not keep its locks for hours.
        "tcp_keepalives_idle": 30,
        "tcp_keepalives_interval": 10,
        "tcp_keepalives_count": 3,
        # Compiling takes longer than any of our statements.
        "jit": "off",
    }
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    arguments = {
        "application_name": patience.application,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "tcp_user_timeout": SILENCE_MS,
    }
    said = {name: value for name, value in url.query.items() if name in arguments}
    options = " ".join([ours, *_texts(url.query.get("options"))])
    return arguments | said | {"options": options}


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value
