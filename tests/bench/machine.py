"""What the figures were measured on."""

import os
import platform
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.bench.loading import POSTGRESQL, Place
from tests.bench.timing import Sample, timed

PACKAGES = ("Flask", "Jinja2", "SQLAlchemy", "psycopg", "gunicorn")
GIB = 1024**3


def described(places: Sequence[Place]) -> dict[str, str]:
    """Return the machine, the load on it just now, its disk, and the versions of everything."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    told = {
        "machine": f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB of memory",
        "system": platform.platform(terse=True),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "disk": f"{_sync(places[0].folder):.2f} ms to write 4 KiB and be sure (fsync)",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }
    server = next((place.server for place in places if place.engine == POSTGRESQL), None)
    if server:
        with server.connect() as connection:
            told["PostgreSQL"] = connection.info.parameter_status("server_version") or "?"
    return told | {name: version(name) for name in PACKAGES}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.processor() or platform.machine()


def _sync(folder: Path) -> float:
    """Return the median of the milliseconds that one small durable write takes."""
    with tempfile.TemporaryFile(dir=folder) as file:

        def write() -> None:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())

        return Sample([timed(write) for _ in range(100)]).median
