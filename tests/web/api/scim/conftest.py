"""A pusher with an API key, against the site with the cast in it."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from app.domain import api_keys
from app.domain.permissions import Scope
from app.storage.database import Database
from app.web.application import Application
from tests.cast import HARBOUR
from tests.clock import Clock
from tests.conftest import ADMIN_URL
from tests.factories import FROM_THE_OFFICE

BASE = f"{ADMIN_URL}/scim/v2"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
MEMBER = "urn:understudy:params:scim:schemas:extension:member:2.0:User"
ACCOUNT = "urn:understudy:params:scim:schemas:core:2.0:Account"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SCIM_JSON = "application/scim+json"


@dataclass(frozen=True)
class Answer:
    """An answer, whose JSON a test can look into."""

    status_code: int
    headers: Headers
    data: bytes
    json: Any


class Pusher:
    """A program that pushes with its key, and reads what it gets as SCIM."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client = client
        self.secret = secret

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send the body as JSON, or as it is if it is bytes; check that SCIM comes back."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.client.open(
            f"/scim/v2{path}",
            method=method,
            data=data,
            headers={
                "Authorization": f"Bearer {self.secret}",
                "Content-Type": SCIM_JSON,
                **named,
            },
        )
        if response.data:
            assert response.mimetype == SCIM_JSON, response.data[:200]
        body = json.loads(response.data) if response.data else None
        answer = Answer(response.status_code, response.headers, response.data, body)
        if answer.status_code >= 400:
            assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
            assert answer.json["status"] == str(answer.status_code)
            assert answer.json["detail"]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", path, body)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Answer:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return self.send("PATCH", path, body, **headers)

    def found(self, scim_filter: str, kind: str = "/Users") -> list[str]:
        """Return the ids of those that the filter finds."""
        answer = self.post(f"{kind}/.search", {"filter": scim_filter})
        assert answer.status_code == 200, answer.json
        return [one["id"] for one in answer.json["Resources"]]


def user(email: str = "lin@harbour.example", /, **members: Any) -> dict[str, Any]:
    """A new member of Harbour as an identity provider sends one."""
    return {
        "schemas": [CORE, MEMBER],
        "userName": email,
        "displayName": "Lin Abara",
        "emails": [{"value": email, "type": "work", "primary": True}],
        "active": True,
        MEMBER: {"account": HARBOUR},
        **members,
    }


def account(**members: Any) -> dict[str, Any]:
    """A new account as the product sends one."""
    return {
        "schemas": [ACCOUNT],
        "displayName": "Mole Brewery",
        "domain": "mole.example",
        "plan": "starter",
        **members,
    }


def create_key(database: Database, scope: Scope, clock: Clock) -> str:
    with database.unit_of_work(writing=True) as db:
        _, secret = api_keys.create(
            db,
            name="Okta",
            scopes=[scope],
            by=None,
            provenance=FROM_THE_OFFICE,
            now=clock.now,
        )
    return secret


@pytest.fixture
def pusher(admin_app: Application, database: Database, clock: Clock) -> Pusher:
    return Pusher(admin_app.test_client(), create_key(database, Scope.DIRECTORY, clock))
