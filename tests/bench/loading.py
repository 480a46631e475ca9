"""Databases at size, one for each engine and number of members, filled by the operator's commands.

What has been filled stays in its folder: a second run with the same folder measures at once.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from app.launcher import FRUGAL
from app.postgresql_server import OWNER, Server, closed_folder, hand_over
from app.storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
SQLITE, POSTGRESQL = "sqlite", "postgresql"
ENGINES = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}
SIZES = (1_000, 10_000, 100_000, 1_000_000)
MEMBERS_OF_AN_ACCOUNT = 10
SECRET_KEY = "demo-only-for-the-figures-of-one-machine"
# PostgreSQL as it comes, durable, but for room for the workers of four sites.
OPTIONS = "-c max_connections=200 -c log_min_messages=fatal"


@dataclass(frozen=True)
class Place:
    """One database at size, in a folder of its own with the keys that belong to it.

    `server` is PostgreSQL's, None for SQLite.
    """

    engine: str
    members: int
    folder: Path
    server: Server | None = None

    @property
    def accounts(self) -> int:
        """How many accounts the members are in."""
        return max(self.members // MEMBERS_OF_AN_ACCOUNT, 1)

    @property
    def name(self) -> str:
        """What the database is called on the server."""
        return f"members_{self.members}"

    @property
    def database_url(self) -> str:
        """The address of the database, for the application."""
        path = f"sqlite:///{self.folder}/understudy.db"
        return self.server.url(self.name) if self.server else path

    @cached_property
    def api_key(self) -> str:
        """The secret of the product app's key."""
        return self._key_file.read_text(encoding="utf-8").strip()

    @cached_property
    def database(self) -> Database:
        """The database, to look things up in and to put things into."""
        return Database(self.database_url)

    @property
    def is_filled(self) -> bool:
        """Whether everything is in it."""
        return self._key_file.exists()

    def environ(self, port: int) -> dict[str, str]:
        """Return the environment of the site's programs, for the site on that port."""
        environ = {name: value for name, value in os.environ.items() if "UNDERSTUDY_" not in name}
        return environ | {
            "PYTHONPATH": str(ROOT),
            **FRUGAL,
            "UNDERSTUDY_DEMO": "1",
            "UNDERSTUDY_ADMIN_URL": f"http://localhost:{port}",
            "UNDERSTUDY_PRODUCT_URL": "http://127.0.0.1:9",
            "UNDERSTUDY_SECRET_KEY": SECRET_KEY,
            "UNDERSTUDY_DATABASE_URL": self.database_url,
            # What is measured is the site and not what it lets a stranger do.
            "UNDERSTUDY_STARTS_PER_HOUR": "0",
            "UNDERSTUDY_API_REQUESTS_PER_MINUTE": "1000000",
            "UNDERSTUDY_DATABASE_OWNER_URL": (
                self.server.url(self.name, OWNER) if self.server else ""
            ),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a module of Python's with its arguments, as an operator would."""
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=self.environ(port=8000),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def as_owner(self) -> Iterator[Any]:
        """Yield a connection of the driver's to whom everything is allowed; leaving it commits."""
        if self.server:
            with self.server.connect(self.name) as connection:
                yield connection
            return
        with closing(sqlite3.connect(self.folder / "understudy.db")) as own, own:
            yield own

    def prepare(self) -> None:
        """Make the folder and the database, unless they are there."""
        (self.folder / "var").mkdir(exist_ok=True, parents=True)
        if self.server and not self.server.has_database(self.name):
            self.server.create_database(self.name)

    def finish(self, api_key: str) -> None:
        """Leave the tables as housekeeping leaves them after a while; note that it is filled."""
        if self.server:
            with self.as_owner() as connection:
                connection.execute("VACUUM ANALYZE")
        self._key_file.write_text(api_key, encoding="utf-8")

    @property
    def _key_file(self) -> Path:
        return self.folder / "product.key"


@contextmanager
def places(engines: Sequence[str], sizes: Sequence[int], folder: Path) -> Iterator[list[Place]]:
    """Yield a place for each size and engine, filled; the engines are filled at the same time."""
    with ExitStack() as stack:
        servers = {engine: stack.enter_context(_server(engine, folder)) for engine in engines}
        found = []
        for size in sizes:
            same_size = [
                Place(engine, size, folder / f"{engine}-{size}", server)
                for engine, server in servers.items()
            ]
            _fill(same_size)
            found += same_size
        for place in found:
            stack.callback(place.database.dispose)
        yield found


@contextmanager
def empty_place_beside(place: Place) -> Iterator[Place]:
    """Yield a place with nothing in it, on the same engine; it is removed afterwards."""
    empty = Place(place.engine, 0, place.folder.with_name(f"{place.engine}-0"), place.server)
    try:
        empty.prepare()
        _run_each([empty], "db", "upgrade")
        _run_each([empty], "keys", "create")
        yield empty
    finally:
        shutil.rmtree(empty.folder)
        if place.server:
            place.server.drop_database(empty.name)


@contextmanager
def _server(engine: str, folder: Path) -> Iterator[Server | None]:
    if engine == SQLITE:
        yield None
        return
    home = folder.resolve() / POSTGRESQL
    home.mkdir(exist_ok=True, parents=True)
    hand_over(home)
    with closed_folder() as sockets:
        server = Server(home / "data", sockets, OPTIONS)
        with server.running():
            server.create_roles()
            yield server


def _fill(same_size: Sequence[Place]) -> None:
    """Bring places of one size up to date, and fill those that are empty, side by side."""
    for place in same_size:
        place.prepare()
    _run_each(same_size, "db", "upgrade")
    empty = [place for place in same_size if not place.is_filled]
    if not empty:
        return
    size, accounts = empty[0].members, empty[0].accounts
    told(f"loading {size:,} members on {' and '.join(ENGINES[place.engine] for place in empty)}")
    if not (empty[0].folder / "var/signing-key.pem").exists():
        _run_each(empty, "keys", "create")
    counts = {"accounts": accounts, "members": size, "events": size}
    _run_each(empty, "demo", "seed", *(f"--{name}={count}" for name, count in counts.items()))
    for place, api_key in zip(empty, _run_each(empty, "api-keys", "create", "Bench"), strict=True):
        place.finish(api_key)


def _run_each(some: Sequence[Place], *arguments: str) -> list[str]:
    """Run an operator's command for each of the places at once; return what each says."""
    command = ("flask", "--app", "app.cli.operator:operator", *arguments)
    running = [place.start(*command) for place in some]
    said = [process.communicate() for process in running]
    for process, (_, complaint) in zip(running, said, strict=True):
        if process.returncode:
            raise RuntimeError(f"flask {' '.join(arguments)} failed:\n{complaint}")
    return [output for output, _ in said]


def told(what: str) -> None:
    """Say what is going on, to whoever is waiting."""
    print(f"({what} …)", file=sys.stderr, flush=True)
