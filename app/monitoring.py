"""Figures for what watches over the site, at an address of their own, and about nobody (D5).

The worker shows what the database knows, and adds up what the site's processes have counted.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from app.domain import audit_copies, doubts
from app.domain.audit_facts import parsed
from app.domain.audit_trail import AuditAction
from app.storage import audit_checkpoints, audit_happenings, clocks
from app.storage.audit_trail import latest_event
from app.storage.database import FAILURES, Database
from app.storage.impersonations import active_impersonations

READ_AT_ONCE = 5000

log = logging.getLogger("understudy.worker")


class TrailFigures(Collector):
    """What the database knows, read when it is asked for.

    Events are counted from when this process began, as Prometheus expects of a counter, so that
    nothing is ever counted through. `copies` are the names of the places that get copies.
    """

    def __init__(
        self, database: Database, copies: Sequence[str], clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._copies = copies
        self._clock = clock
        with database.unit_of_work(writing=False) as db:
            self._last, _ = audit_happenings.newest(db)
        self._events: Counter[tuple[str, str]] = Counter()
        self._ends: Counter[str] = Counter()
        self._lock = threading.Lock()

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the figures; while the database is away, only that it is."""
        try:
            with self._lock, self._database.unit_of_work(writing=False) as db:
                found = [*self._counters(db), *self._gauges(db)]
        except FAILURES as error:
            log.warning("there are no figures: %s", type(error).__name__)
            found = []
        yield _gauge("understudy_database_up", "Whether the database answers", bool(found))
        yield from found

    def _counters(self, db: Session) -> Iterator[Metric]:
        self._count(db)
        events = CounterMetricFamily(
            "understudy_events", "Events of the trail", labels=["action", "outcome"]
        )
        for labels, count in self._events.items():
            events.add_metric(labels, count)
        ends = CounterMetricFamily(
            "understudy_ended_sessions", "Sessions that ended, by why", labels=["why"]
        )
        for why, count in self._ends.items():
            ends.add_metric([why], count)
        yield from (events, ends)

    def _count(self, db: Session) -> None:
        while found := audit_happenings.happenings(db, after=self._last, limit=READ_AT_ONCE):
            for one in found:
                self._events[one.action, one.outcome] += 1
                if one.action == AuditAction.IMPERSONATION_ENDED:
                    self._ends[str(parsed(one.facts).get("why"))] += 1
            self._last = found[-1].id

    def _gauges(self, db: Session) -> Iterator[Metric]:
        now = self._clock()
        size, at = audit_happenings.newest(db)
        checkpoint = audit_checkpoints.latest_checkpoint(db)
        verified = latest_event(db, [AuditAction.AUDIT_VERIFIED])
        figures = {
            "active_sessions": ("Sessions that run", len(active_impersonations(db, now=now))),
            "chain_size": ("Events in the trail", size),
            "checkpoint_size": ("Events under a checkpoint", checkpoint.size if checkpoint else 0),
            "trail_in_doubt": ("Findings that wait", doubts.unacknowledged(db) is not None),
            "clock_skew_seconds": (
                "How far the database's clock is ahead",
                clocks.skew(db, now=now).total_seconds(),
            ),
        }
        for name, (meaning, value) in figures.items():
            yield _gauge(f"understudy_{name}", meaning, value)
        ages = {
            "chain_head": at,
            "checkpoint": checkpoint.at if checkpoint else None,
            "verification": verified.at if verified else None,
        }
        for name, moment in ages.items():
            if moment is not None:
                seconds = (now - moment).total_seconds()
                yield _gauge(f"understudy_{name}_age_seconds", "How old the newest is", seconds)
        yield from self._copies_behind(db)

    def _copies_behind(self, db: Session) -> Iterator[Metric]:
        behind = GaugeMetricFamily(
            "understudy_copy_behind", "Events that a copy lacks", labels=["copy"]
        )
        problem = GaugeMetricFamily(
            "understudy_copy_problem", "Whether a copy has a problem", labels=["copy"]
        )
        for copy in audit_copies.copies(db, self._copies):
            behind.add_metric([copy.target], copy.behind)
            problem.add_metric([copy.target], bool(copy.problem))
        yield from (behind, problem)


def serve(address: tuple[str, int], figures: Collector, *, folder: Path) -> WSGIServer:
    """Show the figures at an address until the server is shut down; raise OSError if it is taken.

    `folder` is where the site's processes count.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = CollectorRegistry()
    registry.register(figures)
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    host, port = address
    server, _ = start_http_server(port, addr=host, registry=registry)
    return server


class ClockWatch:
    """Says once when this machine's clock and the database's differ, and once when no more (F5)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._differ = False

    def look(self, *, now: datetime) -> None:
        """Compare them at `now`."""
        with self._database.unit_of_work(writing=False) as db:
            skew = clocks.skew(db, now=now)
        differ = abs(skew) > clocks.CLOCKS_DIFFER_BY
        if differ and not self._differ:
            log.warning(
                "the database's clock is %+.0f s off this machine's: set them by NTP",
                skew.total_seconds(),
            )
        elif self._differ and not differ:
            log.info("the clocks agree again")
        self._differ = differ


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
