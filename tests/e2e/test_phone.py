"""On a phone: everything is there, nothing sticks out."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.places import admin_pages, product_pages
from tests.e2e.site import Member, Site

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LARGEST_OVERHANG = "document.scrollingElement.scrollWidth - innerWidth"

SignIn = Callable[..., AdminSite]


def expect_nothing_sticks_out(page: Page) -> None:
    assert page.evaluate(LARGEST_OVERHANG) <= 0, page.url


def test_the_main_job_works(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA, **PHONE)
    ada.page.get_by_role("button", name="Menu").tap()
    ada.page.get_by_role("navigation", name="Main").get_by_role("link", name="Accounts").tap()
    expect(ada.page).to_have_title("Accounts · Understudy")
    members = ada.accounts.find(mia.account)
    expect_nothing_sticks_out(ada.page)
    dialog = members.ask_to_impersonate(mia.name)
    expect(dialog.ok).to_be_in_viewport()
    expect_nothing_sticks_out(ada.page)
    tab = dialog.answer_ok().expect_open(mia)
    expect_nothing_sticks_out(tab.page)
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    expect_nothing_sticks_out(tab.page)


def test_no_page_of_the_admin_site_sticks_out(sign_in: SignIn, site: Site) -> None:
    ada = sign_in(ADA, **PHONE)
    for url in admin_pages(site):
        ada.page.goto(url)
        expect(ada.page.get_by_role("heading", level=1)).to_be_visible()
        expect_nothing_sticks_out(ada.page)


def test_no_page_of_letterbox_sticks_out(sign_in: SignIn, site: Site, mia: Member) -> None:
    tab = sign_in(ADA, **PHONE).impersonate(mia).expect_open(mia)
    for url in product_pages(site, mia):
        tab.page.goto(url)
        tab.banner.expect_for(mia)
        expect_nothing_sticks_out(tab.page)


@pytest.mark.requirement("X1")
@pytest.mark.parametrize("domain", ["longnames.example.org", "pixelorchard.example"])
def test_awkward_names_do_not_stick_out(domain: str, sign_in: SignIn, site: Site) -> None:
    member = site.ordinary_members(domain)[-1]
    ada = sign_in(ADA, **PHONE)
    for path in (
        f"/accounts/{member.account_id}",
        f"/members/{member.id}",
        f"/accounts?q={domain}",
    ):
        ada.go(path)
        expect_nothing_sticks_out(ada.page)
    ada.go(f"/members/{member.id}")
    ada.page.get_by_role("button", name="Impersonate").tap()
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    expect_nothing_sticks_out(ada.page)


def test_the_landing_page_fits(new_browser: Callable[..., BrowserContext], site: Site) -> None:
    page = new_browser(**PHONE).new_page()
    page.goto(f"{site.product_url}/impersonation")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect_nothing_sticks_out(page)
