"""Each way in which a session ends: the tab says so by itself, the trail says it once."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Error, expect

from tests.e2e.conftest import on_both_engines
from tests.e2e.pages.admin import ADA, OMAR, PASSWORD, AdminSite
from tests.e2e.pages.product import MemberTab, ProductTab
from tests.e2e.site import Member, Site
from tests.e2e.waiting import eventually
from tests.e2e.watch import Watch

SignIn = Callable[..., AdminSite]


@pytest.fixture
def ada(sign_in: SignIn) -> AdminSite:
    return sign_in(ADA)


@pytest.fixture
def tab(ada: AdminSite, mia: Member) -> ProductTab:
    return ada.impersonate(mia).expect_open(mia)


def expect_one_end(watcher: AdminSite, session_id: str, *words: str) -> None:
    """The trail holds one end event of the session, with who and why."""
    (event,) = watcher.trail.end_events(session_id)
    for text in ("session as", *words):
        assert text in event


@on_both_engines
@pytest.mark.requirement("I1")
def test_after_twenty_minutes(tab: ProductTab, watcher: AdminSite, site: Site) -> None:
    session_id = tab.session_id
    claims = tab.claims
    assert claims["exp"] - claims["iat"] <= 1200
    site.age(session_id, "started_at", "expires_at", minutes=20)
    tab.expect_ended("The twenty minutes are over.")
    expect_one_end(watcher, session_id, "ended by itself", "the twenty minutes were over")


@pytest.mark.requirement("I6")
def test_after_twenty_minutes_though_nobody_is_looking(
    ada: AdminSite, tab: ProductTab, watcher: AdminSite, site: Site
) -> None:
    session_id = tab.session_id
    crash(tab)
    site.age(session_id, "started_at", "expires_at", minutes=20)
    eventually(ada.page, lambda: not site.is_running(session_id))
    expect_one_end(watcher, session_id, "ended by itself", "the twenty minutes were over")


def test_by_the_banner(tab: ProductTab, watcher: AdminSite) -> None:
    session_id = tab.session_id
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    expect_one_end(watcher, session_id, "Ada Lindqvist ended", "from the banner")


@on_both_engines
@pytest.mark.requirement("I5")
def test_by_closing_the_tab(
    ada: AdminSite, tab: ProductTab, watcher: AdminSite, site: Site
) -> None:
    session_id = tab.session_id
    tab.close()
    eventually(ada.page, lambda: site.moment(session_id, "closing_at") is not None)
    assert site.is_running(session_id)
    site.age(session_id, "closing_at", seconds=10)
    eventually(ada.page, lambda: not site.is_running(session_id))
    expect_one_end(watcher, session_id, "ended by itself", "the tab was closed")


@pytest.mark.requirement("I5")
def test_a_reload_is_no_close(tab: ProductTab, site: Site, mia: Member) -> None:
    session_id = tab.session_id
    for _ in range(3):
        tab.page.reload()
        tab.expect_open(mia)
    eventually(tab.page, lambda: site.moment(session_id, "closing_at") is None)
    assert site.is_running(session_id)


@pytest.mark.requirement("I5", "F7")
def test_by_three_minutes_of_silence_after_a_crash(
    ada: AdminSite, tab: ProductTab, watcher: AdminSite, site: Site
) -> None:
    session_id = tab.session_id
    crash(tab)
    site.age(session_id, "last_seen_at", seconds=170)
    ada.page.wait_for_timeout(1500)  # the worker looks each second
    assert site.is_running(session_id)
    site.age(session_id, "last_seen_at", seconds=10)
    eventually(ada.page, lambda: not site.is_running(session_id))
    expect_one_end(watcher, session_id, "ended by itself", "not been heard of for three minutes")


def test_when_nobody_opens_it_within_a_minute(
    ada: AdminSite, watcher: AdminSite, site: Site, mia: Member
) -> None:
    ada.hand_off_address(mia)
    session_id = the_running_session(site, "ada@example.com")
    site.age(session_id, "started_at", "expires_at", seconds=60)
    eventually(ada.page, lambda: not site.is_running(session_id))
    expect_one_end(watcher, session_id, "ended by itself", "not opened within a minute")


@on_both_engines
@pytest.mark.requirement("I2")
def test_by_starting_another_one(
    ada: AdminSite, tab: ProductTab, watcher: AdminSite, site: Site
) -> None:
    session_id = tab.session_id
    sian = site.member("sian.fairweather@harbour.example")
    newer = ada.impersonate(sian).expect_open(sian)
    tab.expect_ended("Ada Lindqvist started another session.")
    assert site.is_running(newer.session_id)
    expect_one_end(watcher, session_id, "Ada Lindqvist started another one")


@on_both_engines
@pytest.mark.requirement("I3")
def test_by_any_admin_from_the_overview(
    tab: ProductTab, sign_in: SignIn, watcher: AdminSite, site: Site, mia: Member
) -> None:
    session_id = tab.session_id
    token = f"Bearer {tab.token}"
    omar = sign_in(OMAR)
    omar.overview.end("Mia Chen")
    # The very next request is refused, whatever the tab knows of it.
    headers = {"Authorization": token, "Accept": "application/json"}
    answer = omar.page.request.get(site.product_url, headers=headers)
    assert answer.status == 401
    assert "Omar Haddad ended it from the admin site." in answer.text()
    tab.expect_ended("Omar Haddad ended it from the admin site.")
    expect(omar.overview.row("Mia Chen")).to_have_count(0)
    expect_one_end(watcher, session_id, "Omar Haddad ended", "from the admin site")


@pytest.mark.requirement("I4")
def test_ending_what_has_ended_changes_nothing(
    tab: ProductTab, watcher: AdminSite, site: Site
) -> None:
    session_id = tab.session_id
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    answer = watcher.post(f"/impersonations/{session_id}/end")
    assert answer.status == 303
    watcher.overview.open()
    expect(watcher.overview.notice("The session as Mia Chen had ended already.")).to_be_visible()
    expect_one_end(watcher, session_id, "Ada Lindqvist ended", "from the banner")


@pytest.mark.requirement("A2")
@pytest.mark.parametrize("taking", ["demote", "disable"])
def test_when_the_impersonator_loses_the_right(
    taking: str, sign_in: SignIn, watcher: AdminSite, site: Site, mia: Member
) -> None:
    name = {"demote": "Dana Reyes", "disable": "Kit Larsen"}[taking]
    email = f"{name.split()[0].lower()}@example.com"
    site.add_superadmin(email, name, PASSWORD)
    leaver = sign_in(email)
    tab = leaver.impersonate(mia).expect_open(mia)
    session_id = tab.session_id
    getattr(watcher.admins, taking)(name)
    tab.expect_ended(f"{name} may no longer impersonate.")
    expect_one_end(watcher, session_id, "the admin could no longer impersonate")
    leaver.overview.open()
    leaver.sign_in_page.expect_here()


@pytest.mark.requirement("I9")
def test_when_the_account_is_switched_off(ada: AdminSite, watcher: AdminSite, site: Site) -> None:
    member = site.ordinary_members("casaibanez.example")[0]
    tab = ada.impersonate(member).expect_open(member)
    session_id = tab.session_id
    watcher.accounts.switch_impersonation_off(member.account_id)
    tab.expect_ended("The account does not allow impersonation any more.")
    expect_one_end(watcher, session_id, "the account no longer allowed impersonation")
    why = "Impersonation is off for this account"
    ada.members.open(search=member.email).expect_refused(member.name, why)


MEMBER_GONE = "The member can no longer be impersonated."
ACCOUNT_GONE = "The account does not allow impersonation any more."


# Each in an account of its own, as what was taken away stays away.
@pytest.mark.requirement("A2", "A3")
@pytest.mark.parametrize(
    ("domain", "table", "change", "sentence"),
    [
        ("littlefox.example", "members", "status = 'deactivated'", MEMBER_GONE),
        ("paperlantern.example", "members", "protected = 1", MEMBER_GONE),
        ("tbilisitea.example", "accounts", "status = 'suspended'", ACCOUNT_GONE),
        ("ninelives.example", "accounts", "support_access = 0", ACCOUNT_GONE),
    ],
)
def test_when_the_product_takes_its_ground_away(
    domain: str,
    table: str,
    change: str,
    sentence: str,
    ada: AdminSite,
    watcher: AdminSite,
    site: Site,
) -> None:
    member = site.ordinary_members(domain)[0]
    tab = ada.impersonate(member).expect_open(member)
    session_id = tab.session_id
    changed = member.id if table == "members" else member.account_id
    site.edit_letterbox(f"UPDATE {table} SET {change} WHERE id = ?", changed)
    site.sync_directory()
    tab.expect_ended(sentence)
    expect_one_end(watcher, session_id, "ended by itself", "no longer")


@pytest.mark.requirement("A3")
def test_when_the_member_becomes_an_admin(ada: AdminSite, watcher: AdminSite, site: Site) -> None:
    member = site.ordinary_members("saltmarsh.example")[0]
    tab = ada.impersonate(member).expect_open(member)
    session_id = tab.session_id
    site.add_superadmin(member.email.upper(), member.name, PASSWORD)
    tab.expect_ended(MEMBER_GONE)
    expect_one_end(watcher, session_id, "the member could no longer be impersonated")


@on_both_engines
@pytest.mark.requirement("H3")
def test_when_its_ticket_is_used_a_second_time(
    ada: AdminSite,
    new_browser: Callable[[], BrowserContext],
    watcher: AdminSite,
    mia: Member,
    watch: Watch,
) -> None:
    watch.expect(400)
    address = ada.hand_off_address(mia)
    tab = ProductTab(ada.page.context.new_page())
    tab.page.goto(address)
    tab.expect_open(mia)
    session_id = tab.session_id
    thief = ProductTab(new_browser().new_page())
    thief.page.goto(address)
    thief.expect_page("This link no longer works")
    tab.expect_ended("Its link was used a second time, so somebody else may have it.")
    expect_one_end(watcher, session_id, "its link was used a second time")
    (refusal,) = watcher.trail.events(f"action=handoff.refused&impersonation={session_id}")
    assert "a second time" in refusal


def test_a_dead_token_is_refused_whatever_is_asked_and_however(
    ada: AdminSite, tab: ProductTab, site: Site
) -> None:
    token = tab.token
    tab.banner.end()
    tab.expect_ended("Ada Lindqvist ended it from the banner.")
    headers = {"Authorization": f"Bearer {token}"}
    paths = ("/", "/no-such-page", "/sign-in", "/static/letterbox.css", "/settings")
    for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
        for method in ("GET", "POST", "PUT", "DELETE"):
            for path in paths:
                answer = ada.page.request.fetch(
                    site.product_url + path, method=method, headers={**headers, "Accept": accept}
                )
                assert (answer.status, path, method) == (401, path, method)
                assert answer.headers["content-type"].startswith(kind)
                assert "Ada Lindqvist ended it from the banner." in answer.text()


@pytest.mark.requirement("H8")
def test_an_ended_tab_stays_ended_until_the_person_moves_on(tab: ProductTab, site: Site) -> None:
    tab.follow("Templates")
    tab.expect_page("Templates")
    tab.banner.end()
    sentence = "Ada Lindqvist ended it from the banner."
    tab.expect_ended(sentence)
    tab.page.go_back()
    tab.expect_ended(sentence)
    tab.page.goto(f"{site.product_url}/templates")
    tab.expect_ended(sentence)
    tab.page.reload()
    tab.expect_ended(sentence)
    tab.page.get_by_role("link", name="Continue to sign-in").click()
    tab.expect_page("Sign in")
    MemberTab(tab.page).expect_unimpersonated()
    tab.page.go_back()
    expect(tab.banner.region).to_have_count(0)


def crash(tab: ProductTab) -> None:
    """Kill the tab's process: no page is told, nothing is sent."""
    with tab.page.expect_event("crash"), pytest.raises(Error):
        tab.page.goto("chrome://crash")


def the_running_session(site: Site, email: str) -> str:
    query = (
        "SELECT i.id FROM impersonations i JOIN admins a ON a.id = i.impersonator_id"
        " WHERE a.email = ? AND i.ended_at IS NULL"
    )
    session_id: str = site.value(query, email)
    return session_id
