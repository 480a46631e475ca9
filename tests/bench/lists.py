"""Lists and searches: at size, beside the floor, and beside the same page of smaller databases."""

from collections.abc import Sequence

from tests.bench.client import Admin
from tests.bench.comparing import FLOOR, beside_others, getting
from tests.bench.connection import Connection
from tests.bench.figures import Figure
from tests.bench.loading import told
from tests.bench.pages import Page, pages
from tests.bench.site import Site

RUNS = 300
EMAIL = "ada@example.com"


def measure(sites: Sequence[Site]) -> list[Figure]:
    """Return the figures of the last and largest of the sites, all of them side by side."""
    admins = [Admin(site.url, EMAIL) for site in sites]
    floor = Connection(sites[-1].floor_url)
    each_page = zip(*(pages(site.place) for site in sites), strict=True)
    return [_measure_page(sites, same, admins, floor) for same in each_page]


def _measure_page(
    sites: Sequence[Site], same: Sequence[Page], admins: Sequence[Admin], floor: Connection
) -> Figure:
    *_, page = same
    told(f"{page.theme.lower()}: {page.name}")
    sizes = [site.place.members for site in sites]
    *smaller, call = [getting(admin.get, one.path) for admin, one in zip(admins, same, strict=True)]
    others = {str(size): smaller_call for size, smaller_call in zip(sizes, smaller, strict=False)}
    fields, took = beside_others(
        sites[-1], call, {FLOOR: getting(floor.get, page.floor), **others}, runs=RUNS
    )
    at_sizes = {size: took[str(size)].median for size in sizes[:-1]}
    shown = {
        size: admin.get(one.path).count(one.row)
        for size, admin, one in zip(sizes, admins, same, strict=True)
    }
    return Figure(
        theme=page.theme,
        name=page.name,
        **fields,
        at_sizes={**at_sizes, sizes[-1]: fields["value"]},
        shown=shown,
        bounds=page.bounds,
    )
