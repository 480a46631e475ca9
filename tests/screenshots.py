"""`make screenshots`: a picture of every page, on a desktop, on a phone and in the dark."""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.chromium import chromium_path
from tests.demo_site import PASSWORD, DemoSite, demo_site

FOLDER = Path("screenshots")
WAYS: dict[str, dict[str, object]] = {
    "desktop": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
}
ADMIN_PAGES = {
    "overview": "/",
    "accounts": "/accounts",
    "members": "/members",
    "members-search": "/members?q=chen",
    "members-none": "/members?q=nobody+of+this+name",
    "impersonations": "/impersonations",
    "audit": "/audit",
    "audit-filtered": "/audit?account=harbour&action=impersonation.started",
    "audit-wrong": "/audit?subject=chen&since=tomorrow",
    "archives": "/audit/archives",
    "admins": "/admins",
    "admins-new": "/admins/new",
    "settings": "/settings/security",
    "factors-app": "/settings/security/apps/new",
    "factors-passkey": "/settings/security/passkeys/new",
    "password": "/settings/security/password/new",
    "api-keys": "/settings/api-keys",
    "api-keys-new": "/settings/api-keys/new",
    "signing-keys": "/settings/signing-keys",
    "not-found": "/nothing-here",
}
PRODUCT_PAGES = {
    "dashboard": "/",
    "templates": "/templates",
    "templates-new": "/templates/new",
    "activity": "/activity",
    "settings": "/settings",
    "not-found": "/nothing-here",
}


def main() -> None:
    """Take them all."""
    with demo_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path())
        for way, options in WAYS.items():
            _Photographer(browser, site, FOLDER / way, options).take_all()
            print(f"{FOLDER / way}: {len(list((FOLDER / way).iterdir()))} pictures")


@dataclass
class _Photographer:
    browser: Browser
    site: DemoSite
    folder: Path
    options: dict[str, object]

    def take_all(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        context = self.browser.new_context(**self.options)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{self.site.admin_url}/sign-in")
        self._take(page, "sign-in")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.site.admin_url}/")
        self._take_product(context, page)
        self._take_admin(page)
        context.close()

    def _take_admin(self, page: Page) -> None:
        for name, path in ADMIN_PAGES.items():
            page.goto(self.site.admin_url + path)
            self._take(page, name)
        page.goto(f"{self.site.admin_url}/accounts?q=meridian")
        page.get_by_role("link", name=re.compile("Meridian")).first.click()
        for tab in ("Members", "Sessions", "Settings"):
            page.get_by_role("navigation", name="Account").get_by_role("link", name=tab).click()
            page.wait_for_load_state()
            self._take(page, f"account-{tab.lower()}")
        page.goto(f"{self.site.admin_url}/admins")
        page.get_by_role("link", name="Cy Marlow").click()
        self._take(page, "admin")
        page.goto(f"{self.site.admin_url}/impersonations?state=ended")
        page.get_by_role("table").get_by_role("link").first.click()
        self._take(page, "impersonation")
        page.get_by_role("link", name="As plain text").click()
        self._take(page, "transcript")

    def _take_product(self, context: BrowserContext, page: Page) -> None:
        page.goto(f"{self.site.admin_url}/members?q=mia.chen")
        page.get_by_role("link", name="Mia Chen").click()
        self._take(page, "member")
        page.get_by_role("button", name="Impersonate").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("Her order confirmation shows the wrong logo")
        self._take(page, "dialog", full_page=False)
        with context.expect_page() as opened:
            dialog.get_by_role("button", name="OK").click()
        tab = opened.value
        banner = tab.get_by_role("region", name="Impersonation")
        banner.wait_for()
        for name, path in PRODUCT_PAGES.items():
            tab.goto(self.site.product_url + path)
            banner.wait_for()
            self._take(tab, f"product-{name}")
        page.goto(f"{self.site.admin_url}/")
        self._take(page, "overview-active")
        page.get_by_role("button", name="End").click()
        self._take(page, "dialog-end", full_page=False)
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        banner.get_by_role("button", name="End session").click()
        tab.get_by_role("heading", name="This session has ended").wait_for()
        self._take(tab, "product-ended")
        tab.close()

    def _take(self, page: Page, name: str, *, full_page: bool = True) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=self.folder / f"{name}.png", full_page=full_page)


if __name__ == "__main__":
    main()
