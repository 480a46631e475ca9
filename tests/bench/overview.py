"""The overview, by how many sessions are running."""

from tests.bench import crowd
from tests.bench.client import Admin
from tests.bench.comparing import beside_the_floor, getting
from tests.bench.connection import Connection
from tests.bench.figures import LIST_MS, TIMES_THE_FLOOR, Bound, Figure
from tests.bench.loading import told
from tests.bench.site import Site

ACTIVE = (0, 100, 1000)
RUNS = 150


def measure(site: Site) -> list[Figure]:
    """Return a figure for each number of running sessions."""
    admin, floor = Admin(site.url, "ada@example.com"), Connection(site.floor_url)
    with crowd.gathered(site.place):
        return [_measure(site, admin, floor, active) for active in ACTIVE]


def _measure(site: Site, admin: Admin, floor: Connection, active: int) -> Figure:
    told(f"overview: {active:,} active sessions")
    crowd.open_sessions(site.place, active)
    page, bare = getting(admin.get, "/"), getting(floor.get, "/pages/overview")
    fields = beside_the_floor(site, page, bare, runs=RUNS)
    floor_bound = Bound("times_floor", TIMES_THE_FLOOR)
    return Figure(
        theme="Lists",
        name=f"overview, {active:,} active sessions",
        **fields,
        # A table of a thousand rows is not what the five milliseconds of a list are about.
        bounds=(floor_bound,) if active else (Bound("value", LIST_MS), floor_bound),
    )
