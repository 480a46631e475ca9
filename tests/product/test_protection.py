from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.product import create_product_app, protection
from app.product.config import Config
from app.product.protection import HostGate
from app.product.routes import ROUTES, Route, Who
from app.product.unit_of_work import EXTENSION
from tests.product.browsing import OWN_URL, PROTECTION, Browser
from tests.product.cast import PASSWORD, Cast
from tests.twins import fails_without, line, value

SECURE = "https://letterbox.example"


def _path(route: Route, cast: Cast) -> str:
    return route.path.replace("<template_id>", cast.order_id)


def _id(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", [r for r in ROUTES if r.who is not Who.ANYBODY], ids=_id)
def test_a_stranger_gets_in_nowhere(stranger: Browser, cast: Cast, route: Route) -> None:
    if route.method == "GET":
        stranger.get(_path(route, cast), status=401)
    else:
        stranger.post(_path(route, cast), status=401)
    assert stranger.page.words_in("h1") == "Sign in"


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.method == "POST" and r.who is not Who.ANYBODY], ids=_id
)
def test_every_change_needs_the_forms_token(mia: Browser, cast: Cast, route: Route) -> None:
    page = mia.post(_path(route, cast), status=400, csrf_token="forged")
    assert "This form is too old" in page.text


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_every_change_must_come_from_our_own_page(mia: Browser, site: str) -> None:
    mia.get("/templates/new")
    page = mia.post("/templates/new", status=400, headers={"Sec-Fetch-Site": site}, name="x")
    assert "was not sent from a page of Letterbox" in page.text


def test_an_old_browser_is_known_by_its_origin(mia: Browser) -> None:
    mia.get("/settings")
    fields: dict[str, Any] = {"name": "Mia", "sender_name": "Harbour"}
    mia.post("/settings", status=400, headers={}, **fields)
    mia.get("/settings")
    mia.post("/settings", status=400, headers={"Origin": "http://localhost:8000"}, **fields)
    mia.get("/settings")
    mia.post("/settings", headers={"Origin": "http://127.0.0.1:8001"}, **fields)


def test_every_route_of_the_app_is_in_the_table(app: Flask) -> None:
    listed = {(route.endpoint, route.method) for route in ROUTES}
    found = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }
    assert found == listed


@pytest.mark.parametrize("host", ["evil.example", "localhost:8001", "127.0.0.1", ""])
@pytest.mark.parametrize("path", ["/sign-in", "/impersonation", "/static/letterbox.css"])
def test_another_host_name_is_refused(app: Flask, host: str, path: str) -> None:
    response = app.test_client().get(path, environ_overrides={"HTTP_HOST": host})
    assert response.status_code == 400
    assert "does not answer to this host name" in response.text
    assert PROTECTION.items() <= dict(response.headers).items()
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.requirement("W1", "W3", "W7")
@fails_without(
    value(protection, "HEADERS", {k: v for k, v in PROTECTION.items() if k != "X-Frame-Options"}),
    line(protection._content_security_policy, "\"frame-ancestors 'none'\",\n"),
)
def test_every_page_is_closed_to_other_sites(stranger: Browser, cast: Cast) -> None:
    stranger.get("/", status=401)
    stranger.sign_in(cast.mia).get("/nowhere", status=404)
    answer = stranger.fetch("/static/letterbox.css")
    assert PROTECTION.items() <= dict(answer.headers).items()
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def demo_status(config: Config, address: str) -> int:
    app = create_product_app(replace(config, demo=True))
    socket = {"REMOTE_ADDR": address}
    answer = app.test_client().get("/sign-in", base_url=OWN_URL, environ_base=socket)
    app.extensions[EXTENSION].dispose()
    return answer.status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_demo_answers_its_own_machine(config: Config, address: str) -> None:
    assert demo_status(config, address) == 200


@pytest.mark.requirement("S12")
@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "?"])
@fails_without(line(HostGate.__call__, "self._demo and", "False and"))
def test_a_demo_answers_nobody_else(config: Config, address: str) -> None:
    assert demo_status(config, address) == 403


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/account"])
def test_nobody_is_signed_in_from_another_site(stranger: Browser, cast: Cast, path: str) -> None:
    stranger.post(
        path,
        status=400,
        headers={"Sec-Fetch-Site": "cross-site"},
        email=cast.mia,
        password=PASSWORD,
    )
    assert not stranger.has_cookie()


@pytest.mark.parametrize("path", ["/sign-in", "/", "/templates/new", "/nowhere"])
def test_a_stranger_gets_no_cookie(stranger: Browser, path: str) -> None:
    stranger.get(path, status={"/sign-in": 200, "/nowhere": 404}.get(path, 401))
    assert "Set-Cookie" not in stranger.response.headers


def _cookie_of_a_sign_in(app: Flask, cast: Cast, own_url: str) -> str:
    response = app.test_client().post(
        "/sign-in",
        base_url=own_url,
        headers={"Sec-Fetch-Site": "same-origin"},
        data={"email": cast.mia, "password": PASSWORD},
    )
    return response.headers["Set-Cookie"]


def test_the_cookie_is_for_this_site_and_not_for_scripts(app: Flask, cast: Cast) -> None:
    cookie = _cookie_of_a_sign_in(app, cast, OWN_URL)
    assert cookie.startswith("letterbox=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.fixture
def secure_app(config: Config) -> Iterator[Flask]:
    app = create_product_app(replace(config, product_url=SECURE))
    yield app
    app.extensions[EXTENSION].dispose()


def test_over_https_the_cookie_is_bound_to_the_host(secure_app: Flask, cast: Cast) -> None:
    cookie = _cookie_of_a_sign_in(secure_app, cast, SECURE)
    assert cookie.startswith("__Host-letterbox=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_over_https_browsers_are_told_to_stay_there(secure_app: Flask) -> None:
    response = secure_app.test_client().get("/sign-in", base_url=SECURE)
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


def test_static_files_are_kept_by_the_browser(stranger: Browser) -> None:
    page = stranger.get("/sign-in")
    (style,) = [each for each in page.all("link") if each["rel"] == "stylesheet"]
    response = stranger.fetch(style["href"] or "")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
