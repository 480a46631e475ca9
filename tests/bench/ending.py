"""How long it takes from an admin's End until the product refuses: what people feel."""

import threading
import time

from tests.bench import crowd
from tests.bench.client import Admin, Kit
from tests.bench.figures import Bound, Figure
from tests.bench.loading import told
from tests.bench.site import Site
from tests.bench.timing import Sample

RUNS = 200
P99_MS = 250.0


def measure(site: Site) -> list[Figure]:
    """Return the one figure."""
    told("sessions: End until the product refuses")
    (member,) = crowd.members(site.place, 1)
    with crowd.gathered(site.place) as emails:
        impersonator, ender = Admin(site.url, emails[0]), Admin(site.url, emails[1])
        kit = Kit(site.url, site.place.api_key)
        took = Sample([_once(impersonator, ender, kit, member) for _ in range(RUNS)])
    return [
        Figure(
            theme="Sessions",
            name="End until the product refuses",
            value=took.median,
            p99=took.p99,
            bounds=(Bound("p99", P99_MS),),
        )
    ]


def _once(impersonator: Admin, ender: Admin, kit: Kit, member_id: str) -> float:
    """Return the milliseconds from sending End to the first refusal that arrives."""
    opened = kit.redeem(impersonator.start(member_id))
    tab = _Tab(kit, opened["token"])
    tab.start()
    tab.is_open.wait()
    began = time.perf_counter()
    ender.end(opened["impersonation"]["id"])
    tab.join()
    return (tab.refused_at - began) * 1000


class _Tab(threading.Thread):
    """A tab that asks for one page after the other until it is refused."""

    def __init__(self, kit: Kit, token: str) -> None:
        super().__init__(daemon=True)
        self._kit, self._token = kit, token
        self.is_open = threading.Event()
        self.refused_at = 0.0

    def run(self) -> None:
        while self._kit.record(self._token):
            self.is_open.set()
        self.refused_at = time.perf_counter()
        # Whoever waits for a first page would wait for ever.
        self.is_open.set()
