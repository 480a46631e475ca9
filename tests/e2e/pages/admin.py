"""The admin site in the words of those who work with it."""

import re
import secrets
from http import HTTPStatus
from typing import Self

from playwright.sync_api import APIResponse, Locator, Page, expect

from tests.e2e.pages.product import ProductTab
from tests.e2e.site import Member

PASSWORD = "understudy-demo"
ADA, CY, OMAR = "ada@example.com", "cy@example.com", "omar@example.com"
REASON = "Her order confirmation shows the wrong logo"


class AdminSite:
    """One admin's tab of the admin site, and the pages one can turn to in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.sign_in_page = SignInPage(page, url)
        self.overview = Overview(page, url)
        self.members = MembersPage(page, url)
        self.accounts = AccountsPage(page, url)
        self.trail = TrailPage(page, url)
        self.session = SessionPage(page, url)
        self.admins = AdminsPage(page, url)

    def sign_in(self, email: str) -> Self:
        self.sign_in_page.open().sign_in(email)
        expect(self.page).to_have_title("Overview · Understudy")
        self.page.wait_for_load_state()
        return self

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        self.sign_in_page.expect_here()

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def impersonate(self, member: Member) -> ProductTab:
        """The shortest way: search, press the button, answer the dialog."""
        return self.members.open(search=member.email).impersonate(member.name)

    def post(self, path: str, **fields: str) -> APIResponse:
        """Send a form past the pages, with this admin's cookie and a CSRF token that is good."""
        token = self.page.locator('meta[name="csrf-token"]').get_attribute("content")
        assert token
        form: dict[str, str | float | bool] = {"csrf_token": token, **fields}
        return self.page.request.post(f"{self.url}{path}", form=form, max_redirects=0)

    def forge_start(self, member: Member) -> APIResponse:
        """Start a session past the pages, which may not even have offered it."""
        form_key = secrets.token_urlsafe(32)
        path = f"/members/{member.id}/impersonations"
        return self.post(path, reason=REASON, ticket_url="", form_key=form_key)

    def hand_off_address(self, member: Member) -> str:
        """Start a session and return the address of its new tab, which nobody has opened yet."""
        answer = self.forge_start(member)
        assert answer.status == HTTPStatus.SEE_OTHER, answer.text()
        return answer.headers["location"]


class AdminPage:
    """What all pages of the admin site have in common."""

    path = "/"

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self) -> Self:
        self.page.goto(self.url + self.path)
        return self

    def notice(self, text: str) -> Locator:
        return self.page.locator("#notices").get_by_text(text)


class SignInPage(AdminPage):
    path = "/sign-in"

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def expect_here(self) -> None:
        expect(self.page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


class Dialog:
    """The one <dialog> of the admin site, while it is open."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.get_by_role("dialog")
        self.reason = self.box.get_by_label("Reason")
        self.ticket_link = self.box.get_by_label("Ticket link")
        self.ok = self.box.get_by_role("button", name="OK")
        self.cancel = self.box.get_by_role("button", name="Cancel")

    def expect_heading(self, *words: str) -> Self:
        heading = self.box.get_by_role("heading", level=2)
        for text in words:
            expect(heading).to_contain_text(text)
        return self

    def answer(self, button: str) -> None:
        self.box.get_by_role("button", name=button).click()

    def answer_ok(self, *, reason: str = REASON, ticket_link: str = "") -> ProductTab:
        """Say why and press OK; return the tab that opens."""
        self.reason.fill(reason)
        self.ticket_link.fill(ticket_link)
        with self.page.context.expect_page() as opened:
            self.ok.click()
        return ProductTab(opened.value)


class MembersPage(AdminPage):
    """A list of members: of everybody, or of one account."""

    path = "/members"

    def open(self, *, search: str = "") -> Self:
        self.page.goto(f"{self.url}{self.path}?q={search}")
        return self

    def search(self, text: str) -> None:
        self.page.get_by_role("search", name="Search members").get_by_role("searchbox").fill(text)

    def row(self, name: str) -> Locator:
        cells = self.page.get_by_role("link", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=cells)

    def impersonate_button(self, name: str) -> Locator:
        return self.row(name).get_by_role("button", name="Impersonate")

    def ask_to_impersonate(self, name: str) -> Dialog:
        self.impersonate_button(name).click()
        return Dialog(self.page).expect_heading(name)

    def impersonate(self, name: str, *, reason: str = REASON, ticket_link: str = "") -> ProductTab:
        dialog = self.ask_to_impersonate(name)
        return dialog.answer_ok(reason=reason, ticket_link=ticket_link)

    def expect_refused(self, name: str, why: str) -> None:
        """The button is there, cannot be pressed, and says why to eyes and ears."""
        button = self.impersonate_button(name)
        expect(button).to_be_visible()
        expect(button).to_be_disabled()
        expect(button).to_have_accessible_description(why)
        expect(self.row(name)).to_contain_text(why)


class AccountsPage(AdminPage):
    path = "/accounts"

    def find(self, name: str) -> MembersPage:
        """Search for the account and open it: its first tab lists its members."""
        self.page.get_by_role("search", name="Search accounts").get_by_role("searchbox").fill(name)
        self.page.get_by_role("link", name=name, exact=True).click()
        tab = self.page.get_by_role("navigation", name="Account").get_by_role(
            "link", name="Members"
        )
        expect(tab).to_have_attribute("aria-current", "page")
        return MembersPage(self.page, self.url)

    def switch_impersonation_off(self, account_id: str) -> None:
        self.page.goto(f"{self.url}/accounts/{account_id}/settings")
        self.page.get_by_role("button", name="Switch impersonation off").click()
        Dialog(self.page).answer("Switch off")
        expect(self.notice("Impersonation is off in this account")).to_be_visible()


class Overview(AdminPage):
    """The first page, with the table that is always current."""

    @property
    def active_sessions(self) -> Locator:
        return self.page.get_by_role("region", name="Active Impersonation Sessions")

    def row(self, name: str) -> Locator:
        return self.active_sessions.get_by_role("row").filter(has_text=name)

    def ask_to_end(self, name: str) -> Locator:
        self.row(name).get_by_role("button", name="End").click()
        dialog = Dialog(self.page).expect_heading("End this session?")
        return dialog.box.get_by_role("button", name="End session")

    def end(self, name: str) -> None:
        """End the session with that member, and answer the one question."""
        self.ask_to_end(name).click()
        expect(self.notice(f"The session as {name} has ended.")).to_be_visible()


class SessionPage(AdminPage):
    """One session as a timeline."""

    def open_of(self, session_id: str) -> Self:
        self.page.goto(f"{self.url}/impersonations/{session_id}")
        return self

    @property
    def facts(self) -> Locator:
        return self.page.get_by_role("region", name="Session")

    def timeline(self) -> list[str]:
        """What happened, the oldest first, each as one line of words."""
        items = self.page.get_by_role("region", name="Timeline").get_by_role("listitem")
        return [" ".join(text.split()) for text in items.all_inner_texts()]


class TrailPage(AdminPage):
    """The audit trail."""

    path = "/audit"

    def end_events(self, session_id: str) -> list[str]:
        """The end events of one session, each as one line of words."""
        return self.events(f"action=impersonation.ended&impersonation={session_id}")

    def events(self, query: str) -> list[str]:
        """What fits the query, the newest first, each as its sentence."""
        self.page.goto(f"{self.url}/audit?{query}")
        return [" ".join(text.split()) for text in self.sentences.all_inner_texts()]

    @property
    def sentences(self) -> Locator:
        return self.page.get_by_role("region", name="Events").locator(".event__sentence")


class AdminsPage(AdminPage):
    path = "/admins"

    def choose(self, name: str) -> None:
        self.open()
        self.page.get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_role("heading", name=name, level=1)).to_be_visible()

    def demote(self, name: str) -> None:
        self._press(name, "Make an ordinary admin", "Change role", re.compile("is admin now"))

    def disable(self, name: str) -> None:
        self._press(name, "Disable", "Disable", re.compile("has been shut out"))

    def _press(self, name: str, button: str, answer: str, outcome: re.Pattern[str]) -> None:
        self.choose(name)
        self.page.get_by_role("button", name=button).click()
        Dialog(self.page).expect_heading(name).answer(answer)
        expect(self.page.locator("#notices").get_by_text(outcome)).to_be_visible()
