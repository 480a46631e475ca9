"""What the site does differently where browsers reach it over https."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.config import Config
from app.web import protection
from app.web.application import create_admin_app
from tests.twins import fails_without, line

ADMIN_URL = "https://admin.example.com"
HSTS = "max-age=31536000; includeSubDomains"


@pytest.fixture
def client(config: Config) -> Iterator[FlaskClient]:
    app = create_admin_app(
        replace(config, admin_url=ADMIN_URL, product_url="https://app.example.com", demo=False)
    )
    yield app.test_client()
    app.database.dispose()


@pytest.mark.requirement("W4")
@fails_without(line(protection.install, "if config.is_https:", "if False:"))
@pytest.mark.parametrize("path", ["/sign-in", "/nothing-here", "/static/css/base.css"])
def test_every_answer_asks_for_https_from_now_on(client: FlaskClient, path: str) -> None:
    with client.get(path, base_url=ADMIN_URL) as response:
        assert response.headers.get("Strict-Transport-Security") == HSTS


@pytest.mark.requirement("S4")
@fails_without(
    line(protection.install, '"__Host-understudy" if config.is_https else ', ""),
    line(
        protection.install, "SESSION_COOKIE_SECURE=config.is_https", "SESSION_COOKIE_SECURE=False"
    ),
    line(protection.install, "SESSION_COOKIE_HTTPONLY=True", "SESSION_COOKIE_HTTPONLY=False"),
)
def test_the_cookie_is_bound_to_this_very_host(client: FlaskClient) -> None:
    cookie = client.get("/sign-in", base_url=ADMIN_URL).headers["Set-Cookie"]
    assert cookie.startswith("__Host-understudy=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
