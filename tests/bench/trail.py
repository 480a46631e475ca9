"""How fast the trail grows, and how long verifying all of it takes.

This adds events that belong to no session: it comes last.
"""

import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Barrier

from app.cli.parallel import follow_in_processes
from app.domain import audit_verification, signing_keys
from app.domain.audit_trail import AuditAction, append, event
from app.domain.checkpoints import CheckpointKey
from app.storage.database import Database
from tests.bench.figures import Bound, Figure
from tests.bench.loading import POSTGRESQL, SQLITE, Place, told
from tests.factories import FROM_THE_OFFICE

THEME = "The trail"
WRITERS, SECONDS = 6, 5.0
EVENTS_A_SECOND = {SQLITE: 1000, POSTGRESQL: 300}
VERIFYING_SECONDS, FOR_EVENTS = 5.0, 1_000_000

_barrier: Barrier


def measure(place: Place) -> list[Figure]:
    """Return the figures, of the database alone: no site is asked."""
    return [*_measure_appending(place), _measure_verifying(place)]


def _measure_appending(place: Place) -> Iterator[Figure]:
    for writers in (1, WRITERS):
        told(f"the trail: {writers} recording at once")
        yield Figure(
            theme=THEME,
            name=f"events recorded a second, {writers} at once",
            value=sum(_appended(place.database_url, writers)) / SECONDS,
            unit="/s",
            bounds=(Bound("value", EVENTS_A_SECOND[place.engine], least=True),),
        )


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
    database, done, now = Database(url), 0, datetime.now(UTC)
    _barrier.wait()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with database.unit_of_work(writing=True) as db:
            append(db, event(AuditAction.HANDOFF_REDEEMED, now=now, provenance=FROM_THE_OFFICE))
        done += 1
    database.dispose()
    return done


def _measure_verifying(place: Place) -> Figure:
    told("the trail: verifying all of it")
    key = signing_keys.load(place.folder / "var/checkpoint-key.pem")
    verifier = CheckpointKey(f"understudy/audit/{key.kid}", key).verifier
    follow = partial(follow_in_processes, place.database_url)
    with place.database.unit_of_work(writing=False) as db:
        began = time.perf_counter()
        verdict = audit_verification.verify(db, key=verifier, follow=follow)
        took = time.perf_counter() - began
    if verdict.finding:
        raise RuntimeError(verdict.finding.sentence)
    return Figure(
        theme=THEME,
        name=f"verifying {verdict.last:,} events",
        value=took,
        unit="s",
        # The bound is for a million; starting costs the same for fewer.
        bounds=(Bound("value", VERIFYING_SECONDS),) if verdict.last >= FOR_EVENTS else (),
    )
