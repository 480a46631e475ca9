"""Both sites and the worker as real processes, in a folder of their own that is thrown away.

A story moves time by editing rows of this folder's database: a session that is to be over has its
`expires_at` put into the past. Nothing here waits for time to pass.
"""

import http.client
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import psycopg

from app.launcher import KEEP_ALIVE
from app.postgresql_server import OWNER, Server
from tests.e2e.commands import flask

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = ("--app", "app.cli.operator:operator")
LETTERBOX = ("--app", "app.product.wsgi:application")
KEY_FILE = "var/letterbox.key"
READY_SECONDS = 60
PREPARED = "prepared"

Execute = Callable[[str, Sequence[Any]], Any]


def prepare(folder: Path, server: Server | None = None) -> None:
    """Fill `folder` with keys and databases, by the commands that an operator types.

    The admin site's database lies in the folder, or is `PREPARED` on the PostgreSQL server.
    """
    (folder / "var").mkdir()
    if server:
        server.create_database(PREPARED)
    environ = _environ(admin_port=8000, product_port=8001) | _database(server, PREPARED)
    flask(folder, environ, *OPERATOR, "keys", "create")
    flask(folder, environ, *OPERATOR, "db", "upgrade")
    key = flask(folder, environ, *OPERATOR, "api-keys", "create", "Letterbox")
    (folder / KEY_FILE).write_text(key, encoding="utf-8")
    flask(folder, environ, *LETTERBOX, "letterbox", "load-demo")
    _sync_directory(folder, environ)
    flask(folder, environ, *OPERATOR, "demo", "load")


@dataclass(frozen=True)
class Member:
    """A member of an account, as Letterbox knows them."""

    id: str
    name: str
    email: str
    account: str
    account_id: str


@dataclass
class Site:
    """A running set of both sites and the worker."""

    folder: Path
    admin_port: int
    product_port: int
    server: Server | None = None
    database: str = ""
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def copied_from(cls, prepared: Path, folder: Path, server: Server | None = None) -> Self:
        """A site of its own, with what has been prepared in it; not started yet."""
        shutil.copytree(prepared, folder, dirs_exist_ok=True)
        name = f"site_{uuid.uuid4().hex}"
        if server:
            server.create_database(name, template=PREPARED)
        return cls(folder, _free_port(), _free_port(), server, name)

    @property
    def admin_url(self) -> str:
        return f"http://localhost:{self.admin_port}"

    @property
    def product_url(self) -> str:
        return f"http://127.0.0.1:{self.product_port}"

    @contextmanager
    def running(self, *names: str) -> Iterator[Self]:
        """The processes with these names, by default all, run until the block is left."""
        try:
            for name in names or ("admin", "product", "worker"):
                self.start(name)
            self.wait_until_ready()
            yield self
        finally:
            for name in list(self._processes):
                self.stop(name)

    def start(self, name: str) -> None:
        """Start "admin", "product" or "worker"."""
        command = {
            "admin": _gunicorn("app.wsgi:admin", self.admin_port),
            "product": _gunicorn("app.product.wsgi:application", self.product_port),
            "worker": [sys.executable, "-m", "app.worker"],
        }[name]
        with self._log_file(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """Kill it with its children, as a power cut would."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """One of the processes is down until the block is left."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        sites = {
            "admin": ("localhost", self.admin_port),
            "product": ("127.0.0.1", self.product_port),
        }
        hosts = [site for name, site in sites.items() if name in self._processes]
        while not all(_answers(host, port) for host, port in hosts):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the sites did not start:\n{self.log()}")
            time.sleep(0.05)

    def log(self) -> str:
        """Everything that any of the processes has written."""
        files = sorted(self.folder.glob("*.log"))
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def flask(self, *arguments: str) -> str:
        """Run one of the operator's commands; return what it says."""
        return flask(self.folder, self._environ, *OPERATOR, *arguments)

    def sync_directory(self) -> None:
        """Bring what has changed in Letterbox to the admin site, as the operator does."""
        _sync_directory(self.folder, self._environ)

    def add_superadmin(self, email: str, name: str, password: str) -> None:
        """Add one for a story that takes an admin's rights away."""
        options = ("--name", name, "--role", "superadmin", "--password", password)
        self.flask("admins", "create", email, *options)

    # Rows

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of the admin site's database."""
        with self._connected("understudy") as execute:
            return list(execute(query, values).fetchall())

    def letterbox_value(self, query: str, *values: Any) -> Any:
        """Return the one value that the query asks Letterbox's database for."""
        with self._connected("letterbox") as execute:
            ((value,),) = execute(query, values).fetchall()
        return value

    def edit(self, statement: str, *values: Any) -> None:
        """Change rows of the admin site's database behind its back."""
        self._edit("understudy", statement, *values)

    def edit_letterbox(self, statement: str, *values: Any) -> None:
        """Change rows of Letterbox, as its own people would by its own pages."""
        self._edit("letterbox", statement, *values)

    def clear_stage(self) -> None:
        """Let no session that a story has left running be seen by the next one."""
        with self._connected("understudy") as execute:
            execute(
                "UPDATE impersonations SET ended_at = expires_at, end_reason = 'expired'"
                " WHERE ended_at IS NULL",
                (),
            )

    def age(self, session_id: str, *columns: str, **by: float) -> None:
        """Let these moments of a session lie further back than they did."""
        microseconds = timedelta(**by) // timedelta(microseconds=1)
        changes = ", ".join(f"{column} = {column} - {microseconds}" for column in columns)
        self.edit(f"UPDATE impersonations SET {changes} WHERE id = ?", session_id)

    def value(self, query: str, *values: Any) -> Any:
        """Return the one value that the query asks for."""
        ((value,),) = self.ask(query, *values)
        return value

    def moment(self, session_id: str, column: str) -> int | None:
        """Return a moment of a session, in microseconds."""
        query = f"SELECT {column} FROM impersonations WHERE id = ?"
        moment: int | None = self.value(query, session_id)
        return moment

    def is_running(self, session_id: str) -> bool:
        """Whether nobody and nothing has ended the session."""
        return self.moment(session_id, "ended_at") is None

    def sessions_of(self, member: Member) -> int:
        """How many sessions there have been with that member."""
        query = "SELECT count(*) FROM impersonations WHERE target_id = ?"
        count: int = self.value(query, member.id)
        return count

    def member(self, email: str) -> Member:
        """Return the one member with that address."""
        (member,) = self._members("m.email = ?", email)
        return member

    def sign_in_of(self, email: str) -> str:
        """Return the id of that admin's newest sign-in."""
        query = (
            "SELECT s.id FROM sign_ins s JOIN admins a ON a.id = s.admin_id"
            " WHERE a.email = ? ORDER BY s.started_at DESC LIMIT 1"
        )
        sign_in_id: str = self.value(query, email)
        return sign_in_id

    def leave_idle(self, sign_in_id: str, **by: float) -> None:
        """Let the last click of a sign-in lie further back than it did."""
        change = "UPDATE sign_ins SET last_active_at = last_active_at - ? WHERE id = ?"
        self.edit(change, timedelta(**by) // timedelta(microseconds=1), sign_in_id)

    def first_member(self, pattern: str) -> Member:
        """Return the first member whose address is like that."""
        return self._members("m.email LIKE ?", pattern)[0]

    def ordinary_members(self, domain: str) -> list[Member]:
        """Return the members of an account whom a superadmin may impersonate."""
        return self._members(
            "a.domain = ? AND m.status = 'active' AND NOT m.protected"
            " AND m.email_key NOT IN (SELECT email_key FROM admins)",
            domain,
        )

    def _members(self, where: str, value: str) -> list[Member]:
        query = (
            "SELECT m.id, m.name, m.email, a.name, a.id FROM members m"
            f" JOIN accounts a ON a.id = m.account_id WHERE {where} ORDER BY m.email"
        )
        return [Member(*row) for row in self.ask(query, value)]

    def _edit(self, database: str, statement: str, *values: Any) -> None:
        with self._connected(database) as execute:
            changed = execute(statement, values).rowcount
        assert changed, "an edit that changes nothing is a mistake in the story"

    @contextmanager
    def _connected(self, database: str) -> Iterator[Execute]:
        """Yield what executes statements of one transaction; `?` stands for each value."""
        if self.server and database == "understudy":
            with psycopg.connect(self.server.url(self.database, OWNER)) as there:
                yield lambda statement, values: there.execute(
                    statement.replace("?", "%s").encode(), values
                )
            return
        path = self.folder / f"var/{database}.db"
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            yield connection.execute

    @property
    def _environ(self) -> dict[str, str]:
        ours = _environ(self.admin_port, self.product_port)
        return ours | _database(self.server, self.database)

    def _log_file(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _environ(admin_port: int, product_port: int) -> dict[str, str]:
    ours = ("UNDERSTUDY_", "LETTERBOX_", "FLASK_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {
        "PYTHONPATH": str(ROOT),
        "UNDERSTUDY_DEMO": "1",
        "UNDERSTUDY_ADMIN_URL": f"http://localhost:{admin_port}",
        "UNDERSTUDY_PRODUCT_URL": f"http://127.0.0.1:{product_port}",
        "UNDERSTUDY_SECRET_KEY": "demo-secret-of-the-browser-stories-admin-site",
        "LETTERBOX_SECRET_KEY": "demo-secret-of-the-browser-stories-letterbox",
        # Half of the stories wait for a tab to hear that its session has ended.
        "LETTERBOX_PRESENCE_SECONDS": "1",
    }


def _database(server: Server | None, name: str) -> dict[str, str]:
    if server is None:
        return {}
    return {
        "UNDERSTUDY_DATABASE_URL": server.url(name),
        "UNDERSTUDY_DATABASE_OWNER_URL": server.url(name, OWNER),
    }


def _sync_directory(folder: Path, environ: Mapping[str, str]) -> None:
    settings = ROOT / "app/product/directory.toml"
    flask(folder, environ, *OPERATOR, "directory", "sync", str(settings))


def _gunicorn(application: str, port: int) -> list[str]:
    # The access log holds addresses and referrers, in which no secret may ever be.
    return [
        *(sys.executable, "-m", "gunicorn", "--worker-class=gthread", "--threads=8"),
        f"--keep-alive={KEEP_ALIVE}",
        *("--no-control-socket", "--access-logfile=-", f"--bind=127.0.0.1:{port}", application),
    ]


def _answers(host: str, port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/sign-in", headers={"Host": f"{host}:{port}"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
