"""A client that reads every page of the admin site, and complains like a careful colleague."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "path", "use", "wbr"})
FROM_HERE = {"Sec-Fetch-Site": "same-origin"}
HTMX = {**FROM_HERE, "HX-Request": "true"}

Attributes = dict[str, str | None]


@dataclass
class Element:
    """A tag with its attributes, its text, and what it stands in."""

    tag: str
    attributes: Attributes
    inside: "Element | None"
    text: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())

    def is_in(self, other: "Element") -> bool:
        return self.inside is not None and (self.inside is other or self.inside.is_in(other))

    @property
    def is_dormant(self) -> bool:
        """Whether it stands in a <template>, which a page does not show."""
        above = self.inside
        return above is not None and (above.tag == "template" or above.is_dormant)

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name) or ""


class Page(HTMLParser):
    """What a test wants to know about a page or a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._all_text: list[str] = []
        self.feed(html)

    @property
    def words(self) -> str:
        return " ".join("".join(self._all_text).split())

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """Return the elements of these tags with these attributes ("name_" for "name")."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag in tags
            and not element.is_dormant
            and all(element.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, *tags: str, **attributes: str) -> Element:
        """Return the only such element."""
        found = self.all(*tags, **attributes)
        assert len(found) == 1, f"there are {len(found)} of {tags} {attributes}"
        return found[0]

    def form(self, action: str) -> dict[str, str]:
        """Return what the form that goes there holds: its fields by name."""
        form = self.one("form", action=action)
        fields = [field for field in self.all("input") if field.is_in(form) and field["name"]]
        # A browser sends no box that is not checked.
        sent = [
            field
            for field in fields
            if field["type"] != "checkbox" or "checked" in field.attributes
        ]
        return {field["name"]: field["value"] for field in sent}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._all_text.append(data)
        for element in self._open:
            element.text.append(data)


class Browser:
    """Somebody at the admin site."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.response: TestResponse
        self.page: Page

    def get(self, path: str, *, status: int = 200, headers: Mapping[str, str] = FROM_HERE) -> Page:
        return self._ask("GET", path, status, headers=headers)

    def fragment(self, path: str, *, status: int = 200, version: str = "") -> Page:
        """Ask as htmx does."""
        return self.get(path, status=status, headers={**HTMX, "If-None-Match": version})

    def submit(self, action: str, /, *, status: int = 303, **fields: str) -> Self:
        """Send the form of the page at hand that goes to `action`, with these fields filled in."""
        data = self.page.form(action) | fields
        self._ask("POST", action, status, headers=FROM_HERE, data=data)
        return self

    def follow(self) -> Page:
        """Go where the last answer leads."""
        return self.get(self.response.headers["Location"])

    def _ask(self, method: str, path: str, status: int, **more: Any) -> Page:
        self.response = self.client.open(path, method=method, **more)
        text = self.response.get_data(as_text=True)
        assert self.response.status_code == status, text[-3000:]
        check_headers(self.response)
        self.page = Page(text)
        if self.response.mimetype == "text/html" and text and not 300 <= status < 400:
            check_markup(self.page, self.response)
            if "HX-Request" not in more.get("headers", {}):
                check_page(self.page)
        return self.page


def nonce_of(response: TestResponse) -> str:
    """Return the nonce that the answer's policy names."""
    found = re.search(r"script-src 'nonce-([\w-]{20,})';", policy_of(response))
    assert found, policy_of(response)
    return found[1]


def policy_of(response: TestResponse) -> str:
    return response.headers.get("Content-Security-Policy", "")


def check_headers(response: TestResponse) -> None:
    """Every answer carries these, whatever its status (W1, W3)."""
    headers = response.headers
    directives = dict(part.strip().partition(" ")[::2] for part in policy_of(response).split(";"))
    script = directives.pop("script-src")
    assert re.fullmatch(r"'nonce-[\w-]{20,}'", script)
    assert directives == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self' http://127.0.0.1:8001",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "htmx",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert "Strict-Transport-Security" not in headers  # over plain http it means nothing
    assert "Access-Control-Allow-Origin" not in headers


def check_page(page: Page) -> None:
    """A whole page has one heading, a title that ends with ours, and places to jump to."""
    assert len(page.all("h1")) == 1, "a page has one h1"
    title = page.one("title").words
    assert title.endswith(" · Understudy"), title
    assert len(title) > len(" · Understudy"), "a page has a name"
    assert page.one("html")["lang"] == "en"
    assert page.one("main")["id"] == "main"


def check_markup(page: Page, response: TestResponse) -> None:
    """What holds for pages and for fragments."""
    _check_ids(page)
    _check_controls(page)
    _check_forms(page)
    _check_scripts(page, nonce_of(response))


def _check_ids(page: Page) -> None:
    ids = [element["id"] for element in page.elements if "id" in element.attributes]
    assert sorted(ids) == sorted(set(ids)), "ids are unique"
    for element in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "form"):
            missing = set(element[name].split()) - set(ids) - {"dialog-title"}
            assert not missing, f"<{element.tag} {name}> points to {missing}"


def _check_controls(page: Page) -> None:
    labelled = {label["for"] for label in page.all("label")}
    for control in page.all("input", "select", "textarea"):
        if control["type"] == "hidden":
            continue
        wrapped = any(control.is_in(label) for label in page.all("label"))
        assert wrapped or control["id"] in labelled, f"{control.attributes} has no label"
    for element in page.all("button", "a"):
        assert element.words or element["aria-label"], f"{element.attributes} has no name"


def _check_forms(page: Page) -> None:
    for form in page.all("form"):
        assert form["method"] in ("get", "post"), form.attributes
        assert form["action"].startswith("/"), "a form says where it goes, and stays here"
        tokens = [one for one in page.all("input", name="csrf_token") if one.is_in(form)]
        assert len(tokens) == (form["method"] == "post"), f"{form.attributes} and its CSRF token"


def _check_scripts(page: Page, nonce: str) -> None:
    for script in page.all("script"):
        assert script["nonce"] == nonce
        assert script["src"].startswith("/static/")
        assert not script.words, "no script stands in the page itself"
    assert not page.all("style")
    for element in page.elements:
        for name in element.attributes:
            assert name != "style", f"<{element.tag}> has a style of its own"
            assert not name.startswith("on"), f"<{element.tag}> has the handler {name}"
            assert not name.startswith("hx-on"), f"<{element.tag}> has the handler {name}"
        if any(name.startswith("hx-") for name in element.attributes):
            assert element["hx-nonce"] == nonce, f"<{element.tag}> carries the nonce itself"
        assert not element["href"].lower().startswith(("javascript:", "data:"))
