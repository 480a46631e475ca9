"""Letterbox's side of the wire."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.impersonations import Started
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from tests import cast, factories
from tests.clock import Clock
from tests.web.api.scripts import Script, script

REDEMPTIONS = "/api/v1/handoffs/redemptions"
ACTIONS = "/api/v1/impersonations/actions"
OUTCOMES = "/api/v1/impersonations/outcomes"
PRESENCES = "/api/v1/impersonations/presences"
ENDS = "/api/v1/impersonations/ends"
ENDPOINTS = [REDEMPTIONS, ACTIONS, OUTCOMES, PRESENCES, ENDS]


@dataclass
class Product:
    """A product app that talks to the API with its key."""

    client: FlaskClient
    headers: dict[str, str] = field(
        default_factory=lambda: {"Authorization": f"Bearer {cast.API_KEY}"}
    )

    def post(self, path: str, body: dict[str, Any]) -> TestResponse:
        return self.client.post(path, json=body, headers=self.headers)

    def redeem(self, ticket: str) -> TestResponse:
        return self.post(REDEMPTIONS, {"ticket": ticket, "address": "198.51.100.9"})

    def act(self, token: str, **more: Any) -> TestResponse:
        body = {
            "token": token,
            "method": "GET",
            "path": "/templates",
            "request_id": "product-request-1",
            "address": "198.51.100.9",
            "user_agent": "Mozilla/5.0 (a tab)",
        }
        return self.post(ACTIONS, body | more)

    def note(self, token: str, page_id: str, state: str = "open") -> TestResponse:
        return self.post(PRESENCES, {"token": token, "page_id": page_id, "state": state})

    def end(self, token: str) -> TestResponse:
        return self.post(ENDS, {"token": token})


@pytest.fixture
def product(client: FlaskClient) -> Product:
    return Product(client)


@pytest.fixture
def started(database: Database, clock: Clock) -> Started:
    """Ada's session as Mia, committed; no tab has opened it yet."""
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, cast.ADA.id), db.get_one(Member, cast.MIA.id)
        return factories.start(db, impersonator=ada, target=mia, now=clock.now)


@pytest.fixture
def token(product: Product, started: Started) -> str:
    """What Ada's tab holds after the hand-off."""
    token: str = product.redeem(started.ticket).get_json()["token"]
    return token


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is problem details and return them."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert (body["status"], body["code"]) == (status, code)
    assert {"type", "title", "detail"} <= body.keys()
    assert body["detail"].endswith(".")
    return body


@pytest.fixture
def operator(client: FlaskClient, database: Database, clock: Clock) -> Script:
    """An operator's script, which may do everything of our own API."""
    return script(client, database, clock)


@pytest.fixture
def of_harbour(client: FlaskClient, database: Database, clock: Clock) -> Script:
    """The same with a key that is limited to the account Harbour."""
    return script(client, database, clock, account=cast.HARBOUR)
