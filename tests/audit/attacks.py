"""Scanners of web sites against a running demo, as its superadmin and as nobody."""

import http.cookiejar
import json
import re
import subprocess
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from tests.demo_site import PASSWORD, DemoSite, demo_site

ADA = "ada@example.com"
# Where what somebody types is looked for, sorted by, filtered by, or paged through.
SEARCHES = (
    "/members?q=mia&after=1",
    "/accounts?q=harbour",
    "/impersonations?state=ended&admin=ada",
    "/audit?q=mia&action=&since=2026-01-01",
)
BROKEN = re.compile(r"^50[03] \(", re.MULTILINE)
SCAN_SECONDS, ATTACK_SECONDS = 60, 45


def sqlmap(tools: Path) -> tuple[str, str]:
    """Ask each search with everything that sqlmap knows."""
    with demo_site() as site, tempfile.TemporaryDirectory() as folder:
        cookie, said = _sign_in(site), []
        for path in SEARCHES:
            command = [tools / "sqlmap", "--batch", "--disable-coloring", "--flush-session"]
            command += ["--level=2", "--risk=2", "--threads=4", "--ignore-code=503"]
            command += [f"--output-dir={folder}"]
            command += ["-u", site.admin_url + path, f"--cookie={cookie}", "--skip=cookie"]
            said.append(_run(*command))
    text = "\n".join(said)
    # What breaks the database, or the site, has got further than it may.
    if "identified the following injection point" in text or BROKEN.search(text):
        return "FOUND SOMETHING", text
    # A page that changes by itself, as the trail does when it is read, is suspected at first.
    made = text.count("all tested parameters do not appear") == len(SEARCHES)
    return ("good" if made and "unable to connect" not in text else "COULD NOT BE MADE"), text


def wapiti(tools: Path) -> tuple[str, str]:
    """Crawl the admin site as a superadmin, and try what wapiti knows on what is found."""
    with demo_site() as site, tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [tools / "wapiti", "-u", f"{site.admin_url}/", "--no-bugreport", "-f", "json"]
        command += ["-o", report, "-H", f"Cookie: {_sign_in(site)}", "--store-session", folder]
        command += ["-m", "xss,sql,exec,file,redirect,crlf,ssrf,permanentxss,http_headers,csp"]
        command += ["-x", f"{site.admin_url}/sign-out", "--depth=4", "--timeout=5"]
        # Two thousand members have two thousand pages of one kind.
        command += ["--max-files-per-dir=4", "--max-links-per-page=60"]
        # Each kind of attack has its share; no kind may take it all.
        command += [f"--max-scan-time={SCAN_SECONDS}", f"--max-attack-time={ATTACK_SECONDS}"]
        said = _run(*command)
        if not report.exists():
            return "COULD NOT BE MADE", said
        told = json.loads(report.read_text(encoding="utf-8"))
    found = {
        kind: [one["info"] for one in several]
        for several_kinds in (told["vulnerabilities"], told["anomalies"])
        for kind, several in several_kinds.items()
        if several
    }
    crawled = told["infos"].get("crawled_pages_nbr", 0)
    if crawled < 20:
        return "COULD NOT BE MADE", f"only {crawled} pages were found\n{said}"
    return ("FOUND SOMETHING" if found else "good"), json.dumps(found, indent=2)


def _sign_in(site: DemoSite) -> str:
    """Return Ada's cookie."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = browser.open(f"{site.admin_url}/sign-in").read().decode()
    # Each form of the page carries it.
    (token,) = set(re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', page))
    form = urllib.parse.urlencode({"csrf_token": token, "email": ADA, "password": PASSWORD})
    address = f"{site.admin_url}/sign-in"
    request = urllib.request.Request(address, form.encode())  # noqa: S310
    request.add_header("Sec-Fetch-Site", "same-origin")
    assert b"Active Impersonation Sessions" in browser.open(request).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _run(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout
