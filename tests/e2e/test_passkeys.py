"""Passkeys in a real browser: made, signed in with, and asked for inside the dialog."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.pages.admin import PASSWORD, REASON, AdminSite, Dialog
from tests.e2e.site import Member, Site

PAT = "pat@example.com"
NewBrowser = Callable[..., BrowserContext]


def give_authenticator(page: Page) -> None:
    """Put an authenticator into the computer, whose finger is always on it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def let_the_proof_grow_old(site: Site) -> None:
    change = "UPDATE sign_ins SET verified_at = verified_at - ? WHERE id = ?"
    site.edit(change, 11 * 60 * 1_000_000, site.sign_in_of(PAT))


@pytest.fixture
def pat(site: Site, new_browser: NewBrowser) -> AdminSite:
    """A superadmin with a passkey, and no other admin's stories in the way."""
    if not site.ask("SELECT id FROM admins WHERE email = ?", PAT):
        site.add_superadmin(PAT, "Pat Quill", PASSWORD)
    else:
        site.flask("admins", "reset-factors", PAT)
    admin = AdminSite(new_browser().new_page(), site.admin_url).sign_in(PAT)
    give_authenticator(admin.page)
    admin.go("/settings/security")
    admin.page.get_by_role("link", name="Add a passkey").click()
    admin.page.get_by_label("Name", exact=True).fill("Laptop")
    admin.page.get_by_role("button", name="Make the passkey").click()
    expect(admin.page.get_by_role("heading", name="Your recovery codes", level=1)).to_be_visible()
    return admin


@pytest.mark.requirement("S8")
def test_a_passkey_signs_in_without_a_password(pat: AdminSite) -> None:
    with pat.page.expect_download() as download:
        pat.page.get_by_role("button", name="Download as text").click()
    codes = download.value.path().read_text(encoding="utf-8").split()
    assert len(set(codes)) == 10
    pat.go("/")
    pat.sign_out()
    pat.page.get_by_role("button", name="Use a passkey").click()
    expect(pat.page).to_have_title("Overview · Understudy")
    newest, *_ = pat.trail.events("action=sign_in.succeeded")
    assert newest == "Pat Quill signed in from 127.0.0.1 with a passkey."


@pytest.mark.requirement("S9")
def test_the_dialog_asks_for_it_and_keeps_what_was_typed(
    pat: AdminSite, site: Site, mia: Member
) -> None:
    let_the_proof_grow_old(site)
    dialog = pat.members.open(search=mia.email).ask_to_impersonate(mia.name)
    dialog.reason.fill(REASON)
    dialog.box.get_by_role("button", name="Use a passkey").click()
    start_once_proved(pat, dialog, mia)


def start_once_proved(pat: AdminSite, dialog: Dialog, mia: Member) -> None:
    """Where the proof took no time the tab opens by itself, else by OK."""
    with pat.page.context.expect_page() as opened:
        expect(dialog.box.get_by_role("group", name="Confirm that it is you")).to_have_count(0)
        if dialog.box.is_visible() and dialog.ok.is_enabled():
            expect(dialog.reason).to_have_value(REASON)
            dialog.ok.click()
    tab = opened.value
    expect(tab.get_by_role("region", name="Impersonation")).to_contain_text(mia.name)
