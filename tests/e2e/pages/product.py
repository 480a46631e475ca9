"""Letterbox as people see it: a member in an ordinary tab, a superadmin in an impersonated one."""

import base64
import json
import re
from typing import Any, Self

from playwright.sync_api import APIResponse, Locator, Page, expect

from tests.e2e.site import Member

PASSWORD = "understudy-demo"
TOKEN = "impersonation.token"
A_TIME = re.compile(r"^(20:00|[01]\d:[0-5]\d)$")
MARKED = re.compile("^● ")
# What a click on the middle of the window's top edge would hit, and what comes first in the body.
ON_TOP = """() => [document.elementFromPoint(innerWidth / 2, 4), document.body.firstElementChild]
    .map(one => one.getAttribute("aria-label"))"""
LOOK = """one => (({ position, backgroundColor, color }) => [position, backgroundColor, color])(
    getComputedStyle(one))"""


class Letterbox:
    """Any tab that shows Letterbox."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.banner = ImpersonationBanner(page)

    def expect_page(self, heading: str) -> Self:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        return self

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()

    def expect_signed_in_as(self, member: Member) -> None:
        """The page belongs to this member, and says so in its own frame."""
        frame = self.page.locator(".sidebar")
        expect(frame).to_contain_text(member.email)
        expect(frame).to_contain_text(member.account)


class MemberTab(Letterbox):
    """A tab of a member who signed in to Letterbox by themselves."""

    def sign_in(self, product_url: str, email: str) -> Self:
        self.page.goto(f"{product_url}/sign-in")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        return self.expect_page("Dashboard")

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        self.expect_page("Sign in")

    def expect_unimpersonated(self) -> None:
        """Nothing of an impersonation is here: no banner, no mark, no token, no script at work."""
        expect(self.banner.region).to_have_count(0)
        expect(self.page).not_to_have_title("●")
        assert self.page.evaluate("Object.keys(sessionStorage)") == []
        assert "native code" in self.page.evaluate("String(fetch)")


class ProductTab(Letterbox):
    """The tab of an impersonation session."""

    def expect_open(self, member: Member) -> Self:
        """The session runs: the member's dashboard under the banner, and nothing in the address."""
        self.expect_page("Dashboard")
        self.expect_signed_in_as(member)
        self.banner.expect_for(member)
        return self

    @property
    def token(self) -> str:
        token: str = self.page.evaluate(f"sessionStorage.getItem('{TOKEN}')")
        return token

    @property
    def claims(self) -> dict[str, Any]:
        payload = self.token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return claims

    @property
    def session_id(self) -> str:
        """The id of the impersonation session, as its token says."""
        return str(self.claims["sid"])

    def expect_ended(self, sentence: str) -> None:
        """The tab shows, without a click, that and why the session has ended, and keeps nothing."""
        self.expect_page("This session has ended")
        expect(self.page.get_by_text(sentence)).to_be_visible()
        expect(self.banner.region).to_have_count(0)
        assert self.page.evaluate(f"sessionStorage.getItem('{TOKEN}')") is None

    def ask_with_token(self, url: str, *, method: str = "GET", **headers: str) -> APIResponse:
        """Ask the product with this tab's token, past the page and its script."""
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.page.request.fetch(url, method=method, headers=sent, max_redirects=0)

    def close(self) -> None:
        """Close the tab as a person does: the page hears of it."""
        self.page.close(run_before_unload=True)


class ImpersonationBanner:
    """The red banner on top of every page of an impersonated tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.region: Locator = page.get_by_role("region", name="Impersonation")
        self.time_left = self.region.get_by_role("timer")
        self.end_button = self.region.get_by_role("button", name="End session")

    def expect_for(self, member: Member) -> None:
        expect(self.region).to_contain_text(member.name)
        expect(self.region).to_contain_text(member.email)
        expect(self.region).to_contain_text(member.account)
        expect(self.time_left).to_have_text(A_TIME)
        self.expect_on_top()

    def expect_on_top(self) -> None:
        """It is the first thing of the page, seen in full, and nothing lies over it."""
        expect(self.region).to_be_in_viewport(ratio=1)
        expect(self.end_button).to_be_visible()
        expect(self.page).to_have_title(MARKED)
        assert self.page.evaluate(ON_TOP) == ["Impersonation", "Impersonation"]
        assert self.region.evaluate(LOOK) == ["sticky", "rgb(179, 0, 27)", "rgb(255, 255, 255)"]

    def end(self) -> None:
        self.end_button.click()
