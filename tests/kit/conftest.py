"""A product behind the kit, and the admin site's side of the wire."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserType, ConsoleMessage, Locator, Page, expect
from werkzeug import Request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client

from app.kit.client import AdminClient
from app.kit.impersonation import current
from app.kit.middleware import ImpersonationMiddleware
from tests.kit.admin_stand_in import API_KEY, TICKET, TOKEN, AdminStandIn, serve
from tests.kit.product import Product


@pytest.fixture
def admin() -> Iterator[AdminStandIn]:
    stand_in = AdminStandIn()
    with serve(stand_in):
        yield stand_in


@pytest.fixture
def admin_client(admin: AdminStandIn) -> AdminClient:
    return AdminClient(admin.url, API_KEY, timeout=1.0)


@pytest.fixture
def product() -> Product:
    return Product()


@pytest.fixture
def browse(product: Product, admin_client: AdminClient) -> Client:
    """A client of the product behind the kit."""
    return Client(ImpersonationMiddleware(product, admin_client))


@dataclass(frozen=True)
class Site:
    """The product behind the kit, served to a browser."""

    url: str
    product: Product

    def enter(self, page: Page, ticket: str = TICKET) -> None:
        """Arrive by a hand-off, as from the admin site."""
        page.goto(f"{self.url}/impersonation#ticket={ticket}")
        expect(banner(page)).to_be_visible()

    def requests_for(self, path: str) -> list[Request]:
        """What the product itself was asked as the member, oldest first."""
        asked = [request for request in self.product.seen if request.path == path]
        return [request for request in asked if current(request.environ)]


def banner(page: Page) -> Locator:
    """The region that must stand on every page."""
    return page.get_by_role("region", name="Impersonation")


@pytest.fixture
def presence_seconds() -> float:
    return 0.25


@pytest.fixture
def site(product: Product, admin_client: AdminClient, presence_seconds: float) -> Iterator[Site]:
    kit = ImpersonationMiddleware(
        product, admin_client, member_only=["/password"], presence_seconds=presence_seconds
    )
    server = make_server("127.0.0.1", 0, kit, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", product)
    server.shutdown()
    thread.join()
    server.server_close()


class QuietHandler(WSGIRequestHandler):
    """Says nothing on the terminal."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (its given name)
        pass


@pytest.fixture(scope="session")
def base_url() -> str:
    # In place of a plugin's own, which this pytest warns of.
    return ""


@pytest.fixture
def tab(page: Page) -> Iterator[Page]:
    """A tab in which no policy is violated, no script fails and no secret gets into an address."""
    complaints: list[str] = []
    addresses: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # The browser also notes each 401 and 503, which are what these tests are about.
        noted = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not noted:
            complaints.append(message.text)

    page.set_default_timeout(5000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    page.on("request", lambda request: addresses.append(request.url))
    page.on("framenavigated", lambda frame: addresses.append(frame.url))
    yield page
    page.context.close()
    assert complaints == []
    secrets = [TOKEN, *TOKEN.split("."), TICKET]
    # The browser asks for the landing page without its fragment, where the ticket is.
    asked = [address for address in addresses if not address.endswith(f"#ticket={TICKET}")]
    assert [text for text in asked if any(secret in text for secret in secrets)] == []


@pytest.fixture
def remembering(
    browser_type: BrowserType, whole_browser_launch_args: dict[str, Any]
) -> Iterator[Page]:
    """A tab of a browser that keeps whole pages for Back, which Playwright switches off."""
    usual = ["--disable-back-forward-cache"]
    browser = browser_type.launch(**whole_browser_launch_args, ignore_default_args=usual)
    page = browser.new_page()
    page.set_default_timeout(5000)
    yield page
    browser.close()
