"""A PostgreSQL server of the tests' own, thrown away afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.scratch import scratch_folder

OWNER = "understudy"
SETTINGS = "-c listen_addresses='' -c max_connections=60 -c log_min_messages=fatal"


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Run a server until the block is left; yield the folder of its socket.

    What the tests write outlives nobody, so it need not reach the disk; figures are `durable`.
    Raises RuntimeError when PostgreSQL is not installed.
    """
    place = None if durable else scratch_folder()
    folder = Path(tempfile.mkdtemp(prefix="understudy-pg-", dir=place))
    try:
        # The server refuses to run as root.
        user = None if os.getuid() else "nobody"
        if user:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        _run(user, "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"{SETTINGS} -c fsync={'on' if durable else 'off'} -k {folder}"
        log = folder / "log"
        _run(user, "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield str(folder)
        finally:
            _run(user, "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url(folder: str, name: str) -> str:
    """Return the address of the database of that name."""
    return f"postgresql://{OWNER}@/{name}?host={folder}"


def create_database(folder: str, name: str, *, template: str = "template0") -> None:
    """Create a database, the copy of another one that nobody is using."""
    with psycopg.connect(url(folder, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


def drop_database(folder: str, name: str) -> None:
    """Drop a database, whoever is still using it."""
    with psycopg.connect(url(folder, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _run(user: str | None, name: str, *arguments: str | Path) -> None:
    command = [_program(name), *map(str, arguments)]
    # What it prints goes to a file: a server that inherits a pipe would keep it open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, user=user, cwd="/", stdout=output, stderr=output, check=False
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{name} failed: {output.read().decode(errors='replace')}")


def _program(name: str) -> str:
    # Debian keeps the server's programs off the path.
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([os.environ.get("PATH", ""), *map(str, homes)])
    found = shutil.which(name, path=places)
    if found is None:
        raise RuntimeError(f"PostgreSQL's {name} is missing: install PostgreSQL's server")
    return found
