"""`make bench`, the audit trail's part: how fast it grows, and how fast a million events verify.

On both engines, with every commit on the disk. Nothing passes or fails here; the bounds are
printed beside the figures.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

from alembic import command

from app.cli.database import alembic_config
from app.cli.parallel import follow_in_processes
from app.domain import audit_verification, signing_keys
from app.domain.audit_trail import AuditAction, append, event
from app.domain.checkpoints import CheckpointKey
from app.storage.database import Database
from tests import postgresql
from tests.factories import FROM_THE_OFFICE
from tests.filling import fill_trail

WRITERS = 6
SECONDS = 5.0

_barrier: Barrier
EVENTS = 1_000_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    print(f"{'the trail':44}{'figure':>12}   bound")
    with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
        # Beside the databases: what the key signs is not looked at here.
        path = Path(folder) / "key.pem"
        signing_keys.create(path)
        key = CheckpointKey("bench/audit", signing_keys.load(path))
        for name, bound, url in _databases(Path(folder)):
            command.upgrade(alembic_config(url), "head")
            _measure_appending(name, bound, url)
            _measure_verifying(name, url, key)


def _databases(folder: Path) -> Iterator[tuple[str, str, str]]:
    yield "SQLite", "1,000/s", f"sqlite:///{folder / 'bench.db'}"
    with postgresql.server(durable=True) as place:
        postgresql.create_database(place, "bench")
        yield "PostgreSQL", "300/s", postgresql.url(place, "bench")


def _measure_appending(name: str, bound: str, url: str) -> None:
    for writers in (1, WRITERS):
        rate = sum(_appended(url, writers)) / SECONDS
        print(f"{f'{name}: events recorded, {writers} at once':44}{rate:10,.0f}/s   {bound}")


def _appended(url: str, writers: int) -> list[int]:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(writers)
    with context.Pool(writers, initializer=_wait_for, initargs=(barrier,)) as pool:
        return pool.map(_append, [url] * writers, chunksize=1)


def _wait_for(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier can only be inherited, not sent
    _barrier = barrier


def _append(url: str) -> int:
    """Record one event a transaction for SECONDS; return how many."""
    database, done = Database(url), 0
    _barrier.wait()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with database.unit_of_work(writing=True) as db:
            append(db, event(AuditAction.HANDOFF_REDEEMED, now=NOW, provenance=FROM_THE_OFFICE))
        done += 1
    database.dispose()
    return done


def _measure_verifying(name: str, url: str, key: CheckpointKey) -> None:
    database = Database(url)
    with _told(f"filling {name} with {EVENTS:,} events"):
        fill_trail(database, events=EVENTS, now=NOW)
    with database.unit_of_work(writing=False) as db:
        began = time.perf_counter()
        verdict = audit_verification.verify(
            db, key=key.verifier, follow=partial(follow_in_processes, url)
        )
        took = time.perf_counter() - began
    database.dispose()
    if verdict.finding:
        raise RuntimeError(verdict.finding.sentence)
    memory = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"{f'{name}: verifying {verdict.last:,} events':44}{took:10.1f} s   5 s")
    print(f"{f'{name}: the most memory of a process':44}{memory / 1024:8,.0f} MiB   constant")


@contextmanager
def _told(what: str) -> Iterator[None]:
    print(f"({what} …)", file=sys.stderr)
    yield


if __name__ == "__main__":
    main()
