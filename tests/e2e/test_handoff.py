"""The hand-off from the admin site to the product: a ticket that works once and leaves no trace."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, BrowserType, expect

from tests.e2e.pages.admin import ADA, AdminSite
from tests.e2e.pages.product import ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

SignIn = Callable[..., AdminSite]


@pytest.mark.requirement("H2")
def test_a_ticket_opens_nothing_after_sixty_seconds(
    sign_in: SignIn, watcher: AdminSite, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(400)
    ada = sign_in(ADA)
    address = ada.hand_off_address(mia)
    (session_id,) = running_sessions_with(site, mia)
    site.edit(
        "UPDATE handoffs SET expires_at = expires_at - 60000000 WHERE impersonation_id = ?",
        session_id,
    )
    tab = ProductTab(ada.page.context.new_page())
    tab.page.goto(address)
    tab.expect_page("This link no longer works")
    assert tab.page.evaluate("sessionStorage.length") == 0
    (refusal,) = watcher.trail.events(f"action=handoff.refused&impersonation={session_id}")
    assert "after its minute was over" in refusal
    assert watcher.trail.events(f"action=handoff.redeemed&impersonation={session_id}") == []


@pytest.mark.requirement("H2")
def test_a_ticket_that_never_was_opens_nothing(
    new_browser: Callable[[], BrowserContext], site: Site, watch: Watch
) -> None:
    watch.expect(400)
    tab = ProductTab(new_browser().new_page())
    tab.page.goto(f"{site.product_url}/impersonation#ticket={'x' * 43}")
    tab.expect_page("This link no longer works")


@pytest.mark.requirement("A2")
def test_the_ground_is_looked_at_again_at_the_hand_off(
    sign_in: SignIn, site: Site, watch: Watch
) -> None:
    watch.expect(400)
    member = site.ordinary_members("verde.example")[0]
    ada = sign_in(ADA)
    address = ada.hand_off_address(member)
    site.edit("UPDATE members SET protected = true WHERE id = ?", member.id)
    tab = ProductTab(ada.page.context.new_page())
    tab.page.goto(address)
    tab.expect_page("This link no longer works")
    assert running_sessions_with(site, member) == []


@pytest.mark.requirement("H4")
def test_back_does_not_lead_to_the_landing_page(sign_in: SignIn, site: Site, mia: Member) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    assert tab.page.evaluate("history.length") == 1
    tab.follow("Templates")
    tab.expect_page("Templates")
    tab.page.go_back()
    tab.expect_open(mia)
    assert site.is_running(tab.session_id)


@pytest.mark.requirement("H1", "T7")
def test_the_token_lies_in_the_tabs_storage_and_nowhere_else(sign_in: SignIn, mia: Member) -> None:
    tab = sign_in(ADA).impersonate(mia).expect_open(mia)
    assert tab.token.startswith("eyJ")
    assert tab.page.evaluate("Object.keys(sessionStorage)") == ["impersonation.token"]
    assert tab.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert tab.token not in tab.page.content()
    ids = {"iss", "aud", "sub", "user_id", "org_id", "act", "sid", "jti"}
    assert set(tab.claims) == ids | {"iat", "nbf", "exp"}
    assert (tab.claims["sub"], tab.claims["org_id"]) == (mia.id, mia.account_id)
    assert set(tab.claims["act"]) == {"sub"}


@pytest.mark.requirement("H1")
@pytest.mark.failure("X18")
def test_the_browsers_history_keeps_nothing_that_opens_a_session(
    browser_type: BrowserType,
    whole_browser_launch_args: dict[str, Any],
    site: Site,
    watch: Watch,
    mia: Member,
    tmp_path: Path,
) -> None:
    context = browser_type.launch_persistent_context(tmp_path, **whole_browser_launch_args)
    watch.over(context)
    ada = AdminSite(context.pages[0], site.admin_url).sign_in(ADA)
    tab = ada.impersonate(mia).expect_open(mia)
    token, session_id = tab.token, tab.session_id
    context.close()
    with closing(sqlite3.connect(tmp_path / "Default/History")) as history:
        addresses = [url for (url,) in history.execute("SELECT url FROM urls")]
    assert any(address.startswith(site.product_url) for address in addresses)
    assert [address for address in addresses if "eyJ" in address or token in address] == []
    # The ticket's address may be among them, as every browser keeps what it was sent to. The tab
    # has used it up, so it is worth nothing now.
    used = "SELECT count(*) FROM handoffs WHERE impersonation_id = ? AND used_at IS NULL"
    assert site.value(used, session_id) == 0


@pytest.mark.requirement("W12")
def test_the_landing_page_says_what_is_missing_without_javascript(
    new_browser: Callable[..., BrowserContext], site: Site
) -> None:
    page = new_browser(java_script_enabled=False).new_page()
    page.goto(f"{site.product_url}/impersonation")
    heading = page.get_by_role("heading", name="JavaScript is needed here", level=1)
    expect(heading).to_be_visible()


def running_sessions_with(site: Site, member: Member) -> list[str]:
    query = "SELECT id FROM impersonations WHERE target_id = ? AND ended_at IS NULL"
    return [session_id for (session_id,) in site.ask(query, member.id)]
