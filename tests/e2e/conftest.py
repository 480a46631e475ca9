"""The stories' stage: both sites and the worker as real processes, and people with browsers."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from app.postgresql_server import Server
from tests import postgresql
from tests.e2e.pages.admin import CY, AdminSite
from tests.e2e.pages.product import MemberTab
from tests.e2e.site import Member, Site, prepare
from tests.e2e.watch import Watch
from tests.scratch import scratch_folder

PATIENCE_MS = 15_000

# Most stories are about the pages, whatever lies below them: the main job and some of the ways to
# end are told on PostgreSQL too.
on_both_engines = pytest.mark.parametrize(
    "engine_name", ["sqlite", "postgresql"], indirect=True, scope="session"
)


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """Two cores that run two browsers and three servers each may take their time."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def base_url() -> str:
    # In place of a plugin's own, which this pytest warns of.
    return ""


@pytest.fixture(scope="session", params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine of the site; `on_both_engines` tells a story on each."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server(engine_name: str) -> Iterator[Server | None]:
    """The PostgreSQL server of the site, if it has one."""
    if engine_name == "sqlite":
        yield None
        return
    with postgresql.server() as server:
        yield server


@pytest.fixture(scope="session")
def prepared(server: Server | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys, databases and demo data, from which sites are copied."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder, server)
    return folder


@pytest.fixture(scope="session")
def site(prepared: Path, server: Server | None) -> Iterator[Site]:
    """The running site that the stories of one worker share."""
    with (
        tempfile.TemporaryDirectory(prefix="understudy-", dir=scratch_folder()) as folder,
        Site.copied_from(prepared, Path(folder), server).running() as site,
    ):
        yield site
        # Whatever the stories did to one another, the trail of all of it holds.
        assert site.flask("audit", "verify").startswith("Good: events 1 to ")
        assert_no_secret_in(site.log())


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    watch = Watch(site.product_url)
    yield watch
    site.clear_stage()
    # The sites say why.
    assert watch.complaints == [], site.log()[-3000:]
    assert watch.secrets_in_addresses() == []


@pytest.fixture
def new_browser(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Open another browser, with nothing of the others' in it."""
    contexts = []

    def open_browser(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        watch.over(context)
        contexts.append(context)
        return context

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture
def sign_in(site: Site, new_browser: Callable[..., BrowserContext]) -> Callable[..., AdminSite]:
    """Sign an admin in, in a browser of their own."""

    def sign_in(email: str, **options: Any) -> AdminSite:
        return AdminSite(new_browser(**options).new_page(), site.admin_url).sign_in(email)

    return sign_in


@pytest.fixture
def member_tab(site: Site) -> Callable[[BrowserContext, str], MemberTab]:
    """Sign a member in to Letterbox, in a new tab of that browser."""

    def member_tab(context: BrowserContext, email: str) -> MemberTab:
        return MemberTab(context.new_page()).sign_in(site.product_url, email)

    return member_tab


@pytest.fixture
def watcher(sign_in: Callable[..., AdminSite]) -> AdminSite:
    """A second superadmin, who looks on and reads the trail."""
    return sign_in(CY)


@pytest.fixture
def mia(site: Site) -> Member:
    return site.member("mia.chen@harbour.example")


def assert_no_secret_in(log: str) -> None:
    for secret in ("eyJ", "ticket="):
        assert secret not in log, log[max(0, log.find(secret) - 300) : log.find(secret) + 60]
