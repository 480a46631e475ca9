"""Who is told to wait, in the shape of whichever client it is."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain import impersonations, throttles
from app.domain.alerts import RULES, AlertKind, Rule
from app.domain.audit_trail import AuditAction
from app.domain.start_limits import StartLimits
from app.storage.admins import Admin
from app.storage.base import number_of
from app.storage.database import Database
from app.storage.members import Member
from app.web.allowances import Allowances
from app.web.application import Application, create_admin_app
from tests import factories, trail
from tests.cast import ADA, HARBOUR, MIA
from tests.clock import Clock
from tests.conftest import SiteClient, on_sqlite
from tests.keys import make_key
from tests.twins import fails_without, line

JSON = "application/json"
HOUR = timedelta(hours=1)
CALLBACK = "https://support.example.com/callback"
WHY = "Her template is broken"


@dataclass(frozen=True)
class Dialect:
    """What a program of one kind sends, and what it is told when it has to wait."""

    path: str
    body: dict[str, Any] | None = None
    scopes: tuple[str, ...] = ("api", "impersonate")
    told: dict[str, Any] = field(default_factory=dict)
    media_type: str = JSON
    method: str = "POST"
    as_client: bool = False

    def ask(self, client: FlaskClient, key_id: str, secret: str) -> TestResponse:
        if self.as_client:
            pair = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
            return client.post(
                self.path, data=self.body, headers={"Authorization": f"Basic {pair}"}
            )
        return client.open(
            self.path,
            method=self.method,
            # What is done once an answer has been sent is done.
            buffered=True,
            data=None if self.body is None else json.dumps(self.body),
            content_type=self.media_type if self.body is not None else None,
            headers={"Authorization": f"Bearer {secret}"},
        )


PROBLEM = {"status": 429, "code": "throttled"}
START_PROBLEM = {"status": 429, "code": "starts_throttled"}
STARTS = {
    "our own": Dialect(
        "/api/v1/impersonations", {"subject": MIA.id, "reason": WHY}, told=START_PROBLEM
    ),
    "PropelAuth": Dialect(
        "/run-command",
        {
            "command": "CreateImpersonationSession",
            "data": {
                "employeeEmail": ADA.email,
                "targetUserId": MIA.id,
                "ipAddress": "198.51.100.9",
                "userAgent": "x",
                "metadata": {"reason": WHY},
            },
        },
        ("propelauth", "impersonate"),
        {"type": "UnexpectedError"},
    ),
    "JSON:API": Dialect(
        f"/api/v2/organizations/{HARBOUR}/impersonation",
        {"data": {"type": "impersonation", "attributes": {"user": MIA.id, "reason": WHY}}},
        ("json_api", "impersonate"),
        {"status": "429", "title": "Too Many Requests"},
        media_type="application/vnd.api+json",
    ),
    "authentik": Dialect(
        f"/api/v3/core/users/{number_of(MIA.id)}/impersonate/",
        {"reason": WHY},
        ("authentik", "impersonate"),
        {"code": "throttled"},
    ),
}
REQUESTS = {
    "our own": Dialect("/api/v1/members", method="GET", told=PROBLEM),
    "the kit": Dialect("/api/v1/impersonations/ends", {"token": "x"}, ("product",), told=PROBLEM),
    "PropelAuth": Dialect(
        "/run-command", {"command": "Ping"}, ("propelauth",), {"type": "UnexpectedError"}
    ),
    "JSON:API": Dialect(
        f"/api/v2/organizations/{HARBOUR}/impersonation",
        {},
        ("json_api",),
        {"status": "429", "title": "Too Many Requests"},
        media_type="application/vnd.api+json",
    ),
    "authentik": Dialect(
        "/api/v3/core/users/me/", None, ("authentik",), {"code": "throttled"}, method="GET"
    ),
    "Auth0": Dialect(
        f"/users/{quote('auth0|mia', safe='')}/impersonate",
        {},
        ("auth0",),
        {"error": "too_many_requests"},
    ),
    "SCIM": Dialect("/scim/v2/Users", None, ("directory",), {"status": "429"}, method="GET"),
    "OAuth": Dialect(
        "/oauth/introspect",
        {"token": "x"},
        ("tokens",),
        {"error": "temporarily_unavailable"},
        as_client=True,
    ),
}


def told(answer: TestResponse) -> Any:
    """Return what the answer says, of JSON:API the one error."""
    body = answer.get_json(force=True)
    return body["errors"][0] if "errors" in body else body


def check_wait(answer: TestResponse, dialect: Dialect, seconds: int) -> None:
    """Assert that it is told to wait so long, in its own shape."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["Retry-After"] == str(seconds)
    assert told(answer) | dialect.told == told(answer)


@pytest.fixture
def ask(client: FlaskClient, database: Database, clock: Clock) -> Callable[[Dialect], TestResponse]:
    keys: dict[tuple[str, ...], tuple[str, str]] = {}

    def ask(dialect: Dialect) -> TestResponse:
        if dialect.scopes not in keys:
            key, secret = make_key(database, *dialect.scopes, admin=ADA.id, now=clock.now)
            keys[dialect.scopes] = (key.id, secret)
        return dialect.ask(client, *keys[dialect.scopes])

    return ask


@pytest.fixture
def spent(admin_app: Application, database: Database, clock: Clock) -> None:
    """Ada has started as many sessions as anybody may, twelve minutes ago."""
    admin_app.extensions["start_limits"] = StartLimits(per_hour=1)
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id)
        factories.start(db, impersonator=ada, target=mia, now=clock.now)
    clock.move(minutes=12)


@pytest.mark.requirement("P3", "S6")
@fails_without(
    line(impersonations.check_policy, "Refusal.STARTS_THROTTLED if wait else None", "None")
)
@pytest.mark.usefixtures("spent")
@pytest.mark.parametrize("name", STARTS)
def test_a_start_too_many_is_told_to_wait(
    ask: Callable[[Dialect], TestResponse], database: Database, name: str
) -> None:
    check_wait(ask(STARTS[name]), STARTS[name], seconds=48 * 60)
    with database.unit_of_work(writing=False) as db:
        assert len(trail.events(db, AuditAction.IMPERSONATION_STARTED)) == 1
        refused = trail.only(db, AuditAction.IMPERSONATION_REFUSED)
        assert refused.details["why"] == "starts_throttled"
        assert trail.only(db, AuditAction.ALERT_RAISED).details["kind"] == "starts_throttled"


@pytest.mark.requirement("S6")
@fails_without(
    line(impersonations.check_policy, "Refusal.STARTS_THROTTLED if wait else None", "None")
)
def test_an_auth0_link_too_many_is_told_to_wait(
    ask: Callable[[Dialect], TestResponse],
    admin_app: Application,
    database: Database,
    clock: Clock,
) -> None:
    app, _ = make_key(database, "auth0_callback", callback_urls=(CALLBACK,), now=clock.now)
    body = {
        "protocol": "oauth2",
        "impersonator_id": f"auth0|{ADA.id}",
        "client_id": app.id,
        "additionalParameters": {"reason": WHY},
    }
    link = Dialect(
        f"/users/{quote(f'auth0|{MIA.id}', safe='')}/impersonate",
        body,
        ("auth0", "impersonate"),
        {"error": "too_many_requests"},
    )
    first, second = ask(link).text, ask(link).text
    admin_app.extensions["start_limits"] = StartLimits(per_hour=1)
    client = admin_app.test_client()
    assert client.get(first).status_code == 302
    check_wait(client.get(second), link, seconds=60 * 60)
    check_wait(ask(link), link, seconds=60 * 60)
    clock.move(minutes=19)
    # What was refused leaves the link as it was.
    admin_app.extensions["start_limits"] = StartLimits()
    assert client.get(second).status_code == 302


@pytest.mark.requirement("P5")
@fails_without(line(Allowances.spend, "if not self.most", "if True"))
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_too_many_is_told_to_wait(
    ask: Callable[[Dialect], TestResponse], admin_app: Application, clock: Clock, name: str
) -> None:
    admin_app.extensions["allowances"] = Allowances(3)
    clock.move(seconds=10)
    for _ in range(3):
        assert ask(REQUESTS[name]).status_code != 429
        clock.move(seconds=5)
    check_wait(ask(REQUESTS[name]), REQUESTS[name], seconds=45)
    clock.move(seconds=45)
    assert ask(REQUESTS[name]).status_code != 429


@pytest.mark.requirement("P5")
@fails_without(line(throttles.grant_requests, "if not granted", "if False"))
def test_a_key_that_waits_is_an_alert_once(
    ask: Callable[[Dialect], TestResponse], admin_app: Application, database: Database
) -> None:
    admin_app.extensions["allowances"].most = 1
    for _ in range(4):
        ask(REQUESTS["our own"])
    with database.unit_of_work(writing=False) as db:
        alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.details["kind"], alert.actor_kind) == ("api_key_throttled", "program")
    assert alert.details["through"].startswith("A program (usk")


@pytest.mark.requirement("P5")
def test_all_workers_together_answer_no_more_than_a_key_may_send(
    admin_app: Application, database: Database, clock: Clock
) -> None:
    other = create_admin_app(admin_app.settings)
    other.test_client_class = SiteClient
    key, secret = make_key(database, "api", now=clock.now)
    answered = 0
    for app in (admin_app, other):
        app.extensions["allowances"] = Allowances(250)
    for _ in range(130):
        for app in (admin_app, other):
            answer = REQUESTS["our own"].ask(app.test_client(), key.id, secret)
            answered += answer.status_code == 200
    other.database.dispose()
    # What a worker has not used of its shares nobody else has; one that only reads may be lent.
    assert 250 - 2 * 2 <= answered <= 250 + 2


@on_sqlite
@pytest.mark.requirement("S6")
@fails_without(
    line(
        Application._count_failed_key,
        "throttles.check_failed_keys(db, address=provenance().address, now=g.now)",
        "pass",
    )
)
@pytest.mark.parametrize("name", REQUESTS)
def test_who_has_no_good_key_too_often_is_told_to_wait(
    client: FlaskClient,
    ask: Callable[[Dialect], TestResponse],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setitem(RULES, AlertKind.FAILED_API_KEYS, Rule(2, HOUR))
    for _ in range(2):
        assert REQUESTS[name].ask(client, "nobody", "wrong").status_code in (401, 403)
    for _ in range(2):
        check_wait(REQUESTS[name].ask(client, "nobody", "wrong"), REQUESTS[name], seconds=3600)
    # Whoever has a good one is let in from there all the same.
    assert ask(REQUESTS[name]).status_code != 429
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.ALERT_RAISED).details["kind"] == "failed_api_keys"
