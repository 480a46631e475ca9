"""A session lives in its own tab: nobody else's sign-in, tab or person mixes with it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.pages.admin import ADA, CY, AdminSite
from tests.e2e.pages.product import TOKEN, MemberTab, ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.requirement("A7")

SignIn = Callable[..., AdminSite]
SignInMember = Callable[[BrowserContext, str], MemberTab]


@pytest.fixture
def sian(site: Site) -> Member:
    return site.member("sian.fairweather@harbour.example")


def test_a_member_in_another_tab_notices_nothing(
    sign_in: SignIn, member_tab: SignInMember, site: Site, mia: Member, sian: Member
) -> None:
    ada = sign_in(ADA)
    context = ada.page.context
    own = member_tab(context, sian.email)
    cookies = context.cookies(site.product_url)
    tab = ada.impersonate(mia).expect_open(mia)
    for link in ("Templates", "Dashboard"):
        own.follow(link)
        own.expect_page(link)
        own.expect_signed_in_as(sian)
        own.expect_unimpersonated()
        tab.follow(link)
        tab.expect_page(link)
        tab.expect_signed_in_as(mia)
    assert context.cookies(site.product_url) == cookies
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    own.page.reload()
    own.expect_signed_in_as(sian)
    own.expect_unimpersonated()


def test_a_members_own_sign_out_leaves_the_session_running(
    sign_in: SignIn, member_tab: SignInMember, site: Site, mia: Member, sian: Member
) -> None:
    ada = sign_in(ADA)
    own = member_tab(ada.page.context, sian.email)
    tab = ada.impersonate(mia).expect_open(mia)
    expect(tab.page.get_by_role("button", name="Sign out")).to_have_count(0)
    own.sign_out()
    tab.page.reload()
    tab.expect_open(mia)
    assert site.is_running(tab.session_id)


@pytest.mark.failure("X6")
def test_the_member_herself_can_sign_in_meanwhile(
    sign_in: SignIn,
    new_browser: Callable[[], BrowserContext],
    member_tab: SignInMember,
    mia: Member,
) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    own = member_tab(new_browser(), mia.email)
    own.expect_signed_in_as(mia)
    own.expect_unimpersonated()
    own.sign_out()
    tab.follow("Templates")
    tab.expect_page("Templates")
    tab.banner.expect_for(mia)


def test_a_new_tab_of_the_same_browser_is_nobody(sign_in: SignIn, site: Site, mia: Member) -> None:
    ada = sign_in(ADA)
    ada.impersonate(mia).expect_open(mia)
    other = MemberTab(ada.page.context.new_page())
    other.page.goto(site.product_url)
    other.expect_page("Sign in")
    other.expect_unimpersonated()


def test_two_admins_in_two_browsers_see_two_people(
    sign_in: SignIn, site: Site, mia: Member, sian: Member
) -> None:
    ada, cy = sign_in(ADA), sign_in(CY)
    adas, cys = ada.impersonate(mia).expect_open(mia), cy.impersonate(sian).expect_open(sian)
    for tab, member in ((adas, mia), (cys, sian), (adas, mia)):
        tab.page.reload()
        tab.expect_open(member)
    for name, who in ((mia.name, "Ada Lindqvist"), (sian.name, "Cy Marlow")):
        expect(ada.overview.open().row(name)).to_contain_text(who)
    adas.banner.end()
    adas.expect_ended("Ada Lindqvist ended it from the banner.")
    cys.page.reload()
    cys.expect_open(sian)
    assert site.is_running(cys.session_id)


@pytest.mark.requirement("H6")
def test_a_foreign_ticket_lands_in_a_session_that_says_so(
    sign_in: SignIn,
    new_browser: Callable[[], BrowserContext],
    member_tab: SignInMember,
    mia: Member,
    sian: Member,
) -> None:
    context = new_browser()
    own = member_tab(context, sian.email)
    lured = ProductTab(context.new_page())
    lured.page.goto(sign_in(ADA).hand_off_address(mia))
    lured.expect_open(mia)
    expect(lured.banner.region).to_contain_text("Session of Ada Lindqvist")
    own.page.reload()
    own.expect_signed_in_as(sian)
    own.expect_unimpersonated()


@pytest.mark.requirement("H7")
@pytest.mark.failure("X6")
def test_the_tab_has_no_way_back_to_the_admin_site(sign_in: SignIn, mia: Member) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    assert tab.page.evaluate("[window.opener, document.referrer]") == [None, ""]


@pytest.mark.requirement("A5")
def test_what_is_the_members_alone_is_refused_on_record(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    answer = tab.ask_with_token(f"{site.product_url}/sign-out", method="POST")
    assert (answer.status, answer.json()["code"]) == (403, "member_only")
    refused = f"outcome=refused&impersonation={tab.session_id}"
    # How it went is told when the answer is out.
    eventually(ada.page, lambda: len(ada.trail.events(refused)) == 1)
    assert "403" in ada.trail.events(refused)[0]


@pytest.mark.requirement("I5")
def test_closing_a_duplicate_keeps_the_session_alive(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    session_id = tab.session_id
    duplicate = duplicate_of(tab, site)
    duplicate.expect_open(mia)
    duplicate.close()
    eventually(tab.page, lambda: site.moment(session_id, "closing_at") is not None)
    # The other page is still there and says so at its next turn.
    eventually(tab.page, lambda: site.moment(session_id, "closing_at") is None)
    tab.page.reload()
    tab.expect_open(mia)
    assert site.is_running(session_id)


def test_an_end_reaches_the_duplicate_too(sign_in: SignIn, site: Site, mia: Member) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    duplicate = duplicate_of(tab, site)
    duplicate.expect_open(mia)
    tab.banner.end()
    for each in (tab, duplicate):
        each.expect_ended("Ada Lindqvist ended it from the banner.")


def duplicate_of(tab: ProductTab, site: Site) -> ProductTab:
    """What the browser's "Duplicate tab" does: a second tab with a copy of the storage."""
    page = tab.page.context.new_page()
    page.goto(f"{site.product_url}/impersonation/assets/page.css")
    page.evaluate("([key, token]) => sessionStorage.setItem(key, token)", [TOKEN, tab.token])
    page.goto(site.product_url)
    return ProductTab(page)
