"""The overview is always current: who is inside which account right now."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.admin import ADA, CY, OMAR, AdminSite, Dialog
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

SignIn = Callable[..., AdminSite]
POLL = "**/impersonations/active"


def test_a_session_comes_and_goes_without_a_reload(sign_in: SignIn, mia: Member) -> None:
    omar = sign_in(OMAR)
    ada = sign_in(ADA)
    omar.page.evaluate("window.sameDocument = true")
    tab = ada.members.open(search=mia.email).impersonate(mia.name, reason="The logo is wrong")
    tab.expect_open(mia)
    row = omar.overview.row(mia.name)
    for text in ("Ada Lindqvist", mia.email, mia.account, "The logo is wrong"):
        expect(row).to_contain_text(text)
    expect(row.get_by_role("timer")).to_have_text(re.compile(r"^(20:00|19:\d\d)$"))
    expect(row.get_by_role("button", name="End")).to_be_visible()
    tab.banner.end()
    expect(row).to_have_count(0)
    assert omar.page.evaluate("window.sameDocument")


def test_when_nothing_moves_nothing_is_sent(sign_in: SignIn) -> None:
    omar = sign_in(OMAR)
    with omar.page.expect_response(POLL) as poll:
        pass
    assert poll.value.status == 304


def test_end_asks_once_and_cancel_ends_nothing(sign_in: SignIn, site: Site, mia: Member) -> None:
    ada = sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    omar = sign_in(OMAR)
    omar.overview.ask_to_end(mia.name)
    Dialog(omar.page).cancel.click()
    expect(Dialog(omar.page).box).to_have_count(0)
    assert site.is_running(tab.session_id)
    expect(omar.overview.row(mia.name)).to_be_visible()


def test_the_question_stays_open_while_the_table_moves_on(sign_in: SignIn, mia: Member) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    omar = sign_in(OMAR)
    end = omar.overview.ask_to_end(mia.name)
    with omar.page.expect_response(lambda answer: answer.status == 200 and "active" in answer.url):
        sign_in(CY).impersonate(mia).expect_open(mia)
    end.click()
    tab.expect_ended("Omar Haddad ended it from the admin site.")


def test_a_site_that_does_not_answer_is_said_and_comes_back(
    sign_in: SignIn, site: Site, watch: Watch
) -> None:
    watch.expect_silence()
    omar = sign_in(OMAR)
    notice = omar.page.get_by_role("alert").filter(has_text="Understudy does not answer just now")
    with site.without("admin"):
        expect(notice).to_be_visible()
    expect(notice).to_have_count(0)


def test_a_session_is_told_from_start_to_end(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    session_id = tab.session_id
    tab.follow("Templates")
    tab.expect_page("Templates")
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    lines = ada.session.open_of(session_id).timeline()
    told = " / ".join(lines)
    told_in_order = (
        "Ada Lindqvist started a session as Mia Chen"
        ".*opened the session.* through the API key Letterbox"
        ".*GET / as Mia Chen — answered 200 in .* ms.*GET /templates as Mia Chen — answered 200"
        ".*Ada Lindqvist ended the session"
    )
    assert re.search(told_in_order, told), told


@pytest.mark.requirement("A1")
def test_the_trail_can_be_filtered(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    ada.trail.open()
    ada.page.get_by_role("combobox", name="What").select_option(label="Impersonation ended")
    ada.page.get_by_role("searchbox", name="Member", exact=True).fill(mia.email)
    ada.page.get_by_role("button", name="Show").click()
    expect(ada.page).to_have_url(re.compile("action=impersonation.ended"))
    expect(ada.trail.sentences.first).to_contain_text("ended the session as Mia Chen")
    expect(ada.trail.sentences.filter(has_text="started a session")).to_have_count(0)
    ada.page.get_by_role("link", name=f"Remove member {mia.name}").click()
    expect(ada.page).not_to_have_url(re.compile("subject="))
    expect(ada.page.get_by_role("combobox", name="What")).to_have_value("impersonation.ended")


def test_a_session_can_be_copied_into_a_ticket(sign_in: SignIn, mia: Member) -> None:
    ada = sign_in(ADA)
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = ada.impersonate(mia).expect_open(mia)
    ada.session.open_of(tab.session_id)
    ada.page.get_by_role("button", name="Copy for a ticket").click()
    expect(ada.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = ada.page.evaluate("navigator.clipboard.readText()")
    assert f"Session:  {tab.session_id}\n" in copied
    assert f"Member:   {mia.name} <{mia.email}>" in copied
    ada.page.get_by_role("link", name="As plain text").click()
    assert ada.page.locator("body").inner_text().startswith("Impersonation session")


def test_the_details_of_an_event_fold_out_by_the_keyboard(sign_in: SignIn) -> None:
    ada = sign_in(ADA)
    ada.trail.open()
    details = ada.page.locator("details").first
    expect(details.get_by_text("Hash before")).to_be_hidden()
    details.locator("summary").press("Enter")
    expect(details.get_by_text("Hash before")).to_be_visible()
