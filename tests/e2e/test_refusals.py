"""Who may not impersonate, and who may not be impersonated: said before, and enforced after."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.admin import ADA, CY, OMAR, AdminSite
from tests.e2e.site import Member, Site
from tests.e2e.watch import Watch

pytestmark = pytest.mark.requirement("A3")

SignIn = Callable[..., AdminSite]
SUPERADMIN_NEEDED = "Superadmin access required"


def test_an_admin_without_the_role_is_told_so_and_refused(
    sign_in: SignIn, site: Site, watch: Watch, mia: Member
) -> None:
    watch.expect(403)
    omar = sign_in(OMAR)
    before = site.sessions_of(mia)
    omar.members.open(search=mia.email).expect_refused(mia.name, SUPERADMIN_NEEDED)
    omar.go(f"/members/{mia.id}")
    button = omar.page.get_by_role("button", name="Impersonate")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description(SUPERADMIN_NEEDED)
    assert omar.forge_start(mia).status == 403
    omar.go(f"/members/{mia.id}/impersonations/new")
    expect(omar.page.get_by_text(f"{SUPERADMIN_NEEDED}.")).to_be_visible()
    assert site.sessions_of(mia) == before


def test_an_admin_without_the_role_may_look_on_and_end(
    sign_in: SignIn, watcher: AdminSite, mia: Member
) -> None:
    tab = watcher.impersonate(mia).expect_open(mia)
    omar = sign_in(OMAR)
    for path in ("/accounts", "/members", "/impersonations", "/admins"):
        omar.go(path)
        expect(omar.page.get_by_role("table").first).to_be_attached()
    omar.go("/audit")
    expect(omar.page.get_by_role("heading", name="Audit trail")).to_be_visible()
    omar.overview.open().end(mia.name)
    tab.expect_ended("Omar Haddad ended it from the admin site.")


# By the demo's own data; where an address alone does not say whom, the account does.
@pytest.mark.parametrize(
    ("who", "email", "why"),
    [
        (ADA, "theo.orourke@harbour.example", "This member is deactivated"),
        (ADA, "stavros.lamprakis@harbour.example", "This member has not accepted the invitation"),
        (ADA, "freya@harbour.example", "This member is protected"),
        (ADA, "imogen.macleod@quietledger.example", "Impersonation is off for this account"),
        (ADA, "%@bluebird.example", "This account is suspended"),
        (ADA, "omar@example.com", "Admins cannot be impersonated"),
        (ADA, "cy@example.com", "Admins cannot be impersonated"),
        (CY, "cy@example.com", "This is you"),
    ],
)
def test_a_refusal_is_shown_before_the_click_and_enforced_by_the_server(
    who: str, email: str, why: str, sign_in: SignIn, site: Site
) -> None:
    admin = sign_in(who)
    member = site.first_member(email)
    admin.members.open(search=member.email).expect_refused(member.name, why)
    before = site.value("SELECT max(id) FROM audit_events")
    answer = admin.forge_start(member)
    assert answer.status == 403
    assert why in answer.text()
    assert site.sessions_of(member) == 0
    new_events = site.ask(
        "SELECT action, outcome, a.email, subject_id FROM audit_events e"
        " LEFT JOIN admins a ON a.id = e.actor_id WHERE e.id > ?",
        before,
    )
    assert new_events == [("impersonation.refused", "refused", who, member.id)]


def test_the_server_decides_again_when_ok_is_pressed(
    sign_in: SignIn, site: Site, watch: Watch
) -> None:
    watch.expect(403)
    member = site.ordinary_members("atlasbikes.example")[0]
    before = site.sessions_of(member)
    ada = sign_in(ADA)
    dialog = ada.members.open(search=member.email).ask_to_impersonate(member.name)
    site.edit("UPDATE members SET protected = true WHERE id = ?", member.id)
    tab = dialog.answer_ok()
    expect(tab.page.get_by_text("This member is protected")).to_be_visible()
    assert tab.page.url.startswith(site.admin_url)
    assert site.sessions_of(member) == before
