"""The main job: from a customer's e-mail address to her dashboard, and back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import on_both_engines
from tests.e2e.pages.admin import ADA, PASSWORD, AdminSite, Dialog
from tests.e2e.pages.product import ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

pytestmark = on_both_engines

SignIn = Callable[..., AdminSite]


def test_from_the_account_to_the_dashboard_and_back_by_mouse(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    dialog = ada.accounts.open().find("Harbour Analytics").ask_to_impersonate("Mia Chen")
    for words in ("Harbour Analytics", "20 minutes", "all actions are logged"):
        expect(dialog.box).to_contain_text(words)
    before = site.sessions_of(mia)
    tab = dialog.answer_ok(reason="Her logo is gone", ticket_link="https://tickets.example.com/1")
    tab.expect_open(mia)
    expect(tab.page).to_have_url(f"{site.product_url}/")
    assert site.sessions_of(mia) == before + 1
    tab.follow("Templates")
    tab.expect_page("Templates")
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")


def test_from_the_email_to_the_dashboard_and_back_by_keyboard_alone(
    new_browser: Callable[[], BrowserContext], site: Site, mia: Member
) -> None:
    page = new_browser().new_page()
    page.goto(site.admin_url)
    keys = page.keyboard
    # The browser moves there once it has drawn the page; what is typed before is lost.
    expect(page.get_by_label("E-mail")).to_be_focused()
    for text in (ADA, "Tab", PASSWORD, "Enter"):
        keys.press(text) if text in ("Tab", "Enter") else keys.type(text)
    expect(page).to_have_title("Overview · Understudy")
    page.wait_for_load_state()
    keys.press("/")
    keys.type(mia.email)
    keys.press("Enter")
    expect(page).to_have_title("Members · Understudy")
    page.wait_for_load_state()
    tab_to(page.get_by_role("button", name="Impersonate"))
    keys.press("Enter")
    dialog = Dialog(page).expect_heading("Mia Chen")
    expect(dialog.reason).to_be_focused()
    keys.type("Her logo is gone")
    tab_to(dialog.ok)
    with page.context.expect_page() as opened:
        keys.press("Enter")
    tab = ProductTab(opened.value).expect_open(mia)
    tab_to(tab.page.get_by_role("link", name="Templates", exact=True))
    tab.page.keyboard.press("Enter")
    tab.expect_page("Templates")
    tab_to(tab.banner.end_button, "Shift+Tab")
    tab.page.keyboard.press("Enter")
    tab.expect_ended("Ada Lindqvist ended it from the banner.")


def test_a_member_can_be_impersonated_from_her_own_page(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    ada.go(f"/members/{mia.id}")
    ada.page.get_by_role("button", name="Impersonate").click()
    Dialog(ada.page).expect_heading("Mia Chen").answer_ok().expect_open(mia)


def test_cancel_and_escape_start_nothing_and_give_the_focus_back(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    before = site.sessions_of(mia), site.value("SELECT max(id) FROM audit_events")
    button = ada.members.open(search=mia.email).impersonate_button("Mia Chen")
    for leave in ("Cancel", "Escape"):
        dialog = ada.members.ask_to_impersonate("Mia Chen")
        dialog.reason.fill("Never mind")
        if leave == "Cancel":
            dialog.cancel.click()
        else:
            ada.page.keyboard.press("Escape")
        expect(dialog.box).to_have_count(0)
        expect(button).to_be_focused()
    assert (site.sessions_of(mia), site.value("SELECT max(id) FROM audit_events")) == before
    assert len(ada.page.context.pages) == 1


def test_ok_without_a_reason_starts_nothing(
    sign_in: SignIn, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(422)
    ada = sign_in(ADA)
    before = site.sessions_of(mia)
    dialog = ada.members.open(search=mia.email).ask_to_impersonate("Mia Chen")
    dialog.ok.click()
    expect(dialog.reason).to_be_focused()
    assert len(ada.page.context.pages) == 1
    dialog.answer_ok(reason=" ")
    # The server looks too, and the new tab asks again.
    question = ada.page.context.pages[1]
    expect(question.get_by_role("alert")).to_contain_text("Say why you need to see this account.")
    assert site.sessions_of(mia) == before


def test_the_server_itself_insists_on_a_reason(sign_in: SignIn, site: Site, mia: Member) -> None:
    ada = sign_in(ADA)
    before = site.sessions_of(mia)
    path = f"/members/{mia.id}/impersonations"
    answer = ada.post(path, reason="", ticket_url="", form_key="a form key of some length")
    assert answer.status == 422
    assert site.sessions_of(mia) == before


@pytest.mark.requirement("W11")
def test_a_double_click_on_ok_starts_one_session(sign_in: SignIn, site: Site, mia: Member) -> None:
    ada = sign_in(ADA)
    before = site.sessions_of(mia)
    dialog = ada.members.open(search=mia.email).ask_to_impersonate("Mia Chen")
    dialog.reason.fill("Twice")
    with ada.page.context.expect_page() as opened:
        dialog.ok.dblclick()
    ProductTab(opened.value).expect_open(mia)
    assert site.sessions_of(mia) == before + 1
    assert len(ada.page.context.pages) == 2


@pytest.mark.requirement("W11")
def test_a_form_that_is_sent_again_starts_no_second_session(
    sign_in: SignIn, site: Site, mia: Member
) -> None:
    ada = sign_in(ADA)
    before = site.sessions_of(mia)
    fields = {"reason": "Twice", "ticket_url": "", "form_key": "one form key for two sendings"}
    answers = [ada.post(f"/members/{mia.id}/impersonations", **fields) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 409]
    assert site.sessions_of(mia) == before + 1


def test_the_admins_own_sign_in_stays_as_it_was(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    cookies = ada.page.context.cookies(ada.url)
    tab = ada.impersonate(mia).expect_open(mia)
    ada.overview.open()
    expect(ada.page.get_by_role("button", name="Sign out")).to_be_visible()
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    ada.overview.open()
    expect(ada.page).to_have_title("Overview · Understudy")
    assert ada.page.context.cookies(ada.url) == cookies
    assert tab.page.context.cookies(tab.page.url) == []


@pytest.mark.requirement("I8")
def test_what_the_admin_does_carries_both_names(
    sign_in: SignIn, watcher: AdminSite, mia: Member
) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    session_id = tab.session_id
    tab.follow("Settings")
    tab.page.get_by_label("Your name").fill("Mia Chen")
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_role("status").filter(has_text="Nothing")).to_be_visible()
    tab.follow("Templates")
    tab.follow("Welcome")
    tab.page.get_by_role("button", name="Send test").click()
    tab.follow("Activity")
    deeds = tab.page.get_by_role("region", name="Activity").get_by_role("listitem")
    expect(deeds.first).to_contain_text("Mia Chen")
    expect(deeds.first).to_contain_text("with Ada Lindqvist of support")
    watcher.session.open_of(session_id)
    expect(watcher.session.facts).to_contain_text("Her order confirmation shows the wrong logo")
    timeline = watcher.session.timeline()
    assert "Ada Lindqvist started a session as Mia Chen" in timeline[0]
    assert sum("POST" in line and "/test-sends" in line for line in timeline) == 1


def tab_to(place: Locator, key: str = "Tab") -> None:
    """Press the key until the focus has come to that place."""
    expect(place).to_be_visible()
    page: Page = place.page
    for _ in range(60):
        if place.evaluate("one => one.getRootNode().activeElement === one"):
            return
        page.keyboard.press(key)
    raise AssertionError("the keyboard does not lead there")
