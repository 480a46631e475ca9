"""While the admin site is down nothing is done under impersonation; ordinary members work on."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.pages.product import MemberTab, ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

NOT_CARRIED_OUT = "not carried out"


@pytest.fixture
def tab(
    sign_in: Callable[..., AdminSite],
    new_browser: Callable[[], BrowserContext],
    watch: Watch,
    mia: Member,
) -> ProductTab:
    watch.expect(503)
    # In a browser of its own, as the admin's own page would complain about the silence.
    ada = sign_in(ADA)
    address = ada.hand_off_address(mia)
    ada.page.close()
    tab = ProductTab(new_browser().new_page())
    tab.page.goto(address)
    return tab.expect_open(mia)


def test_no_page_is_shown_and_it_recovers_by_itself(
    tab: ProductTab, site: Site, mia: Member
) -> None:
    with site.without("admin"):
        tab.follow("Templates")
        tab.expect_page("Not possible right now")
        expect(tab.page.get_by_text(NOT_CARRIED_OUT)).to_be_visible()
        tab.banner.expect_on_top()
        expect(tab.banner.region).to_contain_text("The connection to the admin site is lost")
        answer = tab.ask_with_token(f"{site.product_url}/settings")
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    tab.follow("Try again")
    tab.expect_page("Templates")
    tab.banner.expect_for(mia)
    assert site.is_running(tab.session_id)


def test_a_form_is_not_carried_out(tab: ProductTab, site: Site, mia: Member) -> None:
    tab.follow("Settings")
    tab.page.get_by_label("Sender name").fill("Never to be saved")
    sender = "SELECT sender_name FROM accounts WHERE id = ?"
    before = site.letterbox_value(sender, mia.account_id)
    with site.without("admin"):
        tab.page.get_by_role("button", name="Save").click()
        tab.expect_page("Not possible right now")
    assert site.letterbox_value(sender, mia.account_id) == before
    tab.page.goto(f"{site.product_url}/settings")
    expect(tab.page.get_by_label("Sender name")).to_have_value(before)


def test_a_reload_shows_the_banner_or_no_page_at_all(
    tab: ProductTab, site: Site, mia: Member
) -> None:
    with site.without("admin"):
        tab.page.reload()
        tab.expect_page("Not possible right now")
        tab.banner.expect_on_top()
        expect(tab.page.get_by_text(mia.email)).to_have_count(0)
    tab.page.reload()
    tab.expect_open(mia)


def test_members_notice_nothing(
    new_browser: Callable[[], BrowserContext],
    member_tab: Callable[[BrowserContext, str], MemberTab],
    site: Site,
    mia: Member,
) -> None:
    own = member_tab(new_browser(), mia.email)
    with site.without("admin"):
        own.follow("Templates")
        own.expect_page("Templates")
        own.follow("Settings")
        own.expect_page("Settings")


def test_ending_from_the_banner_says_that_it_did_not_work(tab: ProductTab, site: Site) -> None:
    with site.without("admin"):
        tab.banner.end()
        expect(tab.banner.region).to_contain_text("The session could not be ended")
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")


def test_a_hand_off_says_that_it_did_not_work(
    sign_in: Callable[..., AdminSite],
    new_browser: Callable[[], BrowserContext],
    site: Site,
    watch: Watch,
    mia: Member,
) -> None:
    watch.expect(503)
    ada = sign_in(ADA)
    address = ada.hand_off_address(mia)
    ada.page.close()
    tab = ProductTab(new_browser().new_page())
    with site.without("admin"):
        tab.page.goto(address)
        tab.expect_page("The session could not be opened")
