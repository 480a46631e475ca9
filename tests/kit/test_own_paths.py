"""What the kit itself answers on the product's origin."""

import re

import pytest
from werkzeug.test import Client, TestResponse

from app.kit import answers, own_paths
from app.kit.pages import asset_url
from tests.kit.admin_stand_in import (
    ENDS,
    PRESENCES,
    REDEMPTIONS,
    TICKET,
    TOKEN,
    AdminStandIn,
    make_token,
)
from tests.kit.product import Product
from tests.twins import fails_without, line, value

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WITH_TOKEN = {**SAME_ORIGIN, "Authorization": f"Bearer {TOKEN}"}
OPEN = {"page_id": "page-one", "state": "open"}
CALLS = ["/impersonation/redemption", "/impersonation/presence", "/impersonation/end"]
ASSETS = ["impersonation.js", "impersonation.css", "landing.js", "ended.js", "page.css"]
# What every answer of the kit's own carries, whatever its kind and status.
PROTECTION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def redeem(browse: Client, headers: dict[str, str] | None = None) -> TestResponse:
    headers = SAME_ORIGIN if headers is None else headers
    return browse.post("/impersonation/redemption", json={"ticket": TICKET}, headers=headers)


# Pages


@pytest.mark.parametrize("path", ["/impersonation", "/impersonation/ended", "/impersonation/x"])
def test_a_page_of_the_kit_is_closed_to_everything_but_its_script(
    browse: Client, path: str
) -> None:
    answer = browse.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.requirement("W1", "W3", "W7")
@fails_without(
    value(answers, "_SAFE", [one for one in answers._SAFE if one[0] != "X-Frame-Options"]),
    value(answers, "_NO_CONTENT_POLICY", "default-src 'none'; base-uri 'none'"),
)
def test_every_answer_of_the_kit_is_closed_to_other_sites(
    admin: AdminStandIn, browse: Client
) -> None:
    admin.end()
    asked = [
        browse.get(path) for path in ("/impersonation", "/impersonation/ended", "/impersonation/x")
    ]
    asked += [browse.get(asset_url(name)) for name in ASSETS]
    asked += [browse.post(path, json=OPEN, headers=WITH_TOKEN) for path in CALLS]
    asked += [browse.get("/impersonation/end"), browse.post("/impersonation/end")]
    asked += [browse.get("/", headers=WITH_TOKEN)]
    for answer in asked:
        assert PROTECTION.items() <= dict(answer.headers).items()
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)


def test_each_page_has_a_nonce_of_its_own(browse: Client) -> None:
    pages = [browse.get("/impersonation") for _ in range(2)]
    nonces = [re.findall(r'nonce="([^"]+)"', page.text) for page in pages]
    assert len(nonces[0]) == len(nonces[1]) == 1
    assert nonces[0] != nonces[1]
    assert f"'nonce-{nonces[0][0]}'" in pages[0].headers["Content-Security-Policy"]


def test_the_landing_page_speaks_to_people_without_javascript(browse: Client) -> None:
    assert "<noscript>" in browse.get("/impersonation").text


def test_own_pages_never_reach_the_product(
    admin: AdminStandIn, product: Product, browse: Client
) -> None:
    assert browse.get("/impersonation/nothing").status_code == 404
    assert browse.post("/impersonation").status_code == 405
    assert product.seen == []
    assert admin.asked == []


def test_a_path_that_only_begins_alike_is_the_products(product: Product, browse: Client) -> None:
    browse.get("/impersonations")
    assert len(product.seen) == 1


# Files


@pytest.mark.parametrize("name", ASSETS)
def test_a_file_is_kept_for_ever_under_its_version(browse: Client, name: str) -> None:
    answer = browse.get(asset_url(name))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.mimetype in {"text/javascript", "text/css"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?v=older"])
def test_a_file_without_its_version_is_asked_for_each_time(browse: Client, query: str) -> None:
    address = f"/impersonation/assets/impersonation.js{query}"
    answer = browse.get(address)
    assert answer.headers["Cache-Control"] == "no-cache"
    again = browse.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize("name", ["layout.html", "../client.py", "..%2fclient.py", "", "x.js"])
def test_nothing_else_is_a_file(browse: Client, name: str) -> None:
    assert browse.get(f"/impersonation/assets/{name}").status_code == 404


def test_there_is_no_address_for_a_file_that_is_missing() -> None:
    with pytest.raises(LookupError):
        asset_url("missing.js")


# Redemption


def test_a_ticket_is_redeemed(admin: AdminStandIn, browse: Client) -> None:
    answer = redeem(browse, {**SAME_ORIGIN, "User-Agent": "x" * 400})
    assert answer.json == {"token": TOKEN}
    assert answer.headers["Cache-Control"] == "no-store"
    (asked,) = admin.asked_for(REDEMPTIONS)
    assert asked["user_agent"] == "x" * 300


def test_a_used_ticket_and_an_unknown_one_look_alike(browse: Client) -> None:
    redeem(browse)
    used = redeem(browse)
    unknown = browse.post("/impersonation/redemption", json={"ticket": "x"}, headers=SAME_ORIGIN)
    assert used.status_code == unknown.status_code == 400
    assert used.json == unknown.json
    assert used.json is not None
    assert used.json["code"] == "ticket_refused"


def test_a_redemption_without_the_admin_site_is_refused(
    admin: AdminStandIn, browse: Client
) -> None:
    admin.reachable = False
    answer = redeem(browse)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.mark.requirement("H5")
def test_redemption_neither_reads_nor_sets_cookies(admin: AdminStandIn, browse: Client) -> None:
    browse.set_cookie("member", "Bob")
    answer = redeem(browse)
    assert "Set-Cookie" not in answer.headers
    assert "Bob" not in str(admin.asked)


# Who may ask


@pytest.mark.requirement("H5")
@fails_without(line(own_paths._check_same_origin, "if not same", "if False"))
@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://localhost"},
        {"Origin": "null"},
        {},
    ],
)
def test_only_the_products_own_pages_may_ask(
    admin: AdminStandIn, browse: Client, path: str, headers: dict[str, str]
) -> None:
    sent = {**headers, "Authorization": f"Bearer {TOKEN}"}
    answer = browse.post(path, json={"ticket": TICKET, **OPEN}, headers=sent)
    assert answer.status_code == 403
    assert admin.asked == []


@pytest.mark.requirement("H5")
def test_a_browser_without_fetch_metadata_shows_its_origin(browse: Client) -> None:
    assert redeem(browse, {"Origin": "http://localhost"}).status_code == 200


@pytest.mark.requirement("H5")
@fails_without(line(own_paths._content, 'if media_type != "application/json"', "if False"))
@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_only_json_is_read(admin: AdminStandIn, browse: Client, path: str, kind: str) -> None:
    answer = browse.post(path, data=b'{"ticket": "x"}', content_type=kind, headers=WITH_TOKEN)
    assert answer.status_code == 415
    assert admin.asked == []


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"\xff", 400), (b"[]", 400), (b"[" * 4000, 400), (b" " * 5000, 413)],
)
def test_only_a_small_json_object_is_read(
    admin: AdminStandIn, browse: Client, path: str, body: bytes, status: int
) -> None:
    answer = browse.post(path, data=body, content_type="application/json", headers=WITH_TOKEN)
    assert answer.status_code == status
    assert admin.asked == []


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_asks_anything(
    admin: AdminStandIn, browse: Client, path: str, method: str
) -> None:
    answer = browse.open(path, method=method, headers=WITH_TOKEN)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert admin.asked == []


@pytest.mark.parametrize(
    "content",
    [{}, {"ticket": ""}, {"ticket": 7}, {"ticket": ["x"]}, {"ticket": None}],
)
def test_a_redemption_without_a_ticket_is_refused(
    admin: AdminStandIn, browse: Client, content: dict[str, object]
) -> None:
    answer = browse.post("/impersonation/redemption", json=content, headers=SAME_ORIGIN)
    assert answer.status_code == 400
    assert admin.asked == []


@pytest.mark.requirement("X6")
@fails_without(line(own_paths._content, "not content.keys() <= set(names)", "False"))
def test_a_field_that_is_not_there_is_refused(admin: AdminStandIn, browse: Client) -> None:
    for path, content in zip(CALLS, ({"ticket": TICKET}, OPEN, {}), strict=True):
        answer = browse.post(path, json={**content, "actor": "cy"}, headers=WITH_TOKEN)
        assert answer.status_code == 400
    assert admin.asked == []


# Presence and end


def test_presence_tells_the_banner_whom_and_how_long(admin: AdminStandIn, browse: Client) -> None:
    answer = browse.post("/impersonation/presence", json=OPEN, headers=WITH_TOKEN)
    assert answer.json == {
        "impersonation": {
            "subject": {"id": "member-1", "name": "Grace Hopper", "email": "grace@example.com"},
            "account": {"name": "Acme Ltd"},
            "actor": {"name": "Ada Lovelace"},
            "seconds_left": 1200,
        },
        "presence_seconds": 5.0,
    }
    assert admin.asked_for(PRESENCES) == [{"token": TOKEN, **OPEN}]


def test_a_closing_page_says_so(admin: AdminStandIn, browse: Client) -> None:
    closing = {"page_id": "page-one", "state": "closing"}
    browse.post("/impersonation/presence", json=closing, headers=WITH_TOKEN)
    assert admin.asked_for(PRESENCES) == [{"token": TOKEN, **closing}]


@pytest.mark.parametrize(
    "content",
    [{}, {**OPEN, "state": "hidden"}, {**OPEN, "state": []}, {**OPEN, "page_id": ""}],
)
def test_presence_that_says_nothing_is_refused(
    admin: AdminStandIn, browse: Client, content: dict[str, object]
) -> None:
    answer = browse.post("/impersonation/presence", json=content, headers=WITH_TOKEN)
    assert answer.status_code == 400
    assert admin.asked == []


@pytest.mark.parametrize(("path", "content"), [(CALLS[1], OPEN), (CALLS[2], {})])
@pytest.mark.parametrize("token", ["", "opaque", make_token("at+jwt")])
def test_without_a_token_of_ours_there_is_no_session(
    admin: AdminStandIn, browse: Client, path: str, content: dict[str, str], token: str
) -> None:
    headers = {**SAME_ORIGIN, "Authorization": f"Bearer {token}"}
    answer = browse.post(path, json=content, headers=headers)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["ended"] is None
    assert admin.asked == []


def test_presence_of_an_ended_session_says_why(admin: AdminStandIn, browse: Client) -> None:
    admin.end("Omar Haddad ended it.", why="admin_ended")
    answer = browse.post("/impersonation/presence", json=OPEN, headers=WITH_TOKEN)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["ended"] == {"why": "admin_ended", "sentence": "Omar Haddad ended it."}


def test_the_session_is_ended(admin: AdminStandIn, browse: Client) -> None:
    answer = browse.post("/impersonation/end", json={}, headers=WITH_TOKEN)
    assert answer.json == {"ended": {"why": "impersonator_ended", "sentence": "You ended it."}}
    assert admin.asked_for(ENDS) == [{"token": TOKEN}]
