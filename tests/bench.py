"""`make bench`: how long the main things take on the demo's data, over loopback.

Each figure is a whole request: connection kept alive, one caller, the real servers. Nothing
passes or fails here; the bounds are printed beside the figures.
"""

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import urllib3

from tests.demo_site import PASSWORD, DemoSite, demo_site

RUNS = 200
WARM_UP = 20


@dataclass
class AdminSession:
    """A signed-in superadmin, as a program."""

    site: DemoSite
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))
    cookie: str = ""

    def get(self, path: str) -> str:
        """Return the page at `path`."""
        return self._send("GET", path).data.decode()

    def post(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """Send a form to `path`, with the token that its page carries."""
        return self._send("POST", path, body=urlencode(fields))

    def sign_in(self, email: str) -> None:
        """Sign in with the demo's password."""
        page = self.get("/sign-in")
        self.post("/sign-in", email=email, password=PASSWORD, next="", csrf_token=token(page))

    def _send(self, method: str, path: str, body: str | None = None) -> urllib3.BaseHTTPResponse:
        response = self.http.request(
            method,
            self.site.admin_url + path,
            body=body,
            headers={
                "Cookie": self.cookie,
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            redirect=False,
        )
        if response.status >= 400:
            raise RuntimeError(f"{method} {path} was answered {response.status}")
        if "Set-Cookie" in response.headers:
            self.cookie = response.headers["Set-Cookie"].split(";")[0]
        return response


def token(page: str) -> str:
    """Return the CSRF token of a page."""
    return _found(r'name="csrf_token" value="([^"]+)"', page)


def main() -> None:
    """Measure and print."""
    with demo_site() as site:
        session = AdminSession(site)
        session.sign_in("ada@example.com")
        members = session.get("/members?q=mia.chen")
        member = _found(r"/members/([0-9a-f-]{36})/impersonations/new", members)
        account = _found(r"/accounts/([0-9a-f-]{36})", members)
        print(f"{'milliseconds':28}{'median':>8}{'p95':>8}{'p99':>8}   bound")
        measure("overview", lambda: session.get("/"), bound="20")
        measure("account page", lambda: session.get(f"/accounts/{account}"), bound="20")
        measure("member search", lambda: session.get("/members?q=mia"), bound="20")
        measure("audit page", lambda: session.get("/audit"))
        start = Start(session, member)
        measure("starting a session", start, before=start.load_form, bound="30")
        token_ = redeem(site, start.ticket)
        kit = _Kit(site)
        measure("the kit's call", lambda: kit.record(token_), bound="10")


@dataclass
class Start:
    """Starting a session, each time with a form of its own, as a person would."""

    session: AdminSession
    member: str
    form: dict[str, str] = field(default_factory=dict)
    ticket: str = ""

    def load_form(self) -> None:
        """Ask for the question, which is not measured."""
        page = self.session.get(f"/members/{self.member}/impersonations/new")
        key = _found(r'name="form_key"[^>]* value="([^"]+)"', page)
        self.form = {"csrf_token": token(page), "form_key": key, "reason": "benchmark"}

    def __call__(self) -> None:
        path = f"/members/{self.member}/impersonations"
        location = self.session.post(path, ticket_url="", **self.form).headers["Location"]
        self.ticket = location.partition("#ticket=")[2]


class _Kit:
    def __init__(self, site: DemoSite) -> None:
        key = (site.folder / "var/letterbox.key").read_text(encoding="utf-8").strip()
        self._headers = {"Authorization": f"Bearer {key}"}
        self._http = urllib3.PoolManager(retries=False)
        self._url = site.admin_url + "/api/v1/"

    def call(self, path: str, /, **body: str) -> dict[str, str]:
        response = self._http.request("POST", self._url + path, json=body, headers=self._headers)
        if response.status >= 400:
            raise RuntimeError(f"{path} was answered {response.status}")
        answer: dict[str, str] = response.json()
        return answer

    def record(self, token: str) -> None:
        self.call("impersonations/actions", token=token, method="GET", path="/templates")


def redeem(site: DemoSite, ticket: str) -> str:
    """Return the token that the ticket is exchanged for."""
    return _Kit(site).call("handoffs/redemptions", ticket=ticket)["token"]


def measure(
    name: str,
    what: Callable[[], object],
    *,
    before: Callable[[], None] = lambda: None,
    bound: str = "",
) -> None:
    """Call `what` again and again and print how long it took; `before` is not counted."""
    took = []
    for run in range(WARM_UP + RUNS):
        before()
        began = time.perf_counter()
        what()
        if run >= WARM_UP:
            took.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(took, n=100)
    print(f"{name:28}{statistics.median(took):8.1f}{cuts[94]:8.1f}{cuts[98]:8.1f}   {bound}")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"the page has no {pattern}")
    return found[1]


if __name__ == "__main__":
    main()
