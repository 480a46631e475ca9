"""A PostgreSQL server of our own in a folder, for the demo and for the tests.

Nobody reaches it but through the socket in a folder that is closed to others.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
# Whose the tables are, and who the application is: it owns nothing.
OWNER, APPLICATION = "understudy_owner", "understudy"
# The server refuses to run as root.
STAND_INS = ("postgres", "nobody")
CAN_COPY_FILES = 15_00_00
# Order by code points, as SQLite does, and letters of every script are letters.
LOCALE = ("-E", "UTF8", "--locale=C", f"--lc-ctype={'C.' * (sys.platform == 'linux')}UTF-8")
# Debian keeps the server's programs off the path.
HOMES = "usr/lib/postgresql/*/bin"


class CannotRun(Exception):
    """There is no such server here, or it does not start; the message says why."""


@dataclass(frozen=True)
class Server:
    """A server with its `data`, reached by the socket in the folder `sockets`.

    `options` are its own, such as `-c fsync=off`. Neither path is relative.
    """

    data: Path
    sockets: Path
    options: str = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block is left. Raises CannotRun."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self) -> None:
        """Start it, with an empty cluster of its own if there is none. Raises CannotRun."""
        if not (self.data / "PG_VERSION").exists():
            _run("initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", *LOCALE)
        elif self.is_running():
            # Of a demo that was killed; its socket may be gone.
            self.stop()
        # What it says goes to a file: a server that inherits a pipe would keep it open.
        log, options = self.data / "server.log", f"-c listen_addresses='' -k {self.sockets}"
        options = f"{options} -c unix_socket_permissions=0700 {self.options}"
        _run("pg_ctl", "-D", self.data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop it; whoever is connected is cut off."""
        _run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")

    def is_running(self) -> bool:
        """Whether a server is running on the data, this one or another."""
        try:
            _run("pg_ctl", "-D", self.data, "status")
        except CannotRun:
            return False
        return True

    def url(self, database: str, role: str = APPLICATION) -> str:
        """Return the address of a database for one of the roles."""
        return f"postgresql://{role}@/{database}?host={self.sockets}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Return a connection as the superuser, who is asked for nothing."""
        return psycopg.connect(self.url(database, SUPERUSER), autocommit=True)

    def create_roles(self) -> None:
        """Create the owner and the application, unless they are there."""
        query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        with self.connect() as connection:
            for role in (OWNER, APPLICATION):
                if connection.execute(query, [role]).fetchone() is None:
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create a database of the owner's, the copy of another one that nobody is using."""
        names = [sql.Identifier(one) for one in (name, OWNER, template)]
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names)
        with self.connect() as connection:
            if connection.info.server_version >= CAN_COPY_FILES:
                # For a database as small as ours this takes half as long as the other way.
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)
            # A copy does not take this over.
            revoke = sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC")
            connection.execute(revoke.format(sql.Identifier(name)))

    def has_database(self, name: str) -> bool:
        """Whether there is a database of that name."""
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        with self.connect() as connection:
            return connection.execute(query, [name]).fetchone() is not None

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still using it."""
        with self.connect() as connection:
            statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(statement)


@contextmanager
def closed_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield a folder that only the server and we can enter; it is removed afterwards.

    It is for the socket, whose path may have no more than about a hundred characters.
    """
    folder = Path(tempfile.mkdtemp(prefix="understudy-pg-", dir=parent))
    try:
        hand_over(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hand_over(folder: Path) -> None:
    """Give a folder to the user that the server runs as, where that is not us."""
    if user := _user():
        os.chown(folder, user.pw_uid, user.pw_gid)


def _user() -> pwd.struct_passwd | None:
    if os.getuid():
        return None
    there = {user.pw_name: user for user in pwd.getpwall()}
    return next(there[name] for name in STAND_INS if name in there)


def _run(name: str, *arguments: str | Path) -> None:
    user = _user()
    command = [program(name), *map(str, arguments)]
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(  # noqa: S603
            command,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            stdout=output,
            stderr=output,
            check=False,
        )
        if done.returncode:
            output.seek(0)
            raise CannotRun(f"{name} failed: {output.read().decode(errors='replace').strip()}")


def program(name: str) -> str:
    """Return where one of the server's programs is, such as pg_dump. Raises CannotRun."""
    homes = sorted(Path("/").glob(HOMES), reverse=True)
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, homes)])
    found = shutil.which(name, path=places)
    if found is None:
        raise CannotRun(
            f"PostgreSQL's {name} is not installed. `make postgresql` installs the server where"
            " apt-get can; elsewhere install it, with initdb and pg_ctl on the path."
        )
    return found
