"""The servers that are measured: the admin site and the floor, each with two gunicorn workers."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.launcher import KEEP_ALIVE
from tests.bench.connection import Connection
from tests.bench.loading import Place

WORKERS, THREADS = 2, 16
READY_SECONDS = 60
FLOOR_DATABASE = "FLOOR_DATABASE_URL"


@dataclass(frozen=True)
class Site:
    """The admin site on one database, and the floor on the same."""

    place: Place
    url: str
    floor_url: str
    master: int

    def processor_time(self) -> float | None:
        """Return what the workers have used of the processors, in milliseconds, as Linux tells."""
        folders = [Path(f"/proc/{worker}/task") for worker in _children(self.master)]
        files = [file for folder in folders for file in folder.glob("*/schedstat")]
        if not files:
            return None
        return sum(int(file.read_text(encoding="ascii").split()[0]) for file in files) / 1e6

    def peak_memory(self) -> float | None:
        """Return the most memory, in MiB, that a worker of the site has had; None if unknown."""
        return max((peak_memory(worker) for worker in _children(self.master)), default=None)


@contextmanager
def running(place: Place) -> Iterator[Site]:
    """Run the admin site and the floor until the block is left."""
    port, floor_port = _free_port(), _free_port()
    environ = place.environ(port) | {FLOOR_DATABASE: place.database_url}
    with (
        _gunicorn("app.wsgi:admin", port, place.folder, environ) as master,
        _gunicorn("tests.bench.floor:build()", floor_port, place.folder, environ),
    ):
        yield Site(place, f"http://localhost:{port}", f"http://localhost:{floor_port}", master)


def peak_memory(process: int) -> float:
    """Return the most memory that a running process has had, in MiB, as Linux tells it."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    # One that has just ended has none.
    return max(map(int, re.findall(r"VmHWM:\s+(\d+) kB", status)), default=0) / 1024


@contextmanager
def _gunicorn(
    application: str, port: int, folder: Path, environ: Mapping[str, str]
) -> Iterator[int]:
    """Run it as `make run` does, but with two workers; yield its process."""
    command = [sys.executable, "-m", "gunicorn", "--worker-class=gthread"]
    command += [f"--workers={WORKERS}", f"--threads={THREADS}", "--no-control-socket"]
    command += [f"--keep-alive={KEEP_ALIVE}"]
    command += ["--forwarded-allow-ips=", "--log-level=warning", f"--bind=127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, application], cwd=folder, env=environ, start_new_session=True
    )
    try:
        _wait_until_ready(process, port)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _children(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children")
    return [int(one) for one in children.read_text().split()] if children.exists() else []


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            Connection(f"http://localhost:{port}").send("GET", "/")
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers on port {port}; what it said is above")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
