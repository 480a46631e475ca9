"""How much memory the site's workers take at the most, and an import by its size."""

import csv
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.demo import customers
from tests.bench.figures import Bound, Figure
from tests.bench.loading import MEMBERS_OF_AN_ACCOUNT, Place, empty_place_beside, told
from tests.bench.site import Site, peak_memory

THEME = "Memory"
WORKER_MIB = 150.0
IMPORTS = (100_000, 1_000_000)
# What ten times the rows leave as it is, but for a little, is constant.
CONSTANT = 1.1
LOOKS_SECONDS = 0.02


def measure_workers(site: Site) -> list[Figure]:
    """Return the most that a worker of the site has had since it started, where Linux says."""
    peak = site.peak_memory()
    return [_memory("a worker of the site, at the most", peak, WORKER_MIB)] if peak else []


def measure_import(place: Place) -> list[Figure]:
    """Return the most that an import has had, of files and of such as are ten times as long."""
    figures: list[Figure] = []
    for size in IMPORTS:
        told(f"memory: an import of {size:,} members")
        with empty_place_beside(place) as empty:
            command = _import_of(empty, size)
            began = time.monotonic()
            peak = _peak_until_end(empty.start(*command))
            seconds = time.monotonic() - began
        # The first is what the others are measured by.
        limit = figures[0].value * CONSTANT if figures else peak
        figures.append(_memory(f"an import of {size:,} members, at the most", peak, limit))
    name = f"members imported a second, of {size:,}"
    return [*figures, Figure(theme=THEME, name=name, value=size / seconds, unit="/s")]


def _import_of(place: Place, size: int) -> list[str]:
    """Write the files in the place; return the command that imports them."""
    accounts = size // MEMBERS_OF_AN_ACCOUNT
    files = {"accounts": customers.accounts(accounts), "members": customers.members(accounts, size)}
    command = ["flask", "--app", "app.cli.operator:operator", "directory", "import"]
    for name, records in files.items():
        path = place.folder / f"{name}.csv"
        _write(path, records)
        command += [f"--{name}", str(path)]
    return command


def _write(path: Path, records: Iterable[Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        for number, record in enumerate(records):
            if not number:
                lines.writerow(record._fields)
            lines.writerow(map(_told, record))


def _told(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _peak_until_end(process: subprocess.Popen[str]) -> float:
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(LOOKS_SECONDS)
    _, complaint = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the import failed:\n{complaint}")
    return peak


def _memory(name: str, mebibytes: float, limit: float) -> Figure:
    bounds = (Bound("value", limit),)
    return Figure(theme=THEME, name=name, value=mebibytes, unit="MiB", bounds=bounds)
