"""Following a long trail on every core: each run in whichever process is free."""

import gc
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from sqlalchemy.orm import Session

from app.domain.audit_following import follow_here, follow_run, runs_between
from app.domain.audit_scan import Run
from app.storage import audit_extent
from app.storage.database import Database
from app.storage.snapshots import go_to, moment_of

# Starting a process takes longer than following a run.
FEW_RUNS = 2

Bounds = tuple[int, int]


def follow_in_processes(
    url: str, db: Session, sizes: frozenset[int], after: int, last: int
) -> Iterable[Run]:
    """Follow the events of the database at `url`, which `db` has open."""
    if len(runs_between(after, last)) <= FEW_RUNS:
        return follow_here(db, sizes, after, last)
    return _elsewhere(url, db, sizes, runs_between(after, last))


def _elsewhere(url: str, db: Session, sizes: frozenset[int], runs: list[Bounds]) -> Iterator[Run]:
    follow = partial(_follow, url, moment_of(db), sizes, runs[-1][1])
    # Events are in no circles: looking for some among a million takes a quarter of the time.
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=get_context("spawn"), initializer=gc.disable
    ) as pool:
        for bounds, (run, is_later) in zip(runs, pool.map(follow, runs), strict=True):
            # On SQLite each process sees the database as it finds it. What has been archived or
            # erased on record by then is still there in the transaction that began all this.
            doubtful = run.finding or (is_later and run.erased.count)
            yield follow_run(db, sizes, *bounds) if doubtful else run


def _follow(
    url: str, moment: str | None, sizes: frozenset[int], last: int, run: Bounds
) -> tuple[Run, bool]:
    """Return the run, and whether more has been recorded than was to be seen."""
    database = Database(url)
    try:
        with database.unit_of_work(writing=False) as db:
            go_to(db, moment)
            return follow_run(db, sizes, *run), audit_extent.bounds(db)[1] > last
    finally:
        database.dispose()
