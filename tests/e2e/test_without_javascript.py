"""Without JavaScript the admin site works up to the question; the product says what is missing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.site import Member, Site

pytestmark = pytest.mark.requirement("W12")


@pytest.fixture
def ada(new_browser: Callable[..., BrowserContext], site: Site) -> AdminSite:
    page = new_browser(java_script_enabled=False).new_page()
    return AdminSite(page, site.admin_url).sign_in(ADA)


def test_lists_can_be_searched_and_paged(ada: AdminSite, mia: Member) -> None:
    ada.members.open()
    first = ada.page.get_by_role("table", name="Members").get_by_role("row").nth(1)
    top = first.inner_text()
    ada.page.get_by_role("link", name="Next").click()
    expect(ada.page).not_to_have_url(f"{ada.url}/members")
    assert first.inner_text() != top
    ada.page.get_by_role("link", name="Previous").click()
    assert first.inner_text() == top
    ada.members.search(mia.email)
    ada.page.get_by_role("button", name="Search", exact=True).click()
    expect(ada.members.row(mia.name)).to_be_visible()
    ada.accounts.open()
    ada.page.get_by_role("searchbox", name="Search accounts").fill("harbour")
    ada.page.get_by_role("button", name="Search", exact=True).click()
    ada.page.get_by_role("link", name="Harbour Analytics").click()
    expect(ada.members.row(mia.name)).to_be_visible()


def test_the_question_is_a_page_and_the_landing_page_says_what_is_missing(
    ada: AdminSite, site: Site, mia: Member
) -> None:
    before = site.sessions_of(mia)
    ada.members.open(search=mia.email).impersonate_button(mia.name).click()
    heading = ada.page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Impersonate")
    expect(heading).to_contain_text(mia.name)
    ada.page.get_by_role("button", name="Cancel").click()
    expect(heading).to_have_text(mia.name)
    assert site.sessions_of(mia) == before
    ada.page.get_by_role("button", name="Impersonate").click()
    ada.page.get_by_label("Reason").fill("Without a script")
    with ada.page.context.expect_page() as opened:
        ada.page.get_by_role("button", name="OK").click()
    opened.value.wait_for_url(f"{site.product_url}/impersonation#ticket=*")
    # In this tab, as the browser is told too late to run no scripts in one that a form opens.
    ada.page.goto(opened.value.url)
    expect(heading).to_have_text("JavaScript is needed here")
    assert site.sessions_of(mia) == before + 1


def test_a_session_can_be_ended(ada: AdminSite, site: Site, mia: Member) -> None:
    ada.members.open(search=mia.email)
    ada.hand_off_address(mia)
    ada.overview.open().row(mia.name).get_by_role("button", name="End").click()
    expect(ada.page.get_by_role("heading", name="End this session?", level=1)).to_be_visible()
    ada.page.get_by_role("button", name="End session").click()
    expect(ada.overview.notice(f"The session as {mia.name} has ended.")).to_be_visible()
    expect(ada.overview.row(mia.name)).to_have_count(0)
