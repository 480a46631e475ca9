"""What was measured, beside what it is measured against."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

LIST_MS, SEARCH_MS = 5.0, 12.0
TIMES_THE_FLOOR, TIMES_AT_A_THOUSAND = 6.0, 1.5


@dataclass(frozen=True)
class Bound:
    """What one of a figure's fields is to stay below, or to reach if it is a `least`."""

    name: str
    limit: float
    least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether the value is on the right side."""
        return value >= self.limit if self.least else value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the report.

    `value` is the median, in `unit`; `floor` what the least that could do the same took in the
    same run; `cpu` what one request took of the workers' processors, in milliseconds. `at_sizes`
    is the median by the number of members, `shown` how many rows the page had then. What was not
    measured is None or empty.
    """

    theme: str
    name: str
    value: float
    unit: str = "ms"
    engine: str = ""
    members: int = 0
    p99: float | None = None
    floor: float | None = None
    cpu: float | None = None
    at_sizes: Mapping[int, float] = field(default_factory=dict)
    shown: Mapping[int, int] = field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()
    note: str = ""

    @property
    def times_floor(self) -> float | None:
        """How many times the floor it takes."""
        return self.value / self.floor if self.floor else None

    @property
    def growth(self) -> float | None:
        """How many times its own figure at the smallest size it takes.

        None where the page has more to show than it had there: that is no growth of the search.
        """
        if len(self.at_sizes) < 2 or len(set(self.shown.values())) > 1:
            return None
        return self.value / self.at_sizes[min(self.at_sizes)]

    @property
    def judged(self) -> tuple[Bound, ...]:
        """The bounds of what was measured."""
        return tuple(one for one in self.bounds if getattr(self, one.name) is not None)

    @property
    def missed(self) -> tuple[Bound, ...]:
        """Those of them that were not met."""
        return tuple(one for one in self.judged if not one.is_met(getattr(self, one.name)))

    def as_json(self) -> dict[str, Any]:
        """Return it as the JSON file holds it."""
        told = asdict(self)
        told |= {"times_floor": self.times_floor, "growth": self.growth}
        told["missed"] = [one.name for one in self.missed]
        return told


def page_bounds(milliseconds: float) -> tuple[Bound, ...]:
    """Return the bounds of a page whose median is to stay below that."""
    return (
        Bound("value", milliseconds),
        Bound("times_floor", TIMES_THE_FLOOR),
        Bound("growth", TIMES_AT_A_THOUSAND),
    )


A_LIST, A_SEARCH = page_bounds(LIST_MS), page_bounds(SEARCH_MS)
