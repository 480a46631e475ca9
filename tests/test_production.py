"""What the processes print and show in production: one line a record, and no secrets, no people."""

import json
import re

import pytest

from tests.production_site import PRODUCT, ProductionSite, production_site

SECRETS = {
    "UNDERSTUDY_SECRET_KEY": "canary-1-of-the-cookies-0123456789abcdef",
    "UNDERSTUDY_AUDIT_WEBHOOK_SECRET": "whsec_Y2FuYXJ5LTItb2YtdGhlLXdlYmhvb2stMDEyMzQ=",
    "UNDERSTUDY_AUDIT_WEBHOOK_URL": "https://127.0.0.1:9/canary-3-in-the-path",
    "UNDERSTUDY_ALERT_WEBHOOK_SECRET": "whsec_Y2FuYXJ5LTItb2YtdGhlLWFsZXJ0cy0wMTIzNDU2Nzg=",
    "UNDERSTUDY_ALERT_WEBHOOK_URL": "https://127.0.0.1:9/canary-3-of-the-alerts",
    "UNDERSTUDY_OIDC_ISSUER": "https://127.0.0.1:9",
    "UNDERSTUDY_OIDC_CLIENT_ID": "understudy",
    "UNDERSTUDY_OIDC_CLIENT_SECRET": "canary-12-of-the-company",
    "LETTERBOX_SECRET_KEY": "canary-4-of-letterbox-0123456789abcdef",
    "LETTERBOX_API_KEY": "canary-5-of-letterbox-0123456789abcdef",
}
PASSWORD = "canary-6-typed-as-a-password"
TOKEN = "eyJhbGciOiJFZERTQSJ9.canary-7.signature"
TICKET = "canary-8-of-a-ticket"
PERSON = "canary-9@harbour.example"
# As they are, and as they could be printed.
CANARIES = re.compile(r"(?i)canary|Y2FuYXJ5|eyJhbGci|harbour\.example|understudy_secret")
# What gunicorn lets pass: a line end of Unicode, and one that turns the writing around.
HOSTILE = "Mozilla \u2028\u202e canary-10"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ProductionSite:
    """A site that has been asked all sorts of things, and runs no more."""
    site = production_site(tmp_path_factory.mktemp("production"), **SECRETS)
    key = site.flask("api-keys", "create", "canary-11").strip()
    with site.running():
        ask_all_sorts_of_things(site, key)
        (site.folder / "metrics.txt").write_text(site.metrics(), encoding="utf-8")
        break_the_database(site, key)
    (site.folder / "key.txt").write_text(key, encoding="utf-8")
    return site


def ask_all_sorts_of_things(site: ProductionSite, key: str) -> None:
    page = site.ask("/sign-in", headers={"User-Agent": "canary"})
    token, *_ = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    typed = f"csrf_token={token}&email={PERSON}&password={PASSWORD}"
    failed = site.ask("/sign-in", body=typed, headers=form | {"Cookie": cookie})
    assert failed.status == 401
    with_key = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for path, body in (
        (f"/members?q={PERSON}", ""),
        (f"/{PERSON}%0a%1b%5b31m", ""),
        ("/api/v1/handoffs/redemptions", json.dumps({"ticket": TICKET, "user_agent": "x"})),
        ("/api/v1/impersonations/presences", json.dumps({"token": TOKEN})),
        ("/api/v1/handoffs/redemptions", '{"ticket": "' + TICKET),
    ):
        site.ask(
            path, body=body, headers=with_key | {"User-Agent": HOSTILE.encode().decode("latin1")}
        )
    site.ask("/", headers={"Host": PERSON})
    for path in ("/", f"/templates?q={PERSON}", f"/no/such/{PERSON}"):
        site.ask(path, host=PRODUCT, headers={"Authorization": f"Bearer {TOKEN}"})
        site.ask(path, host=PRODUCT)


def break_the_database(site: ProductionSite, key: str) -> None:
    (site.folder / "var/understudy.db").rename(site.folder / "var/gone.db")
    body, headers = (
        json.dumps({"ticket": TICKET, "user_agent": "x"}),
        {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
        },
    )
    answer = site.ask("/api/v1/handoffs/redemptions", body=body, headers=headers)
    assert answer.status == 503


@pytest.mark.requirement("X4", "L2")
def test_each_line_is_one_record_with_its_request(site: ProductionSite) -> None:
    records = [json.loads(line) for line in site.printed.splitlines()]
    assert {record["process"] for record in records} == {"gunicorn", "site", "worker", "product"}
    requests = [record for record in records if record["logger"].endswith(".requests")]
    assert all(re.fullmatch("[0-9a-f]{32}", record["request_id"]) for record in requests)
    assert site.printed.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", site.printed)


@pytest.mark.requirement("K4", "H1")
@pytest.mark.failure("X26")
def test_nothing_that_is_printed_is_a_secret_or_a_person(site: ProductionSite) -> None:
    assert "/api/v1/handoffs/redemptions 503" in site.printed
    assert not CANARIES.findall(site.printed)
    assert (site.folder / "key.txt").read_text(encoding="utf-8") not in site.printed


@pytest.mark.requirement("K4", "L12")
def test_no_secret_is_in_what_is_kept_either(site: ProductionSite) -> None:
    """Copies and checkpoints hold no secret, and no key; the database is seen by its own tests."""
    kept = [path for path in (site.folder / "var").glob("*.*") if path.suffix in (".log", ".txt")]
    keys = [path.read_text().split("\n")[1] for path in site.folder.glob("var/*.pem")]
    assert kept
    assert keys
    for path in kept:
        text = path.read_text(encoding="utf-8")
        assert not set(re.findall("(?i)canary-[0-9]+", text)) - {"canary-9", "canary-11"}
        assert not any(key in text for key in [*keys, "Y2FuYXJ5"])


@pytest.mark.requirement("D5", "K4")
def test_figures_are_about_nobody(site: ProductionSite) -> None:
    shown = (site.folder / "metrics.txt").read_text(encoding="utf-8")
    assert not CANARIES.findall(shown)
    assert 'understudy_events_total{action="sign_in.failed",outcome="refused"} 1.0' in shown
    counted = 'understudy_requests_total{method="POST",route="/sign-in",status="401"} 1.0'
    assert counted in shown
    assert "understudy_active_sessions 0.0" in shown
