"""Auth0's legacy dialect, on the wire."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import api_keys, handoffs, impersonation_links, impersonations, policies
from app.domain.audit_trail import AuditAction
from app.domain.tokens import Tokens
from app.storage.accounts import Account
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.storage.impersonation_links import ImpersonationLink
from app.storage.impersonations import EndReason, Impersonation
from app.web import authentication
from app.web.api import auth0 as views
from tests import trail
from tests.cast import ADA, API_KEY, ELSEWHERE, EVE, HARBOUR, MIA, OMAR, PIA
from tests.clock import Clock
from tests.conftest import ADMIN_URL, on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.keys import make_key
from tests.twins import fails_without, line, together

CALLBACK = "https://support.example.com/callback?from=understudy"
CODES = {"response_type": "code", "state": "a state & more"}
TOKENS = {**CODES, "response_type": "token"}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass
class Tool:
    """A support tool with the global client's secret, and an application with a callback."""

    client: FlaskClient
    secret: str
    app: APIKey
    app_secret: str

    def body(self, more: Any = None, **changes: Any) -> dict[str, Any]:
        body = {
            "protocol": "oauth2",
            "impersonator_id": f"auth0|{ADA.id}",
            "client_id": self.app.id,
            "additionalParameters": more,
        }
        return {name: value for name, value in {**body, **changes}.items() if value is not None}

    def post(
        self,
        body: Any = None,
        *,
        user: str = f"auth0|{MIA.id}",
        kind: str | None = JSON,
        query: str = "",
        authorization: str | None = None,
    ) -> TestResponse:
        return self.client.post(
            f"/users/{quote(user, safe='')}/impersonate{query}",
            data=json.dumps(body) if isinstance(body, dict) else body,
            content_type=kind,
            headers={"Authorization": authorization or f"Bearer {self.secret}"},
        )

    def link(self, more: Any = None, **changes: Any) -> str:
        answer = self.post(self.body(more, **changes))
        assert (answer.status_code, answer.mimetype) == (200, "text/plain"), answer.text
        return answer.text

    def follow(self, link: str) -> TestResponse:
        return self.client.get(link.removeprefix(ADMIN_URL), headers={"User-Agent": "a tab"})

    def sent_to(self, link: str) -> dict[str, str]:
        """Follow the link; return what the callback is told, in its query or its fragment."""
        answer = self.follow(link)
        assert answer.status_code == 302, answer.text
        parts = urlsplit(answer.headers["Location"])
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK.partition("?")[0]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert query.pop("from") == "understudy"
        fragment = {name: values[0] for name, values in parse_qs(parts.fragment).items()}
        assert not (query and fragment)
        return query or fragment

    def redeem(self, code: str, **changes: str) -> TestResponse:
        body = {
            "grant_type": "authorization_code",
            "client_id": self.app.id,
            "client_secret": self.app_secret,
            "code": code,
            "redirect_uri": CALLBACK,
        }
        return self.client.post("/oauth/token", json=body | changes)

    def profile(self, token: str) -> TestResponse:
        return self.client.get("/userinfo", headers={"Authorization": f"Bearer {token}"})


def failure(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code; the shape is that of OAuth."""
    assert answer.mimetype == "application/json", answer.text
    body = answer.get_json()
    assert body.keys() == {"error", "error_description"}
    assert body["error_description"].endswith(".")
    return answer.status_code, body["error"]


@pytest.fixture
def tool(client: FlaskClient, database: Database, clock: Clock) -> Tool:
    scopes = ("auth0", "impersonate")
    _, secret = make_key(database, *scopes, reason_required=False, now=clock.now)
    app, app_secret = make_key(database, "auth0_callback", callback_urls=(CALLBACK,), now=clock.now)
    return Tool(client, secret, app, app_secret)


# Asking for a link.


def test_a_link_is_absolute_and_new_each_time(tool: Tool) -> None:
    first, second = tool.link(CODES), tool.link(CODES)
    assert first.startswith(f"{ADMIN_URL}/users/auth0%7C{ADA.id}/impersonate?&bewit=")
    assert len(first.partition("bewit=")[2]) >= 16
    assert first != second


@on_sqlite
@pytest.mark.parametrize(
    ("kind", "as_json"),
    [(JSON, True), (f"{FORM}; charset=UTF-8", True), (JSON, False), (FORM, False), (None, False)],
)
def test_a_body_is_read_by_its_bytes(tool: Tool, kind: str | None, *, as_json: bool) -> None:
    body = tool.body(TOKENS)
    sent = body if as_json else urlencode(body | {"additionalParameters": json.dumps(TOKENS)})
    answer = tool.post(sent, kind=kind)
    assert tool.sent_to(answer.text)["state"] == "a state & more"


@on_sqlite
def test_a_query_alone_will_do(tool: Tool) -> None:
    query = urlencode(tool.body() | {"additionalParameters": json.dumps(TOKENS)})
    answer = tool.post(kind=None, query=f"?{query}")
    assert tool.sent_to(answer.text)["state"] == "a state & more"


@on_sqlite
def test_what_the_sdk_sends_beside_is_ignored(tool: Tool) -> None:
    more: dict[str, Any] = {
        "token": "another",
        "clientId": "another",
        "headers": {},
        "domain": None,
    }
    assert tool.link(CODES, **more)


@on_sqlite
@pytest.mark.parametrize("protocol", ["oauth2", "samlp", "wsfed", "wsfed-rms"])
def test_every_protocol_that_they_know_is_taken(tool: Tool, protocol: str) -> None:
    assert tool.link(protocol=protocol)


@on_sqlite
@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": None},
        {"protocol": "ftp"},
        {"impersonator_id": None},
        {"impersonator_id": 7},
        {"client_id": None},
        {"client_id": ""},
        {"client_id": "nobody"},
        {"client_id": "letterbox"},
        {"client_id": ["x"]},
        {"additionalParameters": "{"},
        {"additionalParameters": "[" * 20_000},
        {"additionalParameters": [1]},
        {"additionalParameters": {"response_type": "id_token"}},
        {"additionalParameters": {"response_type": 7}},
        {"additionalParameters": {"state": {}}},
        {"additionalParameters": {"callback_url": "https://evil.example/callback"}},
        {"additionalParameters": {"callback_url": CALLBACK + "x"}},
    ],
)
def test_what_is_missing_or_unknown_is_an_invalid_request(
    tool: Tool, changes: dict[str, Any]
) -> None:
    body = {name: one for name, one in (tool.body() | changes).items() if one is not None}
    assert failure(tool.post(body)) == (400, "invalid_request")


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff", 400),
        (b'"x"', 400),
        (b'{"protocol": "\\u0000"}', 400),
        (b'{"protocol": "\\ud800"}', 400),
        (b"protocol=%00", 400),
        (b"protocol=oauth2&protocol=oauth2", 400),
        (b"a=1&" * 200, 400),
        (b'{"a":' + b"[" * 20_000, 400),
        (b'{"a":' + b"9" * 5_000 + b"}", 400),
        (b"x" * 2**21, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_an_invalid_request(
    tool: Tool, body: bytes, status: int
) -> None:
    assert failure(tool.post(body)) == (status, "invalid_request")


@pytest.mark.requirement("A10")
@pytest.mark.parametrize("user", ["auth0|nobody", MIA.id, "auth0|", "x" * 300, "auth0|\0"])
def test_an_unknown_user_is_inexistent(tool: Tool, user: str) -> None:
    assert failure(tool.post(tool.body(), user=user)) == (404, "inexistent_user")


@pytest.mark.requirement("A2")
@fails_without(line(impersonations.refused, ", event=recorded"))
@pytest.mark.parametrize("who", [f"auth0|{OMAR.id}", "auth0|nobody", ADA.id])
def test_an_impersonator_who_may_not_is_forbidden_on_record(
    tool: Tool, database: Database, who: str
) -> None:
    assert failure(tool.post(tool.body(impersonator_id=who))) == (403, "forbidden")
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.IMPERSONATION_REFUSED).details["why"] == "not_superadmin"


@pytest.mark.requirement("A3", "L1")
@fails_without(line(policies._refusal_of_member, "if target.protected", "if False"))
def test_a_user_who_may_not_be_impersonated_is_forbidden_on_record(
    tool: Tool, database: Database
) -> None:
    assert failure(tool.post(tool.body(), user=f"auth0|{PIA.id}")) == (403, "forbidden")
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_REFUSED)
        assert (event.actor_id, event.subject_id) == (ADA.id, PIA.id)


@pytest.mark.requirement("P1")
@pytest.mark.parametrize(
    ("authorization", "failed"),
    [
        ("Basic dTpw", (401, "unauthorized")),
        ("Bearer ", (401, "unauthorized")),
        ("Bearer uskx", (401, "unauthorized")),
        ("Bearer \xff", (401, "unauthorized")),
        (f"Bearer {API_KEY}", (403, "forbidden")),
    ],
)
def test_a_token_that_is_not_the_global_clients_is_refused(
    tool: Tool, authorization: str, failed: tuple[int, str]
) -> None:
    assert failure(tool.post(tool.body(), authorization=authorization)) == failed


@pytest.mark.requirement("P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
def test_a_token_of_another_kind_of_client_is_forbidden(
    tool: Tool, database: Database, clock: Clock
) -> None:
    _, other = make_key(database, "propelauth", "impersonate", now=clock.now)
    for secret in (tool.app_secret, other):
        answer = tool.post(tool.body(), authorization=f"Bearer {secret}")
        assert failure(answer) == (403, "forbidden")


@pytest.mark.requirement("P1")
@fails_without(
    line(views._client, " or Scope.AUTH0_CALLBACK not in client.scopes"),
    line(impersonation_links._may_have, "limits and client.is_good(now)", "limits"),
)
def test_a_client_that_is_none_or_over_is_unknown(
    tool: Tool, database: Database, clock: Clock
) -> None:
    other, _ = make_key(database, "tokens", callback_urls=(CALLBACK,), now=clock.now)
    assert failure(tool.post(tool.body(client_id=other.id))) == (400, "invalid_request")
    with database.unit_of_work(writing=True) as db:
        db.get_one(APIKey, tool.app.id).expires_at = clock.now
    assert failure(tool.post(tool.body())) == (400, "invalid_request")


@pytest.mark.requirement("P2")
@fails_without(
    line(policies.refusal_of_anybody, "if Scope.IMPERSONATE not in key.scopes", "if False")
)
def test_a_key_that_may_not_start_gets_no_link(
    tool: Tool, database: Database, clock: Clock
) -> None:
    tool.secret = make_key(database, "auth0", now=clock.now)[1]
    assert failure(tool.post(tool.body())) == (403, "forbidden")


@pytest.mark.requirement("A10")
@fails_without(line(views._target, " or not programs.api_key().covers(target.account_id)"))
def test_a_user_of_another_account_is_not_there(
    tool: Tool, database: Database, clock: Clock
) -> None:
    scopes = ("auth0", "impersonate")
    tool.secret = make_key(database, *scopes, account=ELSEWHERE, now=clock.now)[1]
    assert failure(tool.post(tool.body())) == (404, "inexistent_user")


def test_a_key_that_wants_a_reason_takes_it_from_the_additional_parameters(
    tool: Tool, database: Database, clock: Clock
) -> None:
    tool.secret = make_key(database, "auth0", "impersonate", now=clock.now)[1]
    assert failure(tool.post(tool.body())) == (400, "invalid_request")
    tool.follow(tool.link({"reason": "Her template is broken"}))
    with database.unit_of_work(writing=False) as db:
        assert db.scalars(select(Impersonation.reason)).all() == ["Her template is broken"]


@on_sqlite
def test_of_several_callbacks_one_has_to_be_named(
    tool: Tool, database: Database, clock: Clock
) -> None:
    urls = (CALLBACK, "https://support.example.com/other")
    tool.app, _ = make_key(database, "auth0_callback", callback_urls=urls, now=clock.now)
    assert failure(tool.post(tool.body())) == (400, "invalid_request")
    answer = tool.follow(tool.link({"callback_url": urls[1]}))
    assert answer.headers["Location"].startswith(f"{urls[1]}?code=")


# Following it.


def test_a_link_leads_to_a_code_and_that_to_a_token(
    tool: Tool, tokens: Tokens, clock: Clock
) -> None:
    sent = tool.sent_to(tool.link(CODES))
    assert sent.keys() == {"code", "state"}
    assert sent["state"] == "a state & more"
    clock.move(seconds=10)
    granted = tool.redeem(sent["code"]).get_json()
    assert granted.keys() == {"access_token", "token_type", "expires_in"}
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 1190)
    claims = tokens.verify(granted["access_token"], now=clock.now)
    assert (claims.impersonator_id, claims.target_id) == (ADA.id, MIA.id)


def test_a_link_leads_to_a_token_at_once(tool: Tool, tokens: Tokens, clock: Clock) -> None:
    sent = tool.sent_to(tool.link(TOKENS))
    assert sent.keys() == {"access_token", "token_type", "expires_in", "state"}
    assert (sent["token_type"], sent["expires_in"]) == ("Bearer", "1200")
    claims = tokens.verify(sent["access_token"], now=clock.now)
    assert (claims.impersonator_id, claims.target_id) == (ADA.id, MIA.id)


@on_sqlite
@pytest.mark.parametrize("state", [None, "", "é ü/+%&#"])
def test_a_state_comes_back_unchanged_or_not_at_all(tool: Tool, state: str | None) -> None:
    answer = tool.follow(tool.link({"state": state}))
    query = parse_qs(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    assert query.get("state") == (None if state is None else [state])


@pytest.mark.requirement("L2")
def test_the_session_is_that_of_the_browser_through_the_key(tool: Tool, database: Database) -> None:
    tool.follow(tool.link(TOKENS))
    with database.unit_of_work(writing=False) as db:
        session = db.scalars(select(Impersonation)).one()
        assert (session.user_agent, session.impersonator_id) == ("a tab", ADA.id)
        event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
        assert event.details["through"].startswith("A program (usk")


@pytest.mark.requirement("H3")
@fails_without(line(impersonation_links.follow, "if link.impersonation is not None", "if False"))
def test_a_link_works_once_and_ends_its_session_when_it_comes_again(
    tool: Tool, database: Database
) -> None:
    link = tool.link(TOKENS)
    token = tool.sent_to(link)["access_token"]
    assert tool.profile(token).status_code == 200
    assert failure(tool.follow(link)) == (403, "forbidden")
    assert failure(tool.profile(token)) == (401, "invalid_token")
    with database.unit_of_work(writing=False) as db:
        assert db.scalars(select(Impersonation.end_reason)).all() == [EndReason.TICKET_REUSED]


@pytest.mark.parametrize("change", ["late", "secret", "whose", "none", "key"])
def test_a_link_that_is_not_good_is_forbidden(
    tool: Tool, database: Database, clock: Clock, change: str
) -> None:
    link = tool.link(TOKENS)
    if change == "late":
        clock.move(minutes=20)
    if change == "key":
        with database.unit_of_work(writing=True) as db:
            key = db.get_one(APIKey, tool.app.id)
            api_keys.revoke(db, key, by=None, provenance=FROM_THE_OFFICE, now=clock.now)
    altered = {
        "secret": f"{link}x",
        "whose": link.replace(ADA.id, OMAR.id),
        "none": link.partition("?")[0],
    }
    assert failure(tool.follow(altered.get(change, link))) == (403, "forbidden")


@pytest.mark.requirement("A3")
@fails_without(
    line(
        policies.refusal_of_account,
        "None if account.allows_impersonation else",
        "None if True else",
    )
)
def test_a_link_is_refused_when_its_ground_has_gone_and_works_when_it_is_back(
    tool: Tool, database: Database
) -> None:
    link = tool.link(TOKENS)

    def switch(*, off: bool) -> None:
        with database.unit_of_work(writing=True) as db:
            db.get_one(Account, HARBOUR).impersonation_switched_off = off

    switch(off=True)
    assert failure(tool.follow(link)) == (403, "forbidden")
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.IMPERSONATION_REFUSED).subject_id == MIA.id
    switch(off=False)
    assert tool.sent_to(link)["access_token"]


@on_sqlite
@pytest.mark.parametrize(
    ("method", "purpose", "status"), [("HEAD", "", 405), ("GET", "prefetch;prerender", 403)]
)
def test_looking_ahead_does_not_use_a_link_up(
    tool: Tool, database: Database, method: str, purpose: str, status: int
) -> None:
    link = tool.link(TOKENS)
    path, headers = link.removeprefix(ADMIN_URL), {"Sec-Purpose": purpose}
    assert tool.client.open(path, method=method, headers=headers).status_code == status
    with database.unit_of_work(writing=False) as db:
        assert db.scalars(select(ImpersonationLink.used_at)).all() == [None]
    assert tool.sent_to(link)["access_token"]


# Codes.


@pytest.mark.requirement("H3")
@fails_without(
    together(
        line(handoffs.consume, "Handoff.used_at.is_(None), "),
        line(impersonations.redeem, " or (consumed.good and impersonation.opened_at is not None)"),
    ),
    line(impersonations.redeem, "if consumed.used or", "if consumed.used and"),
)
def test_a_code_works_once(tool: Tool, database: Database) -> None:
    code = tool.sent_to(tool.link(CODES))["code"]
    token = tool.redeem(code).get_json()["access_token"]
    assert failure(tool.redeem(code)) == (403, "invalid_grant")
    assert failure(tool.profile(token)) == (401, "invalid_token")


def test_a_code_is_for_its_client_its_callback_and_its_minute(
    tool: Tool, database: Database, clock: Clock
) -> None:
    other, secret = make_key(database, "auth0_callback", callback_urls=(CALLBACK,), now=clock.now)
    code = tool.sent_to(tool.link(CODES))["code"]
    theirs = {"client_id": other.id, "client_secret": secret}
    for changes in (theirs, {"redirect_uri": CALLBACK + "x"}):
        assert failure(tool.redeem(code, **changes)) == (403, "invalid_grant")
    assert failure(tool.redeem("x")) == (403, "invalid_grant")
    clock.move(seconds=60)
    assert failure(tool.redeem(code)) == (403, "invalid_grant")


# The profile.


def test_the_profile_says_who_is_behind_it(tool: Tool) -> None:
    token = tool.sent_to(tool.link(TOKENS))["access_token"]
    answer = tool.profile(token)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() == {
        "sub": MIA.id,
        "user_id": f"auth0|{MIA.id}",
        "name": MIA.name,
        "email": MIA.email,
        "impersonated": True,
        "impersonator": {"user_id": f"auth0|{ADA.id}", "email": ADA.email},
    }


@pytest.mark.requirement("T5")
@fails_without(
    together(
        line(Impersonation.has_run_out, "now >= self.expires_at or "),
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
    )
)
def test_the_profile_of_a_dead_or_unknown_token_is_closed(tool: Tool, clock: Clock) -> None:
    token = tool.sent_to(tool.link(TOKENS))["access_token"]
    clock.move(minutes=20)
    for dead in (token, "", "x", tool.secret):
        answer = tool.profile(dead)
        assert failure(answer) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


# What every answer has.


@on_sqlite
@pytest.mark.parametrize(
    ("method", "path", "failed"),
    [
        ("GET", "/users", (404, "not_found")),
        ("GET", "/users/auth0%7Cmia", (404, "not_found")),
        ("PUT", "/users/auth0%7Cmia/impersonate", (405, "method_not_allowed")),
        ("POST", "/userinfo", (405, "method_not_allowed")),
        ("GET", "/userinfo/more", (404, "not_found")),
    ],
)
def test_other_addresses_and_methods_answer_in_its_form(
    client: FlaskClient, method: str, path: str, failed: tuple[int, str]
) -> None:
    assert failure(client.open(path, method=method)) == failed


@on_sqlite
def test_a_final_slash_makes_no_difference(tool: Tool) -> None:
    link = tool.link(TOKENS)
    path, _, query = link.removeprefix(ADMIN_URL).partition("?")
    assert tool.client.get(f"{path}/?{query}").status_code == 302
    assert tool.client.get("/userinfo/").status_code == 401


@pytest.mark.requirement("P1", "A4")
def test_the_token_of_the_global_client_asks_for_links_alone(
    tool: Tool, database: Database, clock: Clock
) -> None:
    scopes = ("auth0", "impersonate")
    globe, secret = make_key(database, *scopes, reason_required=False, now=clock.now)
    body = {"client_id": globe.id, "client_secret": secret, "grant_type": "client_credentials"}
    token = tool.client.post("/oauth/token", json=body).get_json()["access_token"]
    assert tool.post(tool.body(), authorization=f"Bearer {token}").status_code == 200
    assert failure(tool.profile(token)) == (401, "invalid_token")


def test_a_user_of_ours_keeps_one_id(tool: Tool) -> None:
    assert failure(tool.post(tool.body(), user=f"google-oauth2|{EVE.id}")) == (
        404,
        "inexistent_user",
    )
