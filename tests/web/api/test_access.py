"""Who gets in to the API, and what becomes of what is sent."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain import api_keys
from app.domain.permissions import Scope
from app.domain.sign_ins import SignedIn
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.web import authentication
from app.web.api import bodies
from app.web.api.routes import ROUTES
from tests import cast, trail
from tests.clock import Clock
from tests.conftest import ADMIN_URL
from tests.keys import make_key
from tests.twins import each_fails_without, fails_without, line
from tests.web.api.conftest import ENDPOINTS, ENDS, Product, problem

WITH_KEY = {"Authorization": f"Bearer {cast.API_KEY}"}
each_endpoint = pytest.mark.parametrize("path", ENDPOINTS)


def test_these_are_all_the_endpoints() -> None:
    assert [route.path for route in ROUTES if route.audience is Scope.PRODUCT] == ENDPOINTS


# Keys.


@pytest.mark.requirement("P1", "A1")
@pytest.mark.failure("X16")
@each_endpoint
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {cast.API_KEY}x",
        f"Bearer {cast.API_KEY[:10]}",
        f"Basic {cast.API_KEY}",
        cast.API_KEY,
        "Bearer \xff",
        # An id is no secret, whosever it is.
        "Bearer letterbox",
        f"Bearer {cast.ADA.id}",
        f"Bearer {cast.MIA.id}",
    ],
)
def test_an_absent_or_wrong_key_is_refused(
    client: FlaskClient, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    problem(client.post(path, json={}, headers=headers), 401, "unauthorized")


@pytest.mark.requirement("P1")
@each_fails_without(
    "column",
    {
        "revoked_at": line(APIKey.state, "if self.revoked_at is not None", "if False"),
        "expires_at": line(APIKey.state, "now >= self.expires_at", "False"),
        "scope": line(authentication._check_program, "route.audience not in key.scopes", "False"),
    },
)
def test_a_revoked_expired_or_foreign_key_is_refused_at_once(
    product: Product, database: Database, clock: Clock, column: str
) -> None:
    problem(product.end("no token"), 401, "impersonation_ended")
    with database.unit_of_work(writing=True) as db:
        key = db.get_one(APIKey, "letterbox")
        setattr(key, column, "products a-product" if column == "scope" else clock.now)
    clock.move(seconds=0)
    refused = (403, "forbidden") if column == "scope" else (401, "unauthorized")
    problem(product.end("no token"), *refused)


@pytest.mark.requirement("P1")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_when_a_key_was_last_used_is_known(
    client: FlaskClient, database: Database, clock: Clock, method: str
) -> None:
    _, secret = make_key(database, "directory", now=clock.now)
    headers = {"Authorization": f"Bearer {secret}"}
    with client.open("/scim/v2/Users", method=method, headers=headers):
        pass
    with database.unit_of_work(writing=False) as db:
        key = api_keys.find(db, secret, now=clock.now)
        assert key is not None
        # What was undone was not noted either: the next request will tell.
        assert key.last_used_at == (clock.now if method == "GET" else None)


@pytest.mark.requirement("P1")
@fails_without(line(APIKey.state, "now >= self.expires_at", "False"))
def test_a_key_dies_at_its_own_time(product: Product, database: Database, clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(APIKey, "letterbox").expires_at = clock.now + timedelta(minutes=1)
    problem(product.end("no token"), 401, "impersonation_ended")
    clock.move(minutes=1)
    problem(product.end("no token"), 401, "unauthorized")


@pytest.mark.requirement("A4", "T6")
@each_endpoint
@pytest.mark.failure("X4")
def test_an_impersonation_token_is_no_key(client: FlaskClient, token: str, path: str) -> None:
    response = client.post(path, json={}, headers={"Authorization": f"Bearer {token}"})
    problem(response, 401, "unauthorized")


@pytest.mark.requirement("A4", "T6")
@each_endpoint
def test_the_cookie_of_an_admin_opens_nothing_here(
    client: FlaskClient, sign_in: Callable[[cast.Person], SignedIn], path: str
) -> None:
    sign_in(cast.ADA)
    assert client.get("/impersonations/active").status_code == 200
    problem(client.post(path, json={}), 401, "unauthorized")


@pytest.mark.requirement("A4", "T6")
@pytest.mark.parametrize("path", ["/impersonations/active", "/members/mia", "/audit"])
@pytest.mark.failure("X11")
def test_a_key_or_a_token_opens_no_page(client: FlaskClient, token: str, path: str) -> None:
    for secret in (cast.API_KEY, token):
        response = client.get(path, headers={"Authorization": f"Bearer {secret}"})
        assert response.status_code in (303, 401)


@pytest.mark.requirement("A4")
@fails_without(line(authentication._check_admin, ' or "Authorization" in request.headers'))
def test_a_token_shuts_the_door_even_beside_a_good_cookie(
    client: FlaskClient, sign_in: Callable[[cast.Person], SignedIn], token: str
) -> None:
    sign_in(cast.ADA)
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/impersonations/active", headers=headers).status_code in (303, 401)


# What every answer has.


@pytest.mark.requirement("S4", "W3")
@each_endpoint
def test_no_cookie_is_set_and_nothing_is_kept(product: Product, path: str) -> None:
    for response in (product.post(path, {}), product.client.post(path, json={})):
        assert "Set-Cookie" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.requirement("W10")
@each_endpoint
@pytest.mark.parametrize(
    "url", ["http://localhost:8001", "http://127.0.0.1:8000", "http://evil.example", "http://x y"]
)
def test_another_host_is_refused(client: FlaskClient, path: str, url: str) -> None:
    response = client.post(path, json={}, headers=WITH_KEY, base_url=url)
    problem(response, 400, "bad_request")


@pytest.mark.requirement("W10")
def test_a_forwarded_host_does_not_count(client: FlaskClient) -> None:
    headers = WITH_KEY | {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.1"}
    response = client.post(ENDS, json={"token": "x"}, headers=headers)
    problem(response, 401, "impersonation_ended")


@pytest.mark.requirement("W6", "W9")
@each_endpoint
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_refused(client: FlaskClient, path: str, method: str) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.open(path, method=method, headers=WITH_KEY | origin)
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_an_unknown_path_is_a_problem_too(product: Product) -> None:
    problem(product.post("/api/v1/nowhere", {}), 404, "not_found")


# Bodies.


def send(client: FlaskClient, path: str, data: bytes, type_: str) -> TestResponse:
    return client.post(path, data=data, content_type=type_, headers=WITH_KEY)


JSON = "application/json"
BODIES: dict[str, tuple[bytes, str, int]] = {
    "nothing": (b"", JSON, 400),
    "no type": (b"{}", "", 415),
    "a form": (b"token=x", "application/x-www-form-urlencoded", 415),
    "text": (b"{}", "text/plain", 415),
    "multipart": (b"--x--", "multipart/form-data; boundary=x", 415),
    "not JSON": (b"{token", JSON, 400),
    "half": (b'{"token": "x"', JSON, 400),
    "a list": (b"[]", JSON, 400),
    "a text": (b'"token"', JSON, 400),
    "a number": (b"7", JSON, 400),
    "null": (b"null", JSON, 400),
    "not UTF-8": (b'{"token": "\xff\xfe"}', JSON, 400),
    "deep": (b"[" * 30_000, JSON, 400),
    "deep objects": (b'{"a":' * 10_000, JSON, 400),
    "deep inside": (b'{"token":' + b"[" * 20_000 + b"]" * 20_000 + b"}", JSON, 400),
    "huge": (b'{"token": "' + b"x" * 3_000_000 + b'"}', JSON, 413),
    "huge number": (b'{"token": ' + b"9" * 6000 + b"}", JSON, 400),
    "empty object": (b"{}", JSON, 422),
}


@pytest.mark.requirement("X6", "P4")
@each_endpoint
@pytest.mark.parametrize(("data", "type_", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_json_object_is_a_problem(
    client: FlaskClient, path: str, data: bytes, type_: str, status: int
) -> None:
    response = send(client, path, data, type_)
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["status"] == status


FIELDS = {
    ENDPOINTS[0]: ["ticket", "address", "user_agent"],
    ENDPOINTS[1]: ["token", "method", "path", "request_id", "address", "user_agent"],
    ENDPOINTS[2]: ["action_id"],
    ENDPOINTS[3]: ["token", "page_id", "state", "address", "user_agent"],
    ENDPOINTS[4]: ["token", "address", "user_agent"],
}
OPTIONAL = ("request_id", "address", "user_agent")
GOOD: dict[str, Any] = {
    "ticket": "x",
    "token": "x",
    "method": "GET",
    "path": "/",
    "page_id": "page-1",
    "state": "open",
    "action_id": "1",
    "request_id": "r-1",
    "address": "198.51.100.9",
    "user_agent": "x",
}


def allowed_at(path: str) -> dict[str, Any]:
    return {name: GOOD[name] for name in FIELDS[path]}


NO_TEXT = [7, True, 1.5, [], ["x"], {}, {"x": "y"}, "a\0b", "\0", "\ud800", "x\udfff", "x" * 8193]


@pytest.mark.requirement("X6")
@fails_without(line(bodies.json_object, "not body.keys() <= set(names)", "False"))
@each_endpoint
def test_a_field_that_is_not_there_is_refused(product: Product, path: str) -> None:
    for name in ("actor", "impersonator", "sid", "Token", "__proto__"):
        body = problem(product.post(path, allowed_at(path) | {name: "cy"}), 422, "invalid")
        assert body["detail"].startswith("There is no such field; there are ")


@pytest.mark.requirement("X1", "X6")
@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in FIELDS.items() for name in names]
)
def test_a_field_that_is_no_text_is_named(client: FlaskClient, path: str, name: str) -> None:
    for value in NO_TEXT:
        data = json.dumps(allowed_at(path) | {name: value}).encode()
        body = problem(send(client, path, data, JSON), 422, "invalid")
        assert name in body["detail"]


@pytest.mark.requirement("X6")
@pytest.mark.parametrize(
    ("path", "name"),
    [(path, name) for path, names in FIELDS.items() for name in names if name not in OPTIONAL],
)
def test_a_missing_field_is_named(product: Product, path: str, name: str) -> None:
    body = {other: value for other, value in allowed_at(path).items() if other != name}
    assert name in problem(product.post(path, body), 422, "invalid")["detail"]
    assert name in problem(product.post(path, body | {name: None}), 422, "invalid")["detail"]


@pytest.mark.requirement("X1", "X4")
def test_hostile_text_is_kept_as_it_is(product: Product, token: str, database: Database) -> None:
    hostile = "/<script>alert('é')</script>{{7*7}}\r\n\x1b[31m\u202e\u2028%00"
    assert product.act(token, path=hostile).status_code == 201
    with database.unit_of_work(writing=False) as db:
        assert trail.events(db)[-1].details["path"] == hostile


# The public keys.


@pytest.mark.requirement("K6")
def test_the_public_keys_are_for_anyone_and_public_alone(client: FlaskClient) -> None:
    response = client.get("/.well-known/jwks.json")
    assert response.status_code == 200
    (key,) = response.get_json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_the_site_speaks_under_its_own_name_alone(client: FlaskClient) -> None:
    assert client.get("/.well-known/jwks.json", base_url=ADMIN_URL).status_code == 200
    response = client.get("/.well-known/jwks.json", base_url="http://evil.example")
    assert response.status_code == 400
