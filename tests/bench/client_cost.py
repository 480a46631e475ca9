"""What the measuring itself costs: the client, and the least that a server can answer."""

import time

from tests.bench.connection import Connection
from tests.bench.figures import Figure
from tests.bench.loading import told
from tests.bench.site import Site
from tests.bench.timing import side_by_side

RUNS = 1000
THEME = "The measuring itself"


def measure(site: Site) -> list[Figure]:
    """Return what an empty answer takes, and how much of that is the client's own time."""
    told("the client's own cost")
    connection = Connection(site.floor_url)
    began = time.process_time()
    took = side_by_side({"nothing": lambda: connection.get("/nothing")}, runs=RUNS)["nothing"]
    own = (time.process_time() - began) * 1000 / RUNS
    return [
        Figure(theme=THEME, name="an empty answer from Flask", value=took.median, p99=took.p99),
        Figure(theme=THEME, name="of that, the client's own time", value=own),
    ]
