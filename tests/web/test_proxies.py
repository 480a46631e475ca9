"""Behind proxies: where a request comes from is what the nearest of them says, and nobody else."""

from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from app.config import Config
from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from app.web.application import create_admin_app
from tests.browsing import FROM_HERE, Browser
from tests.conftest import ADMIN_URL, SiteClient, on_sqlite
from tests.trail import only
from tests.twins import fails_without, line, together


def recorded(config: Config, database: Database, *, proxies: int, told: str) -> str:
    """Return the address that is on record for a request that so many proxies have passed on."""
    app = create_admin_app(replace(config, trusted_proxies=proxies))
    app.test_client_class = SiteClient
    stranger = Browser(app.test_client())
    form = stranger.get("/sign-in").form("/sign-in") | {"email": "x@example.com", "password": "x"}
    headers = FROM_HERE | {"X-Forwarded-For": told, "X-Forwarded-Host": "evil.example"}
    assert stranger.client.post("/sign-in", data=form, headers=headers).status_code == 401
    app.database.dispose()
    with database.unit_of_work(writing=False) as db:
        return only(db, AuditAction.SIGN_IN_FAILED).address


@on_sqlite
@pytest.mark.requirement("D2", "L2")
@fails_without(line(create_admin_app, "hops = config.trusted_proxies", "hops = 3"))
@pytest.mark.parametrize(
    ("proxies", "told"),
    [
        (1, "203.0.113.1"),
        (1, "192.0.2.66, 203.0.113.1"),
        (2, "192.0.2.66, 203.0.113.1, 10.0.0.1"),
    ],
)
@pytest.mark.usefixtures("clock")
def test_an_address_counts_from_as_many_proxies_as_are_set(
    config: Config, database: Database, proxies: int, told: str
) -> None:
    assert recorded(config, database, proxies=proxies, told=told) == "203.0.113.1"


@on_sqlite
@pytest.mark.requirement("D2", "L2")
@fails_without(
    together(
        line(create_admin_app, "if config.trusted_proxies", "if True"),
        line(create_admin_app, "hops = config.trusted_proxies", "hops = 1"),
    )
)
@pytest.mark.parametrize(("proxies", "told"), [(0, "203.0.113.1"), (2, "10.0.0.1")])
@pytest.mark.usefixtures("clock")
def test_an_address_that_nobody_vouches_for_does_not_count(
    config: Config, database: Database, proxies: int, told: str
) -> None:
    assert recorded(config, database, proxies=proxies, told=told) == "127.0.0.1"


def demo_answers(config: Config, path: str, *, address: str, told: str) -> TestResponse:
    app = create_admin_app(replace(config, demo=True, trusted_proxies=1))
    headers, socket = {"X-Forwarded-For": told}, {"REMOTE_ADDR": address}
    answer = app.test_client().get(path, base_url=ADMIN_URL, headers=headers, environ_base=socket)
    # A static file stays open until it has been read.
    answer.get_data()
    answer.close()
    app.database.dispose()
    return answer


@on_sqlite
@pytest.mark.requirement("S12")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_a_demo_answers_its_own_machine(config: Config, address: str) -> None:
    answer = demo_answers(config, "/sign-in", address=address, told="192.0.2.7")
    assert answer.status_code == 200


@on_sqlite
@pytest.mark.requirement("S12")
@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/static/css/base.css"])
@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7", "?"])
@fails_without(line(create_admin_app, "if config.demo", "if False"))
def test_a_demo_answers_nobody_else_whatever_a_proxy_says(
    config: Config, path: str, address: str
) -> None:
    answer = demo_answers(config, path, address=address, told="127.0.0.1")
    assert answer.status_code == 403
    assert "This is a demo" in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
