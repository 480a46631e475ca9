"""Moving about in a session: links, reload, Back, Forward, deep links."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.pages.product import ProductTab
from tests.e2e.site import Member, Site


@pytest.fixture
def tab(sign_in: Callable[..., AdminSite], mia: Member) -> ProductTab:
    return sign_in(ADA).impersonate(mia).expect_open(mia)


def test_reload_back_and_forward_show_the_page_under_the_banner(
    tab: ProductTab, site: Site, mia: Member
) -> None:
    def expect_here(heading: str, path: str) -> None:
        tab.expect_page(heading)
        expect(tab.page).to_have_url(site.product_url + path)
        tab.expect_signed_in_as(mia)
        tab.banner.expect_for(mia)

    tab.follow("Templates")
    expect_here("Templates", "/templates")
    tab.follow("Activity")
    expect_here("Activity", "/activity")
    tab.page.reload()
    expect_here("Activity", "/activity")
    tab.page.go_back()
    expect_here("Templates", "/templates")
    tab.page.reload()
    expect_here("Templates", "/templates")
    tab.page.go_back()
    expect_here("Dashboard", "/")
    tab.page.go_forward()
    expect_here("Templates", "/templates")


def test_a_deep_link_opens_where_it_leads(tab: ProductTab, site: Site, mia: Member) -> None:
    query = "SELECT id FROM templates WHERE account_id = ? AND name = 'Welcome'"
    template = site.letterbox_value(query, mia.account_id)
    tab.page.goto(f"{site.product_url}/templates/{template}?fields=filled#tests")
    tab.expect_page("Welcome")
    expect(tab.page).to_have_url(f"{site.product_url}/templates/{template}?fields=filled#tests")
    tab.banner.expect_for(mia)


def test_a_search_keeps_its_words_in_the_address(tab: ProductTab, site: Site, mia: Member) -> None:
    tab.follow("Templates")
    tab.page.get_by_role("searchbox").fill("welcome")
    tab.page.get_by_role("searchbox").press("Enter")
    expect(tab.page).to_have_url(f"{site.product_url}/templates?q=welcome")
    expect(tab.page.get_by_role("link", name="Welcome", exact=True)).to_be_visible()
    expect(tab.page.get_by_role("link", name="Invoice", exact=True)).to_have_count(0)
    tab.page.reload()
    expect(tab.page.get_by_role("searchbox")).to_have_value("welcome")
    tab.banner.expect_for(mia)


def test_a_form_leads_to_its_confirmation_and_back_does_not_send_it_again(
    tab: ProductTab, site: Site, mia: Member
) -> None:
    tab.follow("Templates")
    tab.follow("Invoice")
    tab.page.get_by_role("button", name="Send test").click()
    expect(tab.page.get_by_role("status").filter(has_text="test")).to_be_visible()
    sent = "SELECT count(*) FROM test_sends s JOIN templates t ON t.id = s.template_id"
    count = site.letterbox_value(f"{sent} WHERE t.account_id = ?", mia.account_id)
    tab.page.reload()
    tab.expect_page("Invoice")
    tab.page.go_back()
    tab.page.go_forward()
    tab.expect_page("Invoice")
    assert site.letterbox_value(f"{sent} WHERE t.account_id = ?", mia.account_id) == count
