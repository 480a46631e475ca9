"""axe finds nothing to complain about, on any page, by day and by night."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.places import admin_pages, product_pages
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules about colours; everything else is the same in both schemes.
OF_COLOUR = ["color-contrast", "link-in-text-block"]

SignIn = Callable[..., AdminSite]


def expect_no_violation(page: Page) -> None:
    """Let axe look at the page as it is, and at its colours in the other scheme."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    check(page, {"runOnly": STANDARDS})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    check(page, {"runOnly": OF_COLOUR})


def check(page: Page, options: dict[str, object]) -> None:
    # "preload" would have axe copy style sheets into the page, which the policy does not allow.
    options = {"resultTypes": ["violations"], "preload": False, **options}
    found = Axe().run(page, options=options).response
    assert found["violations"] == [], f"{page.url}: {told(found)}"


def told(response: dict[str, list[dict[str, object]]]) -> str:
    """The complaints, short enough to read."""
    lines = []
    for violation in response["violations"]:
        nodes = violation["nodes"]
        assert isinstance(nodes, list)
        for node in nodes[:3]:
            lines.append(f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}")
    return "\n".join(lines)


def test_every_page_of_the_admin_site(sign_in: SignIn, site: Site) -> None:
    ada = sign_in(ADA)
    for url in admin_pages(site):
        ada.page.goto(url)
        expect(ada.page.get_by_role("heading", level=1)).to_be_visible()
        expect_no_violation(ada.page)


def test_the_sign_in_page_and_its_errors(
    new_browser: Callable[[], BrowserContext], site: Site, watch: Watch
) -> None:
    watch.expect(401)
    admin = AdminSite(new_browser().new_page(), site.admin_url)
    admin.sign_in_page.open()
    expect_no_violation(admin.page)
    admin.sign_in_page.sign_in("nobody@example.com", "wrong")
    expect(admin.page.get_by_role("alert")).to_be_visible()
    expect_no_violation(admin.page)


def test_the_dialogs(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    dialog = ada.members.open(search=mia.email).ask_to_impersonate(mia.name)
    expect_no_violation(ada.page)
    dialog.answer_ok().expect_open(mia)
    ada.overview.open().ask_to_end(mia.name)
    expect_no_violation(ada.page)


def test_the_trail_unfolded_filtered_and_with_questions(
    sign_in: SignIn, watch: Watch, site: Site
) -> None:
    watch.expect(422)
    ada = sign_in(ADA)
    ada.go(f"/audit?account={site.value('SELECT account_id FROM impersonations LIMIT 1')}")
    ada.page.locator("summary").first.click()
    expect_no_violation(ada.page)
    ada.go("/audit?subject=e&since=tomorrow")
    expect(ada.page.get_by_role("alert")).to_be_visible()
    expect_no_violation(ada.page)


def test_lists_that_are_empty_and_pages_that_are_not_there(sign_in: SignIn, watch: Watch) -> None:
    watch.expect(404)
    ada = sign_in(ADA)
    for path in ("/members?q=nobody-at-all", "/accounts?q=none-at-all", "/no-such-page"):
        ada.go(path)
        expect_no_violation(ada.page)


def test_every_page_of_letterbox_under_the_banner(
    sign_in: SignIn, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(404)
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    for url in [*product_pages(site, mia), f"{site.product_url}/no-such-page"]:
        tab.page.goto(url)
        tab.banner.expect_for(mia)
        expect_no_violation(tab.page)
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    expect_no_violation(tab.page)


@pytest.mark.parametrize("path", ["/sign-in", "/impersonation"])
def test_what_letterbox_shows_to_strangers(
    path: str, new_browser: Callable[[], BrowserContext], site: Site
) -> None:
    page = new_browser().new_page()
    page.goto(site.product_url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect_no_violation(page)
