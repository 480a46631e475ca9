"""Whatever is sent, SCIM answers in its own shape, and a bad request changes nothing."""

import json
from typing import Any

import pytest

from app.domain.permissions import Scope
from app.storage.database import Database
from app.web import authentication
from app.web.api.scim.routes import ROUTES
from app.web.application import Application
from tests.breaking import break_trail, lose_a_table
from tests.cast import API_KEY, HARBOUR, MIA
from tests.clock import Clock
from tests.twins import fails_without, line
from tests.web.api.scim.conftest import CORE, MEMBER, Pusher, create_key, user

DEEP = b'{"displayName":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
DEEPER_THAN_SENSE = b'{"displayName":' + b"[" * 20 + b"]" * 20 + b"}"
WRONG_KINDS: list[Any] = [7, -1.5, True, [], {}, [[]], {"a": {"b": 1}}, "", " ", "x" * 501]
TEXTS = ["displayName", "userName", "externalId"]


def path_of(path: str) -> str:
    for name, value in {
        "member_id": MIA.id,
        "account_id": HARBOUR,
        "schema_id": CORE,
        "resource_type_id": "User",
    }.items():
        path = path.replace(f"<{name}>", value)
    return path.removeprefix("/scim/v2")


@pytest.mark.requirement("A1", "P1")
@pytest.mark.parametrize("scope", [Scope.PRODUCT, Scope.AUDIT_TRAIL, None])
def test_a_key_for_something_else_opens_nothing(
    admin_app: Application, database: Database, clock: Clock, scope: Scope | None
) -> None:
    secret = create_key(database, scope, clock) if scope else "nobody's"
    stranger = Pusher(admin_app.test_client(), secret)
    for route in ROUTES:
        answer = stranger.send(route.method, path_of(route.path), {})
        assert answer.status_code == (403 if scope else 401), route.path
        assert ("WWW-Authenticate" in answer.headers) is (scope is None)


@pytest.mark.requirement("A1", "P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
def test_the_key_opens_nothing_else(pusher: Pusher) -> None:
    headers = {"Authorization": f"Bearer {pusher.secret}"}
    for path in ("handoffs/redemptions", "impersonations/ends", "audit-trail/proofs"):
        answer = pusher.client.post(f"/api/v1/{path}", json={}, headers=headers)
        assert answer.status_code == 403
    assert pusher.secret != API_KEY


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/Groups", 404),
        ("GET", "/Users/nobody", 404),
        ("GET", "/Users/mia/more", 404),
        ("GET", "/Users/%00", 404),
        ("GET", "/Users/%ff%fe", 404),
        ("GET", "/Users/" + "x" * 5000, 404),
        ("GET", "/Users/", 404),
        ("GET", "/Schemas/urn:none", 404),
        ("GET", "/ResourceTypes/Group", 404),
        ("PUT", "/Users", 405),
        ("DELETE", "/Accounts", 405),
        ("POST", "/Users/mia", 405),
        ("TRACE", "/Users", 405),
        ("POST", "/Schemas", 405),
        ("GET", "/Me", 501),
        ("POST", "/Bulk", 501),
        ("POST", "/.search", 501),
        ("GET", "/Schemas?filter=id+pr", 403),
    ],
)
def test_what_is_not_there_is_said_in_scim(
    pusher: Pusher, method: str, path: str, status: int
) -> None:
    assert pusher.send(method, path).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b'{"userName": NaN}',
        b'{"userName": ' + b"9" * 5000 + b"}",
        b"\xff\xfe\x00",
        b'{"userName": "\xff"}',
        DEEP,
        DEEPER_THAN_SENSE,
    ],
)
@pytest.mark.parametrize("path", ["/Users", "/Accounts", "/Users/.search"])
def test_what_is_no_sensible_json_is_refused(pusher: Pusher, path: str, body: bytes) -> None:
    answer = pusher.send("POST", path, body)
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidSyntax")


def test_another_media_type_is_refused(pusher: Pusher) -> None:
    body = json.dumps(user()).encode()
    for kind in ("text/plain", "application/xml", "", "application/x-www-form-urlencoded"):
        assert pusher.send("POST", "/Users", body, Content_Type=kind).status_code == 415
    kind = "application/json; charset=utf-8"
    assert pusher.send("POST", "/Users", body, Content_Type=kind).status_code == 201


def test_a_megabyte_is_too_much(pusher: Pusher) -> None:
    assert pusher.send("POST", "/Users", b'{"a": "' + b"x" * 2**20 + b'"}').status_code == 413


@pytest.mark.parametrize("name", [*TEXTS, "active", "emails", "roles", "name", "schemas", MEMBER])
@pytest.mark.parametrize("value", WRONG_KINDS, ids=repr)
def test_no_value_of_any_kind_is_a_fault(pusher: Pusher, name: str, value: Any) -> None:
    for method, path in (("POST", "/Users"), ("PUT", f"/Users/{MIA.id}")):
        assert pusher.send(method, path, user(**{name: value})).status_code in (200, 201, 400, 409)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\udfffb"])
@pytest.mark.parametrize("name", [*TEXTS, "a\0", "title"])
def test_what_no_database_takes_is_refused(pusher: Pusher, name: str, text: str) -> None:
    answer = pusher.post("/Users", user(**{name: text}))
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")


@pytest.mark.parametrize("external_id", ["a/b", "a b", ".", "..", "x" * 201, "a\nb", "ä", "🦊"])
def test_an_id_that_no_address_can_hold_is_refused(pusher: Pusher, external_id: str) -> None:
    answer = pusher.post("/Users", user(externalId=external_id))
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")
    assert answer.json["detail"].startswith("externalId ")


@pytest.mark.parametrize(
    "external_id", ["a?b", "a#b", "a%2Fb", "-", "a:b", "a\\b", "bulkId-1", ".search"]
)
def test_any_other_id_can_be_asked_for(pusher: Pusher, external_id: str) -> None:
    made = pusher.post("/Users", user(externalId=external_id)).json
    here = made["meta"]["location"].partition("/scim/v2")[2]
    assert pusher.get(here).json == made
    assert made["externalId"] == external_id


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_cannot_be_recorded_does_not_happen(
    pusher: Pusher, database: Database, database_url: str, method: str
) -> None:
    before = pusher.get(f"/Users/{MIA.id}").json
    break_trail(database_url)
    body = {
        "POST": user(),
        "PUT": user(),
        "PATCH": {"Operations": [{"op": "replace", "path": "active", "value": False}]},
    }.get(method)
    path = "/Users" if method == "POST" else f"/Users/{MIA.id}"
    assert pusher.send(method, path, body).status_code == 503
    assert pusher.get(f"/Users/{MIA.id}").json == before
    assert pusher.found('userName eq "lin@harbour.example"') == []


def test_a_broken_database_is_said_in_scim(pusher: Pusher, database_url: str) -> None:
    lose_a_table(database_url, "members")
    answer = pusher.get("/Users")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_an_error_of_ours_is_said_in_scim(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.storage.pushed.find", lambda *_: 1 / 0)
    assert pusher.get("/Users/mia").status_code == 500


def test_a_long_text_is_not_repeated_whole(pusher: Pusher) -> None:
    operation = {"op": "x" * 10_000, "path": "active"}
    assert len(pusher.patch("/Users/mia", operation).json["detail"]) <= 500
