"""An admin's own sign-in: what ends it, and what does not keep it alive."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.pages.admin import ADA, OMAR, AdminSite
from tests.e2e.pages.product import ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

SignIn = Callable[..., AdminSite]
POLL = "**/impersonations/active"


@pytest.mark.requirement("S1")
def test_sign_out_kills_a_copied_cookie(
    sign_in: SignIn, new_browser: Callable[[], BrowserContext], site: Site
) -> None:
    omar = sign_in(OMAR)
    thief = new_browser()
    thief.add_cookies(omar.page.context.cookies())  # type: ignore[arg-type]
    stolen = AdminSite(thief.new_page(), site.admin_url)
    stolen.overview.open()
    expect(stolen.page).to_have_title("Overview · Understudy")
    omar.sign_out()
    stolen.go("/members")
    stolen.sign_in_page.expect_here()
    assert stolen.page.request.get(f"{site.admin_url}/audit", max_redirects=0).status == 303


@pytest.mark.requirement("S3")
def test_polling_does_not_keep_an_admin_signed_in(
    sign_in: SignIn, site: Site, watch: Watch
) -> None:
    watch.expect(401)
    omar = sign_in(OMAR)
    with omar.page.expect_response(POLL):
        pass
    sign_in_id = site.sign_in_of(OMAR)
    site.leave_idle(sign_in_id, minutes=29)
    last_active = "SELECT last_active_at FROM sign_ins WHERE id = ?"
    before = site.value(last_active, sign_in_id)
    for _ in range(2):
        with omar.page.expect_response(POLL) as poll:
            pass
        assert poll.value.status in (200, 304)
    assert site.value(last_active, sign_in_id) == before
    site.leave_idle(sign_in_id, minutes=1)
    notice = omar.page.get_by_role("alert").filter(has_text="You are signed out")
    expect(notice).to_be_visible()
    notice.get_by_role("link", name="Sign in again").click()
    omar.sign_in_page.expect_here()


def test_being_there_keeps_an_admin_signed_in(sign_in: SignIn, site: Site) -> None:
    omar = sign_in(OMAR)
    sign_in_id = site.sign_in_of(OMAR)
    last_active = "SELECT last_active_at FROM sign_ins WHERE id = ?"
    before = site.value(last_active, sign_in_id)
    site.leave_idle(sign_in_id, minutes=29)
    omar.go("/members")
    assert site.value(last_active, sign_in_id) > before


@pytest.mark.requirement("S1", "I3")
def test_signing_out_ends_the_session_in_the_other_tab(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    session_id = tab.session_id
    ada.overview.open()
    ada.sign_out()
    expect(ada.page.get_by_text("your impersonation session has ended")).to_be_visible()
    tab.expect_ended("A sign-in of Ada Lindqvist was ended.")
    assert not site.is_running(session_id)


@pytest.mark.requirement("A4", "T6")
def test_the_token_opens_nothing_on_the_admin_site(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    tab: ProductTab = ada.impersonate(mia).expect_open(mia)
    for path in ("/", "/members", f"/members/{mia.id}/impersonations/new", "/audit"):
        # Beside the admin's own good cookie, too.
        answer = tab.ask_with_token(site.admin_url + path)
        assert answer.status == 303
        assert "/sign-in" in answer.headers["location"]


def test_a_page_that_was_asked_for_comes_after_the_sign_in(
    new_browser: Callable[[], BrowserContext], site: Site, mia: Member
) -> None:
    admin = AdminSite(new_browser().new_page(), site.admin_url)
    admin.go(f"/members/{mia.id}")
    admin.sign_in_page.expect_here()
    admin.sign_in_page.sign_in(OMAR)
    expect(admin.page.get_by_role("heading", name="Mia Chen", level=1)).to_be_visible()


def test_a_wrong_password_is_told_and_the_address_kept(
    new_browser: Callable[[], BrowserContext], site: Site, watch: Watch
) -> None:
    watch.expect(401)
    admin = AdminSite(new_browser().new_page(), site.admin_url)
    admin.sign_in_page.open().sign_in("nobody@example.com", "not the password")
    expect(admin.page.get_by_role("alert")).to_be_visible()
    expect(admin.page.get_by_label("E-mail")).to_have_value("nobody@example.com")
