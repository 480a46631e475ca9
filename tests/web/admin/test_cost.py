"""What a page costs does not grow with the tables: told by the rows that it looks at."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from app.domain.permissions import Permission
from app.storage import sizes
from app.storage.base import EPOCH, MICROSECOND
from app.storage.paging import Cursor
from app.web.admin.routes import ROUTES
from app.web.application import Application
from tests.browsing import Browser
from tests.cast import ADA, HARBOUR, MIA
from tests.conftest import NOW
from tests.growing import grow
from tests.lending import listening
from tests.web.admin.test_pages import filled

# So many rows of each kind there are, and no page looks at even a tenth of them.
ROWS = 20_000
MOST_LOOKED_AT = ROWS // 10
# SQLite takes three steps at least for each row that it looks at.
STEPS_A_ROW = 3
TICK = 500
TEN_DAYS = timedelta(days=10)

FAR = {
    "accounts": Cursor(("company 9000", "account-9000")),
    "members": Cursor(("greta person 9006", "member-9006")),
    "impersonations": Cursor(((NOW - TEN_DAYS - EPOCH) // MICROSECOND, "impersonation-7200")),
    "audit": Cursor((9_000,)),
}
IDS = {
    "account_id": HARBOUR,
    "member_id": MIA.id,
    "admin_id": ADA.id,
    "api_key_id": "letterbox",
    "impersonation_id": "impersonation-9000",
}
LISTS = [
    *(f"/{name}?at={cursor}" for name, cursor in FAR.items()),
    f"/accounts/{HARBOUR}?at={FAR['members']}",
    f"/accounts/{HARBOUR}/sessions?at={FAR['impersonations']}",
    f"/members/{MIA.id}?at={FAR['impersonations']}",
    "/impersonations?state=active",
    "/impersonations?state=ended",
    f"/impersonations?impersonator={ADA.id}",
    f"/impersonations?impersonator={ADA.id}&state=active",
    "/audit?action=impersonation.started",
    "/audit?outcome=refused",
    "/audit?account=account-1",
    f"/audit?actor={ADA.id}",
    "/audit?since=2026-03-01",
]
TYPED = ["person 9006", "9006 person", "person-9006@company-9006.example", "zzqq", "member-9006"]
SEARCHES = [
    *(f"/members?q={words}" for words in TYPED),
    *(f"/accounts/{HARBOUR}?q={words}" for words in TYPED),
    # Everybody is called so, but here there is one.
    "/accounts/account-9006?q=person",
    *(f"/accounts?q={words}" for words in ("company 9006", "company-9006.example", "zzqq")),
]
PAGES = [
    filled(route.path, IDS)
    for route in ROUTES
    if route.method == "GET"
    and isinstance(route.audience, Permission)
    and not route.changing
    # Nobody here has a second factor.
    and "<factor_id>" not in route.path
]


@pytest.fixture(scope="module")
def grown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Return the address of a database that has grown, on one engine or the other."""
    urls: dict[str, str] = {}

    def grown(engine_name: str) -> str:
        if engine_name not in urls:
            if engine_name == "sqlite":
                path = tmp_path_factory.mktemp("grown") / "understudy.db"
                shutil.copyfile(request.getfixturevalue("database_file"), path)
                urls[engine_name] = f"sqlite:///{path}"
            else:
                server = request.getfixturevalue("postgresql_server")
                name = f"grown_{uuid.uuid4().hex}"
                server.create_database(name, template="cast")
                urls[engine_name] = server.url(name)
            grow(urls[engine_name], rows=ROWS, now=NOW)
        return urls[engine_name]

    return grown


@pytest.fixture(autouse=True)
def counting_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MOST_COUNTED", MOST_LOOKED_AT // 10)


@pytest.fixture
def database_url(engine_name: str, grown: Callable[[str], str]) -> str:
    return grown(engine_name)


@pytest.fixture
def looked_at(admin_app: Application) -> Iterator[Callable[[], int]]:
    """Return how many rows the site has looked at since it was last asked."""
    engine = admin_app.database.engine
    watch = _Steps() if engine.dialect.name == "sqlite" else _Plans()
    with listening(engine, "before_cursor_execute", watch.before):
        yield watch.take


class _Watch:
    def __init__(self) -> None:
        self.rows = 0

    def take(self) -> int:
        rows, self.rows = self.rows, 0
        return rows


class _Steps(_Watch):
    """SQLite tells each time that so many steps of its programs have been taken."""

    def before(self, connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        driver = cursor.connection
        driver.set_progress_handler(self._tick, TICK)
        if statement.startswith("SELECT"):
            steps = driver.execute(f"EXPLAIN {statement}", rest[0]).fetchall()
            # Counting a table is one step, of any length.
            self.rows += ROWS * sum(step[1] == "Count" for step in steps)

    def _tick(self) -> int:
        self.rows += TICK // STEPS_A_ROW
        return 0


class _Plans(_Watch):
    """PostgreSQL tells what it has done for each part of a query."""

    def before(self, connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            own = cursor.connection.cursor()
            own.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", rest[0])
            ((plans,),) = own.fetchall()
            self.rows += sum(_rows(plan["Plan"]) for plan in plans)


def _rows(plan: dict[str, Any]) -> int:
    """Return how many rows the plan has read, those included that it has thrown away."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    own = plan["Actual Loops"] * sum(plan.get(name, 0) for name in names)
    return int(max(own, sum(_rows(part) for part in plan.get("Plans", ()))))


@pytest.mark.parametrize("path", [*PAGES, *LISTS, *SEARCHES])
def test_no_page_looks_at_a_table_that_grows_from_end_to_end(
    superadmin: Browser, looked_at: Callable[[], int], path: str
) -> None:
    assert superadmin.client.get(path).status_code < HTTPStatus.BAD_REQUEST
    assert looked_at() < MOST_LOOKED_AT


def test_a_look_at_everything_is_noticed(
    admin_app: Application, looked_at: Callable[[], int]
) -> None:
    with admin_app.database.unit_of_work(writing=False) as db:
        for query in ("SELECT count(*) FROM members", "SELECT id FROM members WHERE role = 'none'"):
            db.execute(text(query)).all()
            assert looked_at() >= ROWS / 2, query
