"""`make bench`: what the pages and the verbs take with a million members, on both engines.

Whole requests over loopback to two gunicorn workers, one caller with a connection kept alive
unless it says otherwise. Nothing passes or fails here: the bounds are printed beside the figures.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import client_cost, ending, lists, machine, memory, overview, report, sessions
from tests.bench import trail as audit_trail
from tests.bench.figures import Figure
from tests.bench.loading import ENGINES, ROOT, SIZES, Place, places, told
from tests.bench.site import Site, running

DOCUMENT = ROOT / "docs/performance.md"
# In this order: what comes first leaves least behind.
OF_ALL_SITES: dict[str, Callable[[Sequence[Site]], list[Figure]]] = {"lists": lists.measure}
OF_THE_LARGEST: dict[str, Callable[[Site], list[Figure]]] = {
    "client": client_cost.measure,
    "overview": overview.measure,
    "sessions": sessions.measure,
    "ending": ending.measure,
    "workers": memory.measure_workers,
}
OF_ITS_DATABASE: dict[str, Callable[[Place], list[Figure]]] = {
    "trail": audit_trail.measure,
    "import": memory.measure_import,
}
THEMES = [*OF_ALL_SITES, *OF_THE_LARGEST, *OF_ITS_DATABASE]


def main() -> None:
    """Load, measure, print and write."""
    options = _options()
    sizes = [size for size in SIZES if size < options.members] + [options.members]
    with _folder(options.data) as folder, places(options.engine, sizes, folder) as found:
        described = machine.described(found)
        figures = []
        for engine in options.engine:
            own = [place for place in found if place.engine == engine]
            figures += _measure(own, options.only)
    print(report.as_text(figures))
    options.json.parent.mkdir(exist_ok=True, parents=True)
    options.json.write_text(report.as_json(figures, described, options.date), encoding="utf-8")
    told(f"written to {options.json}")
    if options.docs:
        report.put_into(options.docs, figures, described, options.date)
        told(f"written to {options.docs}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add("--engine", action="append", choices=list(ENGINES), help="one engine (default: both)")
    add("--members", type=int, default=SIZES[-1], help="of the largest database")
    add("--only", action="append", choices=THEMES, help="one theme (default: all)")
    add("--data", type=Path, help="a folder that keeps the databases for the next run")
    add("--json", type=Path, default=Path("var/bench.json"), help="where the figures go")
    add("--docs", type=Path, help=f"the document that shows them ({DOCUMENT.name} if it is all)")
    add("--date", default=datetime.now(UTC).date().isoformat(), help="the date that they carry")
    options = parser.parse_args()
    if options.members == SIZES[-1] and not options.only and not options.docs:
        options.docs = DOCUMENT
    options.engine = options.engine or list(ENGINES)
    options.only = options.only or THEMES
    return options


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(exist_ok=True, parents=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        # PostgreSQL may have to run as another user, who must be let through to its own.
        Path(folder).chmod(0o711)
        yield Path(folder)


def _measure(own: Sequence[Place], wanted: Sequence[str]) -> list[Figure]:
    """Return the figures of one engine, whose places come by size."""
    figures: list[Figure] = []
    told(f"{ENGINES[own[0].engine]}: starting {len(own)} sites")
    with ExitStack() as stack:
        sites = [stack.enter_context(running(place)) for place in own]
        for name, measure_all in OF_ALL_SITES.items():
            figures += measure_all(sites) if name in wanted else []
        for name, measure in OF_THE_LARGEST.items():
            figures += measure(sites[-1]) if name in wanted else []
    for name, measure_database in OF_ITS_DATABASE.items():
        figures += measure_database(own[-1]) if name in wanted else []
    place = own[-1]
    return [replace(one, engine=place.engine, members=place.members) for one in figures]


if __name__ == "__main__":
    main()
