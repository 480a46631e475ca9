"""The red banner stands on top of every page that a session shows."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.pages.product import ProductTab
from tests.e2e.places import a_template, product_pages
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

pytestmark = pytest.mark.requirement("I7")

SignIn = Callable[..., AdminSite]


@pytest.fixture
def tab(sign_in: SignIn, mia: Member) -> ProductTab:
    return sign_in(ADA).impersonate(mia).expect_open(mia)


def test_it_stands_on_every_page_of_letterbox(tab: ProductTab, site: Site, mia: Member) -> None:
    for url in product_pages(site, mia):
        tab.page.goto(url)
        tab.expect_signed_in_as(mia)
        tab.banner.expect_for(mia)


def test_it_stands_where_there_is_nothing(
    tab: ProductTab, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(404)
    tab.page.goto(f"{site.product_url}/no-such-page")
    tab.expect_page("Page not found")
    tab.banner.expect_for(mia)
    tab.follow("Go to the dashboard")
    tab.expect_open(mia)


def test_it_stands_where_letterbox_has_failed(
    tab: ProductTab, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(500)
    template = a_template(site, mia)
    broken = "UPDATE templates SET subject = CAST(? AS BLOB) WHERE id = ?"
    site.edit_letterbox(broken, b"\xff\xfe", template)
    try:
        tab.page.goto(f"{site.product_url}/templates/{template}")
        expect(tab.page.get_by_text("500")).to_be_visible()
        tab.banner.expect_for(mia)
    finally:
        site.edit_letterbox("UPDATE templates SET subject = 'Hello' WHERE id = ?", template)


def test_it_stands_where_the_member_is_refused(sign_in: SignIn, site: Site, watch: Watch) -> None:
    watch.expect(403)
    (noor,) = (one for one in site.ordinary_members("rosetta.example") if "noor" in one.email)
    ada = sign_in(ADA)
    ada.go(f"/accounts/{noor.account_id}?q=noor")
    tab = ada.members.impersonate(noor.name).expect_open(noor)
    tab.page.goto(f"{site.product_url}/templates/new")
    expect(tab.page.get_by_text("403")).to_be_visible()
    tab.banner.expect_for(noor)


def test_it_stands_after_forms_good_and_bad(
    tab: ProductTab, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(422)
    tab.follow("Templates")
    tab.follow("New template")
    save = tab.page.get_by_role("button", name="Create template")
    for field, text in (("Name", "From the banner story"), ("Subject", " "), ("Text", "Hello")):
        tab.page.get_by_label(field).fill(text)
    save.click()
    expect(tab.page.get_by_text("Write a subject.")).to_be_visible()
    tab.banner.expect_for(mia)
    tab.page.get_by_label("Subject").fill("Hello")
    save.click()
    tab.expect_page("From the banner story")
    tab.banner.expect_for(mia)


def test_it_stays_on_top_of_a_long_page_and_cannot_be_removed(
    tab: ProductTab, site: Site, mia: Member
) -> None:
    tab.page.goto(f"{site.product_url}/activity")
    tab.expect_page("Activity")
    tab.page.set_viewport_size({"width": 800, "height": 300})
    tab.page.mouse.move(400, 200)
    tab.page.mouse.wheel(0, 5000)
    expect(tab.page.get_by_role("heading", level=1)).not_to_be_in_viewport()
    tab.banner.expect_on_top()
    tab.page.evaluate("document.body.firstElementChild.remove()")
    tab.banner.expect_for(mia)


def test_its_time_counts_down(tab: ProductTab, site: Site) -> None:
    site.age(tab.session_id, "started_at", "expires_at", minutes=10)
    tab.page.reload()
    expect(tab.banner.time_left).to_have_text(re.compile(r"^09:[0-5]\d$"))
    first = tab.banner.time_left.inner_text()
    expect(tab.banner.time_left).not_to_have_text(first)
    expect(tab.banner.time_left).to_have_text(re.compile(r"^09:[0-5]\d$"))
