"""Following a long trail on every core: each run in whichever process is free."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from sqlalchemy.orm import Session

from app.domain.audit_scan import Run
from app.domain.audit_verification import follow_here, follow_run, runs_between
from app.storage.database import Database

# Starting a process takes longer than following a run.
FEW_RUNS = 2


def follow_in_processes(
    url: str, db: Session, sizes: frozenset[int], after: int, last: int
) -> Iterable[Run]:
    """Follow the events of the database at `url`, whose newest `db` has seen."""
    if len(runs_between(after, last)) <= FEW_RUNS:
        return follow_here(db, sizes, after, last)
    return _elsewhere(url, sizes, runs_between(after, last))


def _elsewhere(url: str, sizes: frozenset[int], runs: list[tuple[int, int]]) -> Iterator[Run]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_follow, url, sizes), runs)


def _follow(url: str, sizes: frozenset[int], run: tuple[int, int]) -> Run:
    database = Database(url)
    try:
        with database.unit_of_work(writing=False) as db:
            return follow_run(db, sizes, *run)
    finally:
        database.dispose()
