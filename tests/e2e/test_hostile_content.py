"""Names and reasons come from others: whatever they hold is shown, and nothing of it runs."""

from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug import Response
from werkzeug.serving import make_server

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.site import Site
from tests.e2e.watch import Watch

SignIn = Callable[..., AdminSite]
MARKUP = '</bdi><img src=x onerror=alert(1)><div hx-get="/audit" hx-trigger="load">{{7*7}}</div>'
# Puts an element with htmx's own attributes into the page, as a hole in the escaping would.
INJECT = """nonce => {
  const part = document.createElement("div");
  part.setAttribute("hx-get", "/audit?injected");
  part.setAttribute("hx-trigger", "load");
  if (nonce) part.setAttribute("hx-nonce", nonce);
  document.querySelector("main").append(part);
  htmx.process(part);
}"""


@pytest.mark.requirement("X1")
def test_names_are_shown_as_they_are_written(sign_in: SignIn, site: Site) -> None:
    ada = sign_in(ADA)
    bold = "<b>Bold</b> & “Partners”"
    ada.accounts.open().find(bold)
    expect(ada.page.get_by_role("heading", level=1)).to_contain_text(bold)
    for email in ("script@pixelorchard.example", "curly@pixelorchard.example"):
        member = site.member(email)
        ada.members.open(search=email)
        expect(ada.members.row(member.name)).to_be_visible()
        tab = ada.members.impersonate(member.name, reason=MARKUP).expect_open(member)
        tab.banner.expect_for(member)
        session_id = tab.session_id
        expect(ada.overview.open().row(member.name)).to_contain_text(MARKUP)
        tab.banner.end()
        tab.expect_ended("Ada Lindqvist ended it from the banner.")
        ada.session.open_of(session_id)
        expect(ada.session.facts).to_contain_text(MARKUP)
        (started,) = ada.trail.events(f"action=impersonation.started&impersonation={session_id}")
        assert MARKUP in started


@pytest.mark.requirement("X1")
def test_markup_in_every_name_is_inert_on_every_list(sign_in: SignIn, site: Site) -> None:
    member = site.ordinary_members("copperkettle.example")[0]
    site.edit_letterbox("UPDATE members SET name = ? WHERE id = ?", MARKUP, member.id)
    site.edit_letterbox("UPDATE accounts SET name = ? WHERE id = ?", MARKUP, member.account_id)
    site.sync_directory()
    ada = sign_in(ADA)
    asked = requests_of(ada.page)
    for path in ("/accounts?q=copperkettle", f"/members?q={member.email}", f"/members/{member.id}"):
        ada.go(path)
        expect(ada.page.get_by_text(MARKUP).first).to_be_visible()
    ada.page.get_by_role("button", name="Impersonate").click()
    expect(ada.page.get_by_role("dialog")).to_contain_text(MARKUP)
    assert [url for url in asked if "/audit" in url] == []


@pytest.mark.requirement("W2")
def test_injected_htmx_attributes_are_inert(sign_in: SignIn, watch: Watch) -> None:
    watch.tolerate("htmx: [hx-csp] blocked <div>")
    ada = sign_in(ADA)
    nonce = ada.page.evaluate("document.querySelector('[hx-nonce]').getAttribute('hx-nonce')")
    asked = requests_of(ada.page)
    ada.page.evaluate(INJECT, "")
    ada.page.evaluate(INJECT, "a nonce from somewhere else")
    # The same with the page's nonce is obeyed: it is the nonce that makes the difference.
    with ada.page.expect_request("**/audit?injected"):
        ada.page.evaluate(INJECT, nonce)
    assert len([url for url in asked if "injected" in url]) == 1


@pytest.mark.requirement("W7")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_neither_site_can_be_framed(
    new_browser: Callable[[], BrowserContext],
    site: Site,
    watch: Watch,
    trap: Callable[[str], str],
    host: str,
) -> None:
    """From another port of the same host, which browsers call the same site, and from elsewhere."""
    watch.tolerate("Framing")
    product = site.product_url
    pages = (f"{site.admin_url}/sign-in", f"{product}/sign-in", f"{product}/impersonation")
    thief = new_browser().new_page()
    address = trap("".join(f"<iframe src='{page}'></iframe>" for page in pages))
    thief.goto(address.replace("127.0.0.1", host))
    for frame in thief.frames[1:]:
        frame.wait_for_load_state()
        assert frame.url.startswith("chrome-error://")
        assert frame.get_by_role("heading").count() == 0
    assert len(thief.frames) == 1 + len(pages)


@pytest.fixture
def trap() -> Iterator[Callable[[str], str]]:
    """Serve a page on a site of its own; return its address."""
    servers = []

    def serve(html: str) -> str:
        server = make_server("127.0.0.1", 0, Response(html, mimetype="text/html"), threaded=True)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def requests_of(page: Page) -> list[str]:
    """The addresses that the page asks for, from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked
