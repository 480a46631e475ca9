"""Real processes that all begin at the same moment."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

Result = TypeVar("Result")
CONTENDERS = 8
PATIENCE_SECONDS = 30

_barrier: Barrier


class Contenders:
    """Processes that share nothing but the database, ready to run against one another."""

    def __init__(self, pool: Pool, barrier: Barrier) -> None:
        self._pool, self._barrier = pool, barrier

    def race(self, run: Callable[..., Result], *arguments: Any) -> list[Result]:
        """Call `run(*arguments)` in every process at once; return what each returned.

        `run` must be importable by a process that knows nothing of this one.
        """
        self._barrier.reset()
        calls = [(run, arguments)] * CONTENDERS
        return self._pool.starmap_async(_contend, calls, chunksize=1).get(PATIENCE_SECONDS)


@contextmanager
def contenders() -> Iterator[Contenders]:
    """Start the processes once: importing the application takes longer than a race."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(CONTENDERS)
    with context.Pool(CONTENDERS, initializer=_wait_for, initargs=(barrier,)) as pool:
        yield Contenders(pool, barrier)


def meet() -> None:
    """Wait, in a contender, until all the others have come this far."""
    _barrier.wait(PATIENCE_SECONDS)


def _wait_for(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a barrier can only be inherited, not sent
    _barrier = barrier


def _contend(run: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    try:
        # Nobody starts a second call before everybody has one, so each process runs exactly one.
        meet()
        return run(*arguments)
    except Exception:
        # The others need not wait for somebody who will not come.
        _barrier.abort()
        raise
