"""Behind proxies: where a request comes from is what the nearest of them says, and nobody else."""

from dataclasses import replace

import pytest

from app.config import Config
from app.domain.audit_trail import AuditAction
from app.storage.database import Database
from app.web.application import create_admin_app
from tests.browsing import FROM_HERE, Browser
from tests.clock import Clock
from tests.conftest import SiteClient, on_sqlite
from tests.trail import only


@on_sqlite
@pytest.mark.requirement("D2", "L2")
@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, "203.0.113.1", "127.0.0.1"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "192.0.2.66, 203.0.113.1", "203.0.113.1"),
        (2, "192.0.2.66, 203.0.113.1, 10.0.0.1", "203.0.113.1"),
        (2, "10.0.0.1", "127.0.0.1"),
    ],
)
def test_an_address_counts_from_as_many_proxies_as_are_set(
    config: Config, database: Database, clock: Clock, proxies: int, told: str, address: str
) -> None:
    app = create_admin_app(replace(config, trusted_proxies=proxies))
    app.test_client_class = SiteClient
    stranger = Browser(app.test_client())
    form = stranger.get("/sign-in").form("/sign-in") | {"email": "x@example.com", "password": "x"}
    headers = FROM_HERE | {"X-Forwarded-For": told, "X-Forwarded-Host": "evil.example"}
    assert stranger.client.post("/sign-in", data=form, headers=headers).status_code == 401
    app.database.dispose()
    with database.unit_of_work(writing=False) as db:
        assert only(db, AuditAction.SIGN_IN_FAILED).address == address
