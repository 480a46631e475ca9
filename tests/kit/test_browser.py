"""The kit in a real browser: what a person in an impersonated tab meets."""

import re
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, Route, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app.kit import pages
from tests.kit.admin_stand_in import ENDS, PRESENCES, REDEMPTIONS, TICKET, TOKEN, AdminStandIn
from tests.kit.conftest import Site, banner
from tests.kit.product import impersonation_of
from tests.twins import Switch, fails_without, together, value

PHONE = {"width": 390, "height": 844}
HOSTILE = '</bdi><script>alert(1)</script> {{7*7}} "\u202e\u05d0\u05d1' + "W" * 160
# Of a kept page, before anything else can happen.
NOTE_WHAT_IS_SEEN = """addEventListener("pageshow", ({ persisted }) => {
    if (persisted) sessionStorage.display = document.documentElement.style.display;
})"""
# Styles that would hide whatever stands in the page.
PATIENCE_SECONDS = 5

HIDING = [
    "body, html { opacity: 0 }",
    "html { filter: brightness(0); mask-image: linear-gradient(transparent, transparent) }",
    "body { clip-path: inset(50%); overflow: hidden; height: 0; contain: strict }",
    "html, body { transform: translateY(-999px) scale(0.01) }",
    "html { zoom: 0.02 } body { zoom: 50% }",
    "body { display: none }",
    "body { content-visibility: hidden }",
    "html { interactivity: inert; pointer-events: none; visibility: hidden }",
    """span::before, bdi::after, section::before, html::before { content: ""; position: fixed;
        inset: 0; z-index: 2147483647; background: #fff }""",
    "bdi, span { display: none; visibility: hidden; font-size: 0 }",
]
# As the product's own style sheet would: a policy against inline styles lets this pass.
STYLE_THE_PAGE = """text => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets = [sheet];
}"""


def script(name: str, text: str, instead: str = "") -> Switch:
    """Serve one of the kit's scripts with `text`, which is once in it, replaced by `instead`."""
    source = pages._ASSETS[name].decode()
    assert source.count(text) == 1
    return value(pages._ASSETS, name, source.replace(text, instead).encode())


def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait one second for what will not come: a twin need not take five."""
    monkeypatch.setattr(sys.modules[__name__], "PATIENCE_SECONDS", 1)
    expect.set_options(timeout=1000)
    request.addfinalizer(lambda: expect.set_options(timeout=5000))


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def eventually(page: Page, true: Callable[[], bool]) -> None:
    """Wait for something outside the browser."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true() and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert true()


def stored(page: Page) -> dict[str, str]:
    kept: dict[str, str] = page.evaluate("({...sessionStorage})")
    return kept


def came_back_to_a_kept_page(page: Page, site: Site) -> bool:
    """Leave a page and return to it; tells whether the browser had kept it whole."""
    page.goto(f"{site.url}/public")
    heading(page, "Public")
    page.evaluate(NOTE_WHAT_IS_SEEN)
    asked = len(site.requests_for("/public"))
    page.goto("about:blank")
    page.go_back(wait_until="commit")
    eventually(page, lambda: len(site.requests_for("/public")) == asked + 1)
    return "display" in stored(page)


def came_back_after_the_end(page: Page, site: Site, admin: AdminStandIn) -> bool:
    """Leave a page, let the session end, and go back; tells whether the browser had kept it."""
    admin.ended, admin.tickets = None, {TICKET: TOKEN}
    site.enter(page)
    page.goto(f"{site.url}/public")
    heading(page, "Public")
    page.evaluate(NOTE_WHAT_IS_SEEN)
    page.goto("about:blank")
    admin.end()
    page.go_back(wait_until="commit")
    heading(page, "This session has ended")
    expect(page.get_by_text("Grace Hopper")).to_have_count(0)
    return "display" in stored(page)


def closing_marks(admin: AdminStandIn) -> list[str]:
    told = admin.asked_for(PRESENCES)
    return [presence["page_id"] for presence in told if presence["state"] == "closing"]


# Arriving


def test_the_hand_off_leads_to_the_members_dashboard(site: Site, tab: Page) -> None:
    site.enter(tab)
    expect(tab).to_have_url(f"{site.url}/")
    expect(tab.get_by_text("Signed in as Grace Hopper")).to_be_visible()
    expect(banner(tab)).to_contain_text(
        "You are impersonating Grace Hopper, grace@example.com, in Acme Ltd"
    )
    expect(banner(tab)).to_contain_text("Session of Ada Lovelace · member id member-1")
    expect(tab).to_have_title("● Dashboard")


@pytest.mark.requirement("H4")
@fails_without(script("landing.js", 'history.replaceState(null, "", location.pathname);'))
def test_the_ticket_leaves_the_address_bar_before_it_is_used(site: Site, tab: Page) -> None:
    addresses: list[str] = []

    def look(route: Route) -> None:
        addresses.append(tab.url)
        route.continue_()

    tab.route("**/impersonation/redemption", look)
    site.enter(tab)
    assert addresses == [f"{site.url}/impersonation"]
    assert tab.evaluate("history.length") == 2  # about:blank, and the dashboard


def test_the_token_is_kept_for_this_tab_alone(site: Site, tab: Page) -> None:
    site.enter(tab)
    assert list(stored(tab)) == ["impersonation.token"]
    elsewhere = tab.evaluate("[document.cookie, {...localStorage}, history.state, name]")
    assert TOKEN not in str(elsewhere)


def test_a_used_ticket_opens_nothing(site: Site, tab: Page, admin: AdminStandIn) -> None:
    admin.tickets.clear()
    tab.goto(f"{site.url}/impersonation#ticket={TICKET}")
    heading(tab, "This link no longer works")
    assert stored(tab) == {}
    assert len(admin.asked_for(REDEMPTIONS)) == 1


def test_an_unreachable_admin_site_opens_nothing(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    admin.reachable = False
    tab.goto(f"{site.url}/impersonation#ticket={TICKET}")
    heading(tab, "The session could not be opened")


FILL = """let stuff = "x".repeat(1 << 20);
    for (let i = 0; stuff; i++) {
        try { sessionStorage.setItem(`stuff${i}`, stuff); }
        catch { stuff = stuff.slice(stuff.length / 2 + 1); }
    }"""
BLOCK = """Object.defineProperty(window, "sessionStorage", {
    get() { throw new DOMException("not here", "SecurityError"); }
})"""


@pytest.mark.requirement("F7", "H1")
@fails_without(
    together(
        script("landing.js", 'if (!keep(token)) return show("unkept");', "keep(token);"), impatient
    )
)
@pytest.mark.parametrize("storage", [FILL, BLOCK], ids=["full", "blocked"])
def test_a_browser_that_keeps_nothing_is_told_so(site: Site, tab: Page, storage: str) -> None:
    tab.add_init_script(storage)
    tab.goto(f"{site.url}/impersonation#ticket={TICKET}")
    heading(tab, "The session could not be opened")
    expect(tab.get_by_text("does not let the page keep anything")).to_be_visible()
    assert TOKEN not in tab.content()
    tab.goto(f"{site.url}/public")
    heading(tab, "Public")


def test_without_a_ticket_nothing_is_asked(site: Site, tab: Page, admin: AdminStandIn) -> None:
    tab.goto(f"{site.url}/impersonation")
    heading(tab, "There is nothing to open here")
    assert admin.asked == []


def test_without_javascript_the_landing_page_says_what_is_missing(
    site: Site, browser: Browser
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{site.url}/impersonation#ticket={TICKET}")
    heading(page, "JavaScript is needed here")


# Ordinary tabs


def test_an_ordinary_tab_is_left_alone(site: Site, tab: Page, admin: AdminStandIn) -> None:
    tab.context.add_cookies([{"name": "member", "value": "Bob", "url": site.url}])
    tab.goto(site.url)
    tab.get_by_role("link", name="All templates").click()
    expect(tab).to_have_title("Templates")
    expect(banner(tab)).to_have_count(0)
    assert "native code" in tab.evaluate("fetch.toString()")
    assert admin.asked == []


def test_someones_own_sign_in_is_untouched_in_another_tab(site: Site, tab: Page) -> None:
    tab.context.add_cookies([{"name": "member", "value": "Bob", "url": site.url}])
    site.enter(tab)
    expect(tab.get_by_text("Signed in as Grace Hopper")).to_be_visible()
    other = tab.context.new_page()
    other.goto(site.url)
    expect(other.get_by_text("Signed in as Bob")).to_be_visible()
    expect(banner(other)).to_have_count(0)
    assert all(not request.cookies for request in site.requests_for("/"))


# Moving about


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ("All templates", "Templates"),
        ("Nowhere", "Page not found"),
        ("Broken", "Something broke"),
        ("Refused", "Your password, please"),
        ("Password", "This is for the member alone"),
        ("Moved", "Templates"),
        ("New tab", "Templates"),
        ("Grid", "Grid"),
        ("Short", "Short"),
    ],
)
def test_the_banner_stands_on_every_page(site: Site, tab: Page, link: str, title: str) -> None:
    site.enter(tab)
    tab.get_by_role("link", name=link).click()
    heading(tab, title)
    expect(tab).to_have_title(f"● {title}")
    assert tab.evaluate("document.body.firstElementChild.ariaLabel") == "Impersonation"
    assert_on_top(tab)
    tab.mouse.wheel(0, 1000)
    assert_on_top(tab)


def test_a_redirect_shows_where_it_led(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="Moved").click()
    expect(tab).to_have_url(f"{site.url}/templates?q=moved")


def test_back_and_forward_ask_again(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "Templates")
    tab.go_back()
    heading(tab, "Dashboard")
    tab.go_forward()
    heading(tab, "Templates")
    assert len(site.requests_for("/templates")) == 2
    expect(banner(tab)).to_be_visible()


def test_reload_shows_the_same_page(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "Templates")
    tab.reload()
    heading(tab, "Templates")
    expect(tab.get_by_text("Sign in")).to_have_count(0)
    assert_on_top(tab)


def test_an_address_typed_in_shows_its_page(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.goto(f"{site.url}/long#middle")
    heading(tab, "Long")
    expect(tab.get_by_role("heading", name="Middle")).to_be_in_viewport()
    assert_on_top(tab)


def test_back_returns_to_the_place_one_left(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="The middle").click()
    expect(tab.get_by_role("heading", name="Middle")).to_be_in_viewport()
    # Pressed from where one is: a click of the mouse would scroll to the link first.
    tab.get_by_role("link", name="Home").dispatch_event("click")
    heading(tab, "Dashboard")
    assert tab.evaluate("scrollY") == 0
    tab.go_back()
    expect(tab.get_by_role("heading", name="Middle")).to_be_in_viewport()


def test_a_jump_on_the_page_asks_nobody(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.goto(f"{site.url}/long")
    tab.get_by_role("link", name="Down").click()
    expect(tab).to_have_url(f"{site.url}/long#middle")
    expect(tab.get_by_role("heading", name="Middle")).to_be_in_viewport()
    tab.go_back()
    expect(tab).to_have_url(f"{site.url}/long")
    expect(tab.get_by_role("heading", name="Long")).to_be_in_viewport()
    assert len(site.requests_for("/long")) == 1


def test_a_click_that_asks_for_a_new_tab_gets_an_ordinary_one(site: Site, tab: Page) -> None:
    site.enter(tab)
    with tab.context.expect_page() as opened:
        tab.get_by_role("link", name="All templates").click(modifiers=["Control"])
    heading(opened.value, "Sign in")
    expect(banner(opened.value)).to_have_count(0)
    heading(tab, "Dashboard")


def test_an_answer_without_a_page_leaves_the_page(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="Nothing").click()
    eventually(tab, lambda: len(site.requests_for("/nothing")) == 1)
    heading(tab, "Dashboard")
    expect(tab).to_have_url(f"{site.url}/")


def test_an_address_typed_in_that_has_no_page_says_so(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.goto(f"{site.url}/nothing")
    heading(tab, "Nothing to show")
    assert_on_top(tab)


def test_a_file_is_saved_under_its_name(site: Site, tab: Page) -> None:
    site.enter(tab)
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "été.csv"
    assert download.value.path().read_text() == "a,b"
    heading(tab, "Dashboard")


def test_a_file_at_an_address_typed_in_is_saved_too(site: Site, tab: Page) -> None:
    site.enter(tab)
    with tab.expect_download() as download:
        tab.goto(f"{site.url}/export")
    assert download.value.suggested_filename == "été.csv"
    heading(tab, "The file was saved")
    assert_on_top(tab)


def test_the_focus_goes_to_where_reading_begins(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="All templates").click()
    expect(tab.get_by_role("heading", name="Templates")).to_be_focused()
    tab.get_by_role("link", name="Focus").click()
    expect(tab.get_by_label("Here")).to_be_focused()


def test_the_new_page_is_announced(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="All templates").click()
    expect(banner(tab).get_by_role("status").filter(has_text="Templates")).to_have_count(1)


@pytest.mark.requirement("F7")
@fails_without(
    together(
        script(
            "impersonation.js",
            'const page = notice("This page could not be loaded", UNREACHED);',
            "return null;",
        ),
        impatient,
    )
)
def test_a_product_that_cannot_be_reached_is_said_so(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.route("**/templates", lambda route: route.abort())
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "This page could not be loaded")
    assert_on_top(tab)
    tab.unroute("**/templates")
    tab.get_by_role("link", name="Try again").click()
    heading(tab, "Templates")


# Forms


def test_a_form_that_searches(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_label("Search").fill("a&b grüße")
    tab.get_by_role("button", name="Find").click()
    expect(tab.get_by_text("Found: a&b grüße")).to_be_visible()
    expect(tab).to_have_url(f"{site.url}/templates?q=a%26b+gr%C3%BC%C3%9Fe")


def test_a_form_that_writes_says_which_button_was_pressed(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_label("Name").fill("Welcome")
    tab.get_by_label("Body").fill("one\ntwo")
    tab.get_by_role("button", name="Send").click()
    expect(tab.get_by_text("Welcome by send")).to_be_visible()
    expect(tab).to_have_url(f"{site.url}/templates")
    (written, _) = site.requests_for("/templates")
    assert written.form["body"] == "one\r\ntwo"
    assert impersonation_of(written).actor.name == "Ada Lovelace"


def test_a_refused_form_can_be_reloaded(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_text("A name is needed.")).to_be_visible()
    assert_on_top(tab)
    tab.reload()
    heading(tab, "Dashboard")


def test_a_form_with_a_file(site: Site, tab: Page) -> None:
    site.enter(tab)
    file = FilePayload(name="a.txt", mimeType="text/plain", buffer=b"12345")
    tab.get_by_label("File").set_input_files(file)
    tab.get_by_role("button", name="Upload").click()
    expect(tab.get_by_text("a.txt: 5")).to_be_visible()


def test_pressed_twice_is_sent_once(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_label("Name").fill("Welcome")
    tab.get_by_role("button", name="Save").evaluate("button => { button.click(); button.click(); }")
    expect(tab.get_by_text("Welcome by save")).to_be_visible()
    assert site.product.names == ["Welcome by save"]


def test_a_script_may_send_a_form(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_label("Name").fill("Welcome")
    tab.get_by_label("Name").evaluate("field => HTMLFormElement.prototype.submit.call(field.form)")
    expect(tab.get_by_text("Welcome by script")).to_be_visible()
    assert site.product.names == ["Welcome by script"]


def test_a_form_that_the_product_holds_back_is_not_sent(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "Templates")
    assert [request.method for request in site.requests_for("/templates")] == ["GET"]


@pytest.mark.parametrize("way", ["fetch-me", "ask-me"])
def test_the_products_own_scripts_ask_as_the_member(site: Site, tab: Page, way: str) -> None:
    tab.context.add_cookies([{"name": "member", "value": "Bob", "url": site.url}])
    site.enter(tab)
    tab.evaluate("name => dispatchEvent(new Event(name))", way)
    heading(tab, "Grace Hopper")


# The banner

# Where it stood first, it stays.
STANDS_ONCE = together(
    script(
        "impersonation.js",
        "if (!place) continue;",
        "if (!place || banner.host.parentNode) continue;",
    ),
    impatient,
)


def test_the_banner_comes_back_when_it_is_removed(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.evaluate("document.querySelector('[aria-label=Impersonation]').remove()")
    assert_on_top(tab)


@pytest.mark.requirement("I7")
@fails_without(
    script(
        "impersonation.js",
        "MutationObserver(() => {\n    keepInPlace();",
        "MutationObserver(() => {",
    )
)
def test_nothing_gets_in_front_of_the_banner(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.evaluate("document.body.prepend(document.createElement('nav'))")
    assert tab.evaluate("document.body.firstElementChild.ariaLabel") == "Impersonation"


@pytest.mark.requirement("I7")
def test_the_next_page_comes_from_an_open_dialog_too(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="On top").click()
    tab.get_by_role("button", name="Dialog").click()
    expect(tab.get_by_role("dialog").get_by_role("button", name="End session")).to_be_visible()
    tab.go_back()
    heading(tab, "Dashboard")
    assert_on_top(tab)


@pytest.mark.requirement("I7")
@fails_without(
    together(
        script(
            "impersonation.js",
            'pin(around, { "content-visibility": "visible", interactivity: "auto" });',
        ),
        impatient,
    )
)
def test_no_style_of_the_page_hides_the_banner(site: Site, tab: Page) -> None:
    site.enter(tab)
    at_rest = look_of_banner(tab)
    for style in HIDING:
        tab.evaluate(STYLE_THE_PAGE, style)
        assert_unchanged_and_usable(tab, at_rest)


@pytest.mark.requirement("I7")
@pytest.mark.parametrize(
    "buttons", [["Dialog"], ["Dialog", "Another"], ["Popover"], ["Component"], ["Screen"]], ids=str
)
@fails_without(STANDS_ONCE)
def test_nothing_on_top_of_the_page_covers_the_banner(
    site: Site, tab: Page, buttons: list[str]
) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="On top").click()
    heading(tab, "On top")
    at_rest = look_of_banner(tab)
    for button in buttons:
        tab.get_by_role("button", name=button).click()
        assert_unchanged_and_usable(tab, at_rest)
    banner(tab).get_by_role("button", name="End session").click()
    heading(tab, "This session has ended")


@pytest.mark.requirement("I7")
@fails_without(STANDS_ONCE)
def test_after_a_dialog_the_banner_is_back_in_the_page(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="On top").click()
    tab.get_by_role("button", name="Dialog").click()
    expect(tab.get_by_role("dialog").get_by_role("button", name="End session")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("body > section")).to_be_visible()
    assert_on_top(tab)


@pytest.mark.requirement("I7")
@fails_without(
    together(script("impersonation.js", "if (around.inert) around.inert = false;"), impatient),
    raises=(PlaywrightTimeout,),
)
def test_an_inert_page_leaves_the_banner_usable(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.evaluate("document.body.inert = document.documentElement.inert = true")
    assert_unchanged_and_usable(tab, look_of_banner(tab))


def test_the_mark_of_the_title_comes_back(site: Site, tab: Page) -> None:
    site.enter(tab)
    tab.evaluate("document.title = '3 new messages'")
    expect(tab).to_have_title("● 3 new messages")
    tab.evaluate("document.title = ''")
    expect(tab).to_have_title("●")


def test_the_time_left_counts_down(site: Site, tab: Page, admin: AdminStandIn) -> None:
    admin.time_left = 545
    site.enter(tab)
    timer = banner(tab).get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^0[89]:\d\d$"))
    before = timer.inner_text()
    expect(timer).not_to_have_text(before)
    assert timer.inner_text() < before


def test_the_banner_is_white_on_red(site: Site, tab: Page) -> None:
    site.enter(tab)
    expect(banner(tab)).to_have_css("background-color", "rgb(179, 0, 27)")
    expect(banner(tab)).to_have_css("color", "rgb(255, 255, 255)")
    expect(banner(tab)).to_have_css("position", "sticky")


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1200, "height": 800}])
def test_a_hostile_name_is_only_text(
    site: Site, tab: Page, admin: AdminStandIn, viewport: Any
) -> None:
    admin.name = admin.account = admin.actor = HOSTILE
    tab.set_viewport_size(viewport)
    site.enter(tab)
    expect(banner(tab).locator("bdi")).to_have_text(
        [HOSTILE, "grace@example.com", HOSTILE, HOSTILE, "member-1"]
    )
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(banner(tab).get_by_role("button", name="End session")).to_be_in_viewport(ratio=1)
    assert_on_top(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_kit_is_accessible(
    site: Site, page: Page, admin: AdminStandIn, scheme: Literal["light", "dark"]
) -> None:
    # Not in a watched tab: what axe puts into a page is against the page's policy.
    page.emulate_media(color_scheme=scheme)
    site.enter(page)
    page.get_by_role("link", name="Focus").click()
    heading(page, "Focus")
    assert_accessible(page)
    admin.reachable = False
    page.get_by_role("link", name="Home").click()
    heading(page, "Not possible right now")
    assert_accessible(page)
    admin.reachable = True
    admin.end()
    heading(page, "This session has ended")
    assert_accessible(page)
    page.goto(f"{site.url}/impersonation#ticket=unknown")
    heading(page, "This link no longer works")
    assert_accessible(page)


# The end


def test_end_session_ends_it_everywhere(site: Site, tab: Page, admin: AdminStandIn) -> None:
    site.enter(tab)
    banner(tab).get_by_role("button", name="End session").click()
    heading(tab, "This session has ended")
    expect(tab.get_by_text("You ended it.")).to_be_visible()
    assert len(admin.asked_for(ENDS)) == 1
    assert list(stored(tab)) == ["impersonation.ended"]
    assert closing_marks(admin) == []


def test_a_session_ended_elsewhere_shows_without_a_click(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    admin.end("Omar Haddad ended it.")
    heading(tab, "This session has ended")
    expect(tab.get_by_text("Omar Haddad ended it.")).to_be_visible()
    assert "impersonation.token" not in stored(tab)


@pytest.mark.requirement("H8")
@fails_without(script("impersonation.js", "sessionStorage.removeItem(TOKEN);"))
@pytest.mark.parametrize("presence_seconds", [60])
def test_a_click_after_the_end_shows_it_at_once(site: Site, tab: Page, admin: AdminStandIn) -> None:
    site.enter(tab)
    admin.end("Omar Haddad ended it.")
    tab.get_by_role("link", name="All templates").click()
    expect(tab).to_have_url(f"{site.url}/impersonation/ended")
    heading(tab, "This session has ended")
    assert list(stored(tab)) == ["impersonation.ended"]
    assert site.requests_for("/templates") == []


@pytest.mark.failure("X10")
@fails_without(
    together(script("impersonation.js", "if (kept(ENDED) !== null) {", "if (false) {"), impatient)
)
def test_after_the_end_every_address_says_so(site: Site, tab: Page, admin: AdminStandIn) -> None:
    site.enter(tab)
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "Templates")
    admin.end()
    heading(tab, "This session has ended")
    tab.go_back()
    heading(tab, "This session has ended")
    tab.goto(f"{site.url}/long")
    heading(tab, "This session has ended")
    tab.reload()
    heading(tab, "This session has ended")
    assert site.requests_for("/long") == []


def test_continue_to_sign_in_makes_the_tab_an_ordinary_one(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    admin.end()
    tab.get_by_role("link", name="Continue to sign-in").click()
    heading(tab, "Sign in")
    assert stored(tab) == {}
    expect(banner(tab)).to_have_count(0)


def test_a_session_ends_by_the_clock_even_if_nobody_answers(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    admin.time_left = 1
    site.enter(tab)
    admin.reachable = False
    heading(tab, "This session has ended")
    expect(tab.get_by_text("Its time was over.")).to_be_visible()


def test_a_session_that_cannot_be_ended_is_said_so(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    admin.reply(ENDS, 503, b"")
    end = banner(tab).get_by_role("button", name="End session")
    end.click()
    expect(banner(tab)).to_contain_text("The session could not be ended")
    expect(end).to_be_enabled()


def test_a_new_hand_off_takes_an_ended_tab_over(site: Site, tab: Page, admin: AdminStandIn) -> None:
    site.enter(tab)
    admin.end()
    heading(tab, "This session has ended")
    admin.ended, admin.tickets = None, {"another": admin.token}
    site.enter(tab, "another")
    heading(tab, "Dashboard")


# Closing, copies, and the browser's memory


def test_closing_the_tab_is_told(site: Site, tab: Page, admin: AdminStandIn) -> None:
    site.enter(tab)
    other = tab.context.new_page()
    tab.close()
    eventually(other, lambda: len(closing_marks(admin)) == 1)
    opened = [told["page_id"] for told in admin.asked_for(PRESENCES) if told["state"] == "open"]
    assert closing_marks(admin) == [opened[-1]]


def test_a_reload_is_another_page_of_the_session(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    first = admin.asked_for(PRESENCES)[0]["page_id"]
    tab.reload()
    heading(tab, "Dashboard")
    eventually(tab, lambda: closing_marks(admin) == [first])
    told = admin.asked_for(PRESENCES)
    assert any(presence["page_id"] != first for presence in told)


@pytest.mark.requirement("F7")
@fails_without(
    script("impersonation.js", "crypto.getRandomValues(new Uint8Array(16))", "new Uint8Array(16)")
)
def test_a_copied_tab_carries_the_banner_and_an_id_of_its_own(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    with tab.expect_popup() as opened:
        tab.evaluate("open('/templates')")
    heading(opened.value, "Templates")
    expect(banner(opened.value)).to_be_visible()
    assert len({told["page_id"] for told in admin.asked_for(PRESENCES)}) == 2


@pytest.mark.requirement("F7")
def test_a_page_from_the_browsers_memory_is_hidden_and_asked_for_again(
    site: Site, remembering: Page
) -> None:
    site.enter(remembering)
    # Whether it keeps a page is the browser's own decision, from one time to the next.
    kept = any(came_back_to_a_kept_page(remembering, site) for _ in range(10))
    assert kept
    assert stored(remembering)["display"] == "none"
    heading(remembering, "Public")
    assert_on_top(remembering)


@pytest.mark.requirement("H8")
def test_back_after_the_end_shows_a_kept_page_to_nobody(
    site: Site, remembering: Page, admin: AdminStandIn
) -> None:
    assert any(came_back_after_the_end(remembering, site, admin) for _ in range(10))
    assert stored(remembering)["display"] == "none"


@pytest.mark.requirement("I5")
@fails_without(script("impersonation.js", "sessionStorage.removeItem(TOKEN);"))
def test_a_closed_tab_that_is_opened_again_shows_the_end(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    kept = stored(tab)
    other = tab.context.new_page()
    tab.close()
    eventually(other, lambda: len(closing_marks(admin)) == 1)
    admin.end("The tab was closed.", why="tab_closed")
    # What a browser does: the address again, with the storage that the tab had.
    other.goto(f"{site.url}/public")
    other.evaluate("kept => Object.assign(sessionStorage, kept)", kept)
    other.goto(site.url)
    heading(other, "This session has ended")
    assert "impersonation.token" not in stored(other)


# The admin site is down


def test_without_the_admin_site_nothing_is_done_and_the_page_says_so(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    admin.reachable = False
    tab.get_by_role("link", name="All templates").click()
    heading(tab, "Not possible right now")
    assert_on_top(tab)
    expect(banner(tab)).to_contain_text("The connection to the admin site is lost.")
    expect(banner(tab)).to_contain_text("Grace Hopper")
    assert site.requests_for("/templates") == []
    admin.reachable = True
    tab.get_by_role("link", name="Try again").click()
    heading(tab, "Templates")
    expect(banner(tab)).not_to_contain_text("is lost")


def test_a_reload_without_the_admin_site_still_has_the_banner(
    site: Site, tab: Page, admin: AdminStandIn
) -> None:
    site.enter(tab)
    admin.reachable = False
    tab.reload()
    heading(tab, "Not possible right now")
    expect(banner(tab)).to_contain_text("You are impersonating a member.")
    assert_on_top(tab)


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def look_of_banner(page: Page) -> bytes:
    """What is drawn where the banner belongs, from its edge to before its time."""
    return page.screenshot(clip={"x": 0, "y": 0, "width": 600, "height": 36})


def assert_unchanged_and_usable(page: Page, look: bytes) -> None:
    """The banner looks as it did, and its button is what a click there hits."""
    eventually(page, lambda: look_of_banner(page) == look)
    banner(page).get_by_role("button", name="End session").click(trial=True)


def assert_on_top(page: Page) -> None:
    """The banner covers the top of the window from side to side, and no content at rest."""
    expect(banner(page)).to_be_visible()
    # At one moment, since the page may be scrolling.
    left, top, right, seen, uncovered = page.evaluate(
        """() => {
            const box = document.body.firstElementChild.getBoundingClientRect();
            const content = document.querySelector("main").getBoundingClientRect();
            const gap = document.documentElement.clientWidth - box.right;
            const seen = document.elementFromPoint(5, 5).ariaLabel;
            return [box.left, box.top, gap, seen, scrollY > 0 || content.top >= box.bottom];
        }"""
    )
    assert (left, top, right, seen, uncovered) == (0, 0, 0, "Impersonation", True)
