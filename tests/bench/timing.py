"""How long something takes, again and again, side by side with what it is compared with."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WARM_UP = 20

Call = Callable[[], object]


@dataclass(frozen=True)
class Sample:
    """So many times, in milliseconds."""

    milliseconds: Sequence[float]

    @property
    def median(self) -> float:
        """What half of them are below."""
        return statistics.median(self.milliseconds)

    @property
    def p99(self) -> float:
        """What all but one in a hundred are below."""
        return statistics.quantiles(self.milliseconds, n=100)[98]


def side_by_side(calls: Mapping[str, Call], *, runs: int) -> dict[str, Sample]:
    """Call each in turn, `runs` times round; return how long each took.

    In turn, so that whatever else the machine is doing meanwhile slows all of them down alike.
    """
    took: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(WARM_UP + runs):
        for name, call in calls.items():
            milliseconds = timed(call)
            if run >= WARM_UP:
                took[name].append(milliseconds)
    return {name: Sample(times) for name, times in took.items()}


def timed(call: Call) -> float:
    """Return how many milliseconds one call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


@dataclass(frozen=True)
class Load:
    """What many callers got done at once: how many calls a second, and how long each took."""

    rate: float
    each: Sample


def at_once(calls: Sequence[Call], *, seconds: float) -> Load:
    """Let each call be made again and again by a caller of its own, all of them at once."""
    began = time.monotonic()
    callers = [_Caller(call, warm=began + seconds / 5, end=began + seconds) for call in calls]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for caller in callers:
        if caller.failure:
            raise caller.failure
    times = [one for caller in callers for one in caller.took]
    return Load(len(times) / (seconds * 4 / 5), Sample(times))


class _Caller(threading.Thread):
    """One who calls until `end`; what it did before `warm` is not counted."""

    def __init__(self, call: Call, *, warm: float, end: float) -> None:
        super().__init__(daemon=True)
        self._call, self._warm, self._end = call, warm, end
        self.took: list[float] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while time.monotonic() < self._end:
                milliseconds = timed(self._call)
                if self._warm <= time.monotonic() <= self._end:
                    self.took.append(milliseconds)
        except Exception as failure:
            self.failure = failure
