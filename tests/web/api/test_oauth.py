"""The endpoints that any OAuth library knows, on the wire."""

import base64
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import api_keys, endings, handoffs
from app.domain.audit_trail import AuditAction
from app.domain.impersonations import Started
from app.domain.secrets import hash_secret
from app.domain.tokens import Tokens
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.web import access_tokens, authentication
from app.web.api import oauth, programs
from app.web.application import Application
from tests import trail
from tests.cast import ADA, API_KEY, CY, ELSEWHERE, HARBOUR, MIA
from tests.clock import Clock
from tests.conftest import ADMIN_URL, PRODUCT_URL, on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.keys import make_key
from tests.twins import each_fails_without, fails_without, line, together
from tests.web.api.conftest import Product

INTROSPECT, REVOKE, TOKEN = "/oauth/introspect", "/oauth/revoke", "/oauth/token"
BOTH = pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
INACTIVE = {"active": False}


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


@dataclass
class Server:
    """A resource server that is a client of ours."""

    client: FlaskClient
    id: str
    secret: str

    def post(self, path: str, **form: Any) -> TestResponse:
        return self.client.post(path, data=form, headers=basic(self.id, self.secret))

    def introspect(self, token: str) -> Any:
        answer = self.post(INTROSPECT, token=token, token_type_hint="access_token")
        assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.get_json()

    def revoke(self, token: str) -> None:
        answer = self.post(REVOKE, token=token)
        assert (answer.status_code, answer.data) == (200, b"")


def server_of(
    client: FlaskClient, database: Database, clock: Clock, *scopes: str, **limits: Any
) -> Server:
    key, secret = make_key(database, *(scopes or ("tokens",)), now=clock.now, **limits)
    return Server(client, key.id, secret)


@pytest.fixture
def server(client: FlaskClient, database: Database, clock: Clock) -> Server:
    return server_of(client, database, clock)


def failure(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code; the shape is RFC 6749's."""
    assert answer.mimetype == "application/json", answer.text
    body = answer.get_json()
    assert body.keys() == {"error", "error_description"}
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert challenge.startswith("Basic ") is (answer.status_code == 401)
    return answer.status_code, body["error"]


# Metadata.


@on_sqlite
def test_the_metadata_is_made_from_the_settings(client: FlaskClient) -> None:
    answer = client.get("/.well-known/oauth-authorization-server")
    methods = ["client_secret_basic", "client_secret_post"]
    assert answer.get_json() == {
        "issuer": ADMIN_URL,
        "jwks_uri": f"{ADMIN_URL}/.well-known/jwks.json",
        "token_endpoint": f"{ADMIN_URL}/oauth/token",
        "introspection_endpoint": f"{ADMIN_URL}/oauth/introspect",
        "revocation_endpoint": f"{ADMIN_URL}/oauth/revoke",
        "response_types_supported": ["none"],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
    }


# Introspection.


def test_a_live_token_is_told_as_it_says_itself(
    server: Server, token: str, started: Started
) -> None:
    said = jwt.decode(token, options={"verify_signature": False})
    told = server.introspect(token)
    assert (told.pop("active"), told.pop("token_type")) == (True, "Bearer")
    assert (told.pop("username"), told.pop("client_id")) == (MIA.email, "admin-site")
    assert told.pop("scope") == "impersonate"
    assert told == {name: said[name] for name in told}
    assert told.keys() == {"iss", "aud", "sub", "act", "jti", "iat", "exp"}
    assert (told["act"], told["aud"]) == ({"sub": ADA.id}, PRODUCT_URL)


def test_a_token_is_as_old_as_its_session(
    server: Server, product: Product, started: Started, clock: Clock
) -> None:
    clock.move(seconds=30)
    token = product.redeem(started.ticket).get_json()["token"]
    told = server.introspect(token)
    started_at = clock.now.timestamp() - 30
    assert (told["iat"], told["exp"]) == (started_at, started_at + 1200)


def test_a_token_with_propelauths_prefix_is_taken_as_well(
    client: FlaskClient, database: Database, clock: Clock, server: Server
) -> None:
    scopes = ("propelauth", "impersonate")
    key, secret = make_key(database, *scopes, reason_required=False, now=clock.now)
    data = {"employeeEmail": ADA.email, "targetUserId": MIA.id, "userAgent": "", "ipAddress": ""}
    body = {"command": "CreateImpersonationSession", "data": data}
    headers = {"Authorization": f"Bearer {secret}"}
    started = client.post("/run-command", json=body, headers=headers).get_json()
    token = started["impersonationSessionToken"]
    told = server.introspect(token)
    assert (told["active"], told["client_id"], told["sub"]) == (True, key.id, MIA.id)
    server.revoke(token)
    assert server.introspect(token) == INACTIVE


@on_sqlite
@pytest.mark.requirement("T1")
@pytest.mark.parametrize(
    "token", ["x", "x.y.z", "impersonate_", "x" * 9_000, API_KEY, "\0", "é", "{}"]
)
def test_what_is_no_token_of_ours_is_not_active(server: Server, token: str) -> None:
    assert server.introspect(token) == INACTIVE
    server.revoke(token)


@on_sqlite
@pytest.mark.requirement("T1", "T5")
def test_a_forged_token_is_not_active(server: Server, token: str) -> None:
    said = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    forged = [
        jwt.encode(said, "", algorithm="none", headers=header | {"alg": "none"}),
        jwt.encode(said, "k" * 64, algorithm="HS256", headers=header | {"alg": "HS256"}),
        token[:-2],
        token.upper(),
    ]
    for one in forged:
        assert server.introspect(one) == INACTIVE
        server.revoke(one)
    assert server.introspect(token)["active"]


@pytest.mark.requirement("I1", "T5")
@fails_without(
    together(
        line(Impersonation.has_run_out, "now >= self.expires_at or "),
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
        line(endings._tab_gone, "EndReason.WENT_SILENT if silent else None", "None"),
    )
)
def test_a_token_is_active_until_its_session_is_over(
    server: Server, token: str, clock: Clock
) -> None:
    clock.move(minutes=2)
    assert server.introspect(token)["active"]
    clock.move(minutes=18)
    assert server.introspect(token) == INACTIVE


@pytest.mark.requirement("A2", "T5")
@fails_without(line(endings._why_over, "_ground_gone(impersonation, target_is_admin) or "))
def test_a_token_is_not_active_once_its_ground_has_gone(
    server: Server, token: str, database: Database
) -> None:
    with database.unit_of_work(writing=True) as db:
        db.scalars(select(Impersonation)).one().impersonator.role = "admin"
    assert server.introspect(token) == INACTIVE
    with database.unit_of_work(writing=False) as db:
        ended = db.scalars(select(Impersonation.end_reason)).all()
    assert ended == [EndReason.IMPERSONATOR_LOST_ACCESS]


# Revocation.


@pytest.mark.requirement("I3", "I4")
@fails_without(
    line(oauth._session, " if impersonation and impersonation.is_active(g.now) else None")
)
def test_revoking_ends_the_session_everywhere(
    server: Server, product: Product, token: str, database: Database
) -> None:
    server.revoke(token)
    server.revoke(token)
    assert server.introspect(token) == INACTIVE
    assert product.act(token).status_code == 401
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
        assert (event.details["why"], event.actor_kind) == (EndReason.PROGRAM_ENDED, "program")
        assert event.details["through"].startswith("A program (usk")


@pytest.mark.requirement("A10")
@fails_without(line(programs.find_by_token, "impersonation if covered else None", "impersonation"))
def test_a_token_of_another_account_than_the_keys_is_not_there(
    client: FlaskClient, database: Database, clock: Clock, token: str
) -> None:
    server = server_of(client, database, clock, account=ELSEWHERE)
    assert server.introspect(token) == INACTIVE
    server.revoke(token)
    others = server_of(client, database, clock, account=HARBOUR, admin=CY.id)
    assert others.introspect(token)["active"]


# Clients.


@on_sqlite
@BOTH
def test_a_client_proves_itself_in_each_usual_way(server: Server, token: str, path: str) -> None:
    post, form = server.client.post, {"token": token}
    everything_encoded = "".join(f"%{ord(one):02X}" for one in server.secret)
    for headers in (
        basic(server.id, server.secret),
        basic(quote(server.id), everything_encoded),
        {"Authorization": basic(server.id, server.secret)["Authorization"].replace("B", "b", 1)},
    ):
        assert post(path, data=form, headers=headers).status_code == 200
    proof = {"client_id": server.id, "client_secret": server.secret}
    assert post(path, data=form | proof).status_code == 200
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    assert post(path, data=form | proof, content_type=kind).status_code == 200


@on_sqlite
@pytest.mark.requirement("P1", "K5")
@pytest.mark.parametrize("path", [INTROSPECT, REVOKE, TOKEN])
@each_fails_without(
    "change",
    dict.fromkeys(["nothing", "both", "bearer", "garbled"])
    | dict.fromkeys(["id", "secret"], line(api_keys.find_client, "key if same else None", "key")),
)
def test_a_client_that_proves_nothing_is_refused(
    server: Server, token: str, path: str, change: str
) -> None:
    headers: dict[str, str] = {
        "nothing": {},
        "id": basic("letterbox", server.secret),
        "secret": basic(server.id, API_KEY),
        "both": basic("", ""),
        "bearer": {"Authorization": f"Bearer {server.secret}"},
        "garbled": {"Authorization": "Basic \xff"},
    }[change]
    form = {"token": token, "grant_type": "client_credentials"}
    for body in (form, form | {"client_id": server.id}, form | {"client_secret": server.secret}):
        answer = server.client.post(path, data=body, headers=headers)
        assert failure(answer) == (401, "invalid_client")
    assert server.introspect(token)["active"]


@pytest.mark.requirement("P1")
@each_fails_without(
    "column",
    {
        "revoked_at": line(APIKey.state, "if self.revoked_at is not None", "if False"),
        "expires_at": line(APIKey.state, "now >= self.expires_at", "False"),
    },
)
def test_a_key_that_is_over_is_no_client(
    server: Server, database: Database, clock: Clock, column: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        setattr(db.get_one(APIKey, server.id), column, clock.now)
    for path in (INTROSPECT, REVOKE, TOKEN):
        answer = server.post(path, token="x", grant_type="client_credentials")
        assert failure(answer) == (401, "invalid_client")


@on_sqlite
@BOTH
def test_a_client_for_something_else_may_not_ask(
    client: FlaskClient, database: Database, clock: Clock, path: str
) -> None:
    server = server_of(client, database, clock, "propelauth")
    assert failure(server.post(path, token="x")) == (403, "unauthorized_client")


@on_sqlite
@BOTH
@pytest.mark.parametrize(
    "body", [b"", b"token=", b"{", b"[]", b"\xff", b'{"token": 7}', b"token=x&token=x", b"[" * 9999]
)
def test_a_request_without_a_token_is_invalid(server: Server, path: str, body: bytes) -> None:
    kind = "application/x-www-form-urlencoded"
    headers = basic(server.id, server.secret)
    answer = server.client.post(path, data=body, content_type=kind, headers=headers)
    assert failure(answer) == (400, "invalid_request")


@on_sqlite
@pytest.mark.parametrize("path", [INTROSPECT, REVOKE, TOKEN])
def test_bad_requests_are_told_in_its_form(server: Server, path: str) -> None:
    for slash in ("", "/"):
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            answer = server.client.open(path + slash, method=method)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
            assert answer.mimetype == "application/json"
    assert failure(server.client.get(f"{path}/more")) == (404, "not_found")
    for proof in ({}, basic(server.id, server.secret)):
        answer = server.client.post(path, data=b"x" * 2**21, headers=proof)
        assert failure(answer) == (413, "invalid_request")


@pytest.mark.requirement("W5")
@on_sqlite
def test_another_sites_page_needs_no_csrf_token_but_the_secret(server: Server, token: str) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = server.client.post(REVOKE, data={"token": token}, headers=headers)
    assert failure(answer) == (401, "invalid_client")
    assert server.introspect(token)["active"]


# Tokens of clients.


@dataclass
class Program:
    """A program that exchanges its secret for a token."""

    server: Server

    def granted(self, **changes: str) -> TestResponse:
        body = {
            "grant_type": "client_credentials",
            "client_id": self.server.id,
            "client_secret": self.server.secret,
        }
        return self.server.client.post(TOKEN, json=body | changes)

    def token(self) -> str:
        token: str = self.granted().get_json()["access_token"]
        return token

    def ask(self, token: str) -> int:
        """Ask with the token for what the key is for; return the status."""
        headers = {"Authorization": f"Bearer {token}"}
        body = {"command": "Ping"}
        return self.server.client.post("/run-command", json=body, headers=headers).status_code


@pytest.fixture
def program(client: FlaskClient, database: Database, clock: Clock) -> Program:
    return Program(server_of(client, database, clock, "propelauth"))


def test_a_secret_is_exchanged_for_a_token(program: Program) -> None:
    answer = program.granted()
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    granted = answer.get_json()
    assert granted.keys() == {"access_token", "token_type", "expires_in"}
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 600)
    assert program.ask(granted["access_token"]) == 200


@on_sqlite
def test_a_form_and_basic_will_do_as_well(program: Program) -> None:
    form = {"grant_type": "client_credentials", "audience": "https://support.example.com/"}
    assert program.ask(program.server.post(TOKEN, **form).get_json()["access_token"]) == 200


@pytest.mark.requirement("P1")
@fails_without(line(access_tokens.find, "if 0 < left", "if -600 < left"))
def test_the_token_is_good_for_ten_minutes(program: Program, clock: Clock) -> None:
    token = program.token()
    clock.move(minutes=9, seconds=59)
    assert program.ask(token) == 200
    clock.move(seconds=1)
    assert program.ask(token) == 401


@pytest.mark.requirement("P1")
@fails_without(line(access_tokens.find, " or not key.is_good(now)"))
def test_the_token_dies_with_its_key(program: Program, database: Database, clock: Clock) -> None:
    token = program.token()
    with database.unit_of_work(writing=True) as db:
        key = db.get_one(APIKey, program.server.id)
        api_keys.revoke(db, key, by=None, provenance=FROM_THE_OFFICE, now=clock.now)
    assert program.ask(token) == 401


@pytest.mark.requirement("P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
def test_the_token_opens_what_its_key_does_and_no_more(
    program: Program, server: Server, clock: Clock
) -> None:
    token = program.token()
    headers = {"Authorization": f"Bearer {token}"}
    assert program.server.client.get("/scim/v2/Users", headers=headers).status_code == 403
    # It is the program's own, and no member's.
    assert server.introspect(token) == INACTIVE


@dataclass
class Forger:
    """Somebody who knows some of what a token for the program's key is made of."""

    app: Application
    clock: Clock
    key: APIKey

    def token(self, *, site: str = "", key: str = "", **left: int) -> str:
        """Make one that is good for so long, guessing the site's secret or the hash of the key's.

        What is not guessed is known.
        """
        guessed = APIKey(id=self.key.id, secret_hash=key or self.key.secret_hash)
        known = self.app.extensions["settings"]
        settings = replace(known, secret_key=site or known.secret_key)
        at = self.clock.now + timedelta(**left) - access_tokens.LIFETIME
        with self.app.app_context(), pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setitem(self.app.extensions, "settings", settings)
            return access_tokens.issue(guessed, now=at)


@pytest.fixture
def forger(program: Program, admin_app: Application, database: Database, clock: Clock) -> Forger:
    with database.unit_of_work(writing=False) as db:
        return Forger(admin_app, clock, db.get_one(APIKey, program.server.id))


@on_sqlite
@pytest.mark.requirement("K3", "P1")
@pytest.mark.failure("X8")
@fails_without(line(access_tokens._signer, " {key.secret_hash}"))
def test_the_sites_secret_alone_makes_no_token(program: Program, forger: Forger) -> None:
    assert program.ask(forger.token(minutes=9)) == 200
    assert program.ask(forger.token(minutes=9, key="0" * 64)) == 401


@on_sqlite
@pytest.mark.requirement("K3", "P1")
@fails_without(line(access_tokens._signer, "settings().secret_key", '"a constant"'))
def test_the_database_alone_makes_no_token(program: Program, forger: Forger) -> None:
    assert program.ask(forger.token(minutes=9, site="0" * 32)) == 401


@on_sqlite
@pytest.mark.requirement("K3", "P1")
@fails_without(line(access_tokens._signer, " {key.secret_hash}"))
def test_a_token_dies_with_the_secret_it_was_given_for(
    program: Program, database: Database
) -> None:
    token = program.token()
    with database.unit_of_work(writing=True) as db:
        db.get_one(APIKey, program.server.id).secret_hash = hash_secret("another")
    assert program.ask(token) == 401


@on_sqlite
@pytest.mark.requirement("P1")
@fails_without(line(access_tokens.find, " <= (LIFETIME + CLOCKS_DIFFER_BY).total_seconds()"))
def test_no_token_is_good_for_longer_than_those_that_are_issued(
    program: Program, forger: Forger
) -> None:
    # Another machine's clock may be a little ahead of ours.
    assert program.ask(forger.token(minutes=10, seconds=5)) == 200
    assert program.ask(forger.token(minutes=10, seconds=6)) == 401


@fails_without(
    line(access_tokens.find, "_signer(key).unsign(token)", "token.rpartition('.')[0].encode()")
)
@on_sqlite
@pytest.mark.requirement("K3")
def test_an_altered_token_opens_nothing(program: Program) -> None:
    token = program.token()
    key_id, until, signature = token.split(".")
    anothers = f"letterbox.{until}.{signature}"
    later = f"{key_id}.{int(until) + 1}.{signature}"
    signed = f"{key_id}.{until}"
    for other in (
        signed,
        f"{signed}.",
        f"x{token}",
        f"{signature}.{signed}",
        token + "x",
        anothers,
        later,
        f"\xa0.{until}.{signature}",
    ):
        assert program.ask(other) == 401


@on_sqlite
@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "letterbox"}, (401, "invalid_client")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": "refresh_token"}, (400, "unsupported_grant_type")),
        ({"grant_type": ""}, (400, "unsupported_grant_type")),
        ({"grant_type": None}, (400, "invalid_request")),
        ({"grant_type": 7}, (400, "invalid_request")),
        ({"grant_type": "authorization_code"}, (400, "invalid_request")),
        (
            {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x"},
            (403, "invalid_grant"),
        ),
    ],
)
def test_what_is_not_granted_is_told(
    program: Program, changes: dict[str, Any], failed: tuple[int, str]
) -> None:
    assert failure(program.granted(**changes)) == failed


@pytest.mark.failure("X19")
@fails_without(line(handoffs.consume, "if not _is_for(db, hashed, client)", "if False"))
def test_a_ticket_of_the_products_is_no_code(program: Program, started: Started) -> None:
    changes = {"grant_type": "authorization_code", "code": started.ticket, "redirect_uri": "x"}
    assert failure(program.granted(**changes)) == (403, "invalid_grant")


@on_sqlite
def test_no_secret_and_no_token_is_logged(
    program: Program, server: Server, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    own = program.token()
    program.granted(client_secret=program.server.secret[:-1])
    server.introspect(token)
    program.server.client.post(TOKEN, data=json.dumps({"token": token}) + "}")
    for secret in (program.server.secret[:-1], server.secret, token, own):
        assert secret not in caplog.text


@on_sqlite
def test_when_a_clients_key_was_last_used_is_known(
    server: Server, database: Database, clock: Clock
) -> None:
    later = clock.now + timedelta(minutes=5)
    clock.move(minutes=5)
    server.introspect("x")
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(APIKey, server.id).last_used_at == later


@on_sqlite
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "jwks.json", 405),
        ("OPTIONS", "jwks.json", 405),
        ("GET", "openid-configuration", 404),
        ("POST", "audit-trail-key", 405),
    ],
)
def test_nothing_that_is_well_known_answers_with_a_page(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(f"/.well-known/{path}", method=method)
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert client.get("/.well-known/jwks.json/").status_code == 200
