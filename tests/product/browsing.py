"""A browser for tests that reads every page it gets, and complains like a careful colleague."""

import re
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.kit.impersonation import Impersonation
from tests.product.cast import PASSWORD

OWN_URL = "http://127.0.0.1:8001"
PROTECTION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# All of it but the script's nonce, which is a fresh one each time.
POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types understudy",
}
VOID = {"br", "hr", "img", "input", "link", "meta", "path"}


class Page(HTMLParser):
    """What a test wants to know about a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.text = " ".join("".join(text for _, text in self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._texts.append((">".join(self._open), data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def words_in(self, tag: str) -> str:
        """The text inside the elements of that name."""
        found = "".join(text for place, text in self._texts if tag in place.split(">"))
        return " ".join(found.split())

    def value_of(self, name: str) -> str | None:
        fields = [each for each in self.all("input") if each.get("name") == name]
        return fields[0].get("value") if fields else None


class Browser:
    """One browser. With an impersonation it is support's tab, where no cookie counts."""

    def __init__(self, app: Flask, impersonation: Impersonation | None = None) -> None:
        self._client = app.test_client()
        self._environ: dict[str, Any] = {}
        if impersonation:
            self._environ["impersonation"] = impersonation
        self.response: TestResponse
        self.page: Page

    def get(self, path: str, *, status: int = 200, **headers: str) -> Page:
        return self._ask("GET", path, status, headers=headers)

    def post(
        self,
        path: str,
        *,
        status: int = 303,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> Page:
        """Submit a form of the page at hand, and follow where it leads."""
        token = self.page.value_of("csrf_token") if hasattr(self, "page") else None
        data = fields | ({"csrf_token": token} if token and "csrf_token" not in fields else {})
        sent = {"Sec-Fetch-Site": "same-origin"} if headers is None else headers
        page = self._ask("POST", path, status, headers=sent, data=data)
        return self.get(self.response.headers["Location"]) if status == 303 else page

    def sign_in(self, email: str, password: str = PASSWORD) -> "Browser":
        self.get("/sign-in")
        self.post("/sign-in", email=email, password=password)
        return self

    def has_cookie(self) -> bool:
        return self._client.get_cookie("letterbox", domain="127.0.0.1") is not None

    def copy_cookie_to(self, other: "Browser") -> None:
        cookie = self._client.get_cookie("letterbox", domain="127.0.0.1")
        assert cookie is not None
        other._client.set_cookie("letterbox", cookie.value, domain="127.0.0.1")

    def fetch(self, path: str) -> TestResponse:
        """Something that is not a page, such as a style sheet."""
        return self._client.get(path, base_url=OWN_URL, buffered=True)

    def _ask(self, method: str, path: str, status: int, **more: Any) -> Page:
        self.response = self._client.open(
            path,
            method=method,
            base_url=OWN_URL,
            environ_overrides=self._environ,
            **more,
        )
        assert self.response.status_code == status, self.response.get_data(as_text=True)
        check_headers(self.response)
        self.page = Page(self.response.get_data(as_text=True))
        if self.response.mimetype == "text/html" and not 300 <= status < 400:
            check_page(self.page, self.response)
        return self.page


def check_headers(response: TestResponse) -> None:
    """Every page carries these, whatever its status (W1, W3, W7)."""
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([\w-]{20,})'", policy)
    assert nonce
    assert set(policy.split("; ")) == {*POLICY, f"script-src 'nonce-{nonce[1]}'"}
    assert PROTECTION.items() <= dict(response.headers).items()
    assert response.headers["Cache-Control"] == "no-store"
    assert {"Authorization", "Cookie"} <= set(response.vary)
    assert "Access-Control-Allow-Origin" not in response.headers


def check_page(page: Page, response: TestResponse) -> None:
    title, heading = page.words_in("title"), page.words_in("h1")
    assert len(page.all("h1")) == 1, "a page has one h1"
    assert title == f"{heading} · Letterbox", f"the title {title!r} begins with the h1 {heading!r}"
    _check_ids_and_labels(page)
    _check_scripts_and_styles(page, response)


def _check_ids_and_labels(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)), f"ids are unique: {ids}"
    labels = {label.get("for") for label in page.all("label")}
    fields = [each for each in page.all("input") if each.get("type") != "hidden"]
    for each in fields + page.all("textarea"):
        assert each.get("id") in labels, f"{each} has a label"
    for form in page.all("form"):
        assert form.get("action"), "a form says where it goes"


def _check_scripts_and_styles(page: Page, response: TestResponse) -> None:
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    tags = [tag for tag, _ in page.elements]
    assert tags[tags.index("head") + 1] == "script", "the kit's script is first in the head"
    (script,) = page.all("script")
    assert (script.get("src") or "").startswith("/impersonation/assets/impersonation")
    assert script.get("nonce") == nonce[1]
    assert not page.all("style")
    for tag, attributes in page.elements:
        inline = [name for name in attributes if name == "style" or name.startswith("on")]
        assert not inline, f"<{tag}> has no inline {inline}"
