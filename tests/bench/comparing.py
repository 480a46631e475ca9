"""A call beside its floor: what a figure says of both."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.bench.site import Site
from tests.bench.timing import WARM_UP, Call, Sample, side_by_side

FLOOR = "floor"


def beside_the_floor(site: Site, call: Call, floor: Call, *, runs: int) -> dict[str, Any]:
    """Return what a Figure says of a call of the site and of its floor, made in turn."""
    fields, _ = beside_others(site, call, {FLOOR: floor}, runs=runs)
    return fields


def beside_others(
    site: Site, call: Call, others: Mapping[str, Call], *, runs: int
) -> tuple[dict[str, Any], dict[str, Sample]]:
    """Return the same, and the samples of the other calls, of which one is the FLOOR."""
    before = site.processor_time()
    took = side_by_side({"site": call, **others}, runs=runs)
    after = site.processor_time()
    cpu = None if before is None or after is None else (after - before) / (WARM_UP + runs)
    return {
        "value": took["site"].median,
        "p99": took["site"].p99,
        "floor": took[FLOOR].median,
        "cpu": cpu,
    }, took


def getting(get: Callable[[str], object], path: str) -> Call:
    """Return the call that gets that path."""
    return lambda: get(path)
