"""Following a long trail on every core: each run in whichever process is free."""

import gc
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from multiprocessing import get_context

from sqlalchemy.orm import Session

from app.domain.audit_following import follow_here, follow_run, runs_between
from app.domain.audit_scan import Run
from app.storage import audit_extent
from app.storage.database import Database
from app.storage.snapshots import go_to, moment_of

# Starting a process takes longer than following a run.
FEW_RUNS = 2
# Besides this one.
PROCESSES = (os.cpu_count() or 1) - 1

Bounds = tuple[int, int]
# A run, and whether more had been recorded by then than was to be seen.
Followed = tuple[Run, bool]


def follow_in_processes(
    url: str, db: Session, sizes: frozenset[int], after: int, last: int
) -> Iterable[Run]:
    """Follow the events of the database at `url`, which `db` has open."""
    runs = runs_between(after, last)
    if PROCESSES == 0 or len(runs) <= FEW_RUNS:
        return follow_here(db, sizes, after, last)
    return _with_others(url, db, sizes, runs)


def _with_others(url: str, db: Session, sizes: frozenset[int], runs: list[Bounds]) -> Iterator[Run]:
    follow = partial(_follow, url, moment_of(db), sizes, runs[-1][1])
    pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=gc.disable)
    try:
        futures = [pool.submit(follow, run) for run in runs]
        for bounds, (run, is_later) in zip(runs, _in_turn(db, sizes, runs, futures), strict=True):
            # On SQLite each process sees the database as it finds it. What has been archived or
            # erased on record by then is still there in the transaction that began all this.
            doubtful = run.finding or (is_later and run.erased.count)
            yield follow_run(db, sizes, *bounds) if doubtful else run
    finally:
        pool.shutdown(cancel_futures=True)


def _in_turn(
    db: Session, sizes: frozenset[int], runs: list[Bounds], futures: list[Future[Followed]]
) -> Iterator[Followed]:
    """Yield what has been found in each run, in order.

    While the others start, and whenever they have not come so far, this process follows what
    none of them has begun, from the end.
    """
    here: dict[int, Run] = {}
    unasked = len(runs)
    for number, future in enumerate(futures):
        while unasked > number and not future.done():
            unasked -= 1
            if futures[unasked].cancel():
                with _uncollected():
                    here[unasked] = follow_run(db, sizes, *runs[unasked])
        yield (here.pop(number), False) if number in here else future.result()


def _follow(
    url: str, moment: str | None, sizes: frozenset[int], last: int, run: Bounds
) -> Followed:
    with _database(url).unit_of_work(writing=False) as db:
        go_to(db, moment)
        return follow_run(db, sizes, *run), audit_extent.bounds(db)[1] > last


@contextmanager
def _uncollected() -> Iterator[None]:
    """Events are in no circles: looking for some among a million takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@lru_cache(maxsize=1)
def _database(url: str) -> Database:
    """The database as one of the processes has it open for all its runs."""
    return Database(url)
