"""Every route of the admin site, as everybody who might try it.

The URL map and the route table are walked, so that a new route is tried without being asked.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from app import configured
from app.config import Config
from app.domain import admins
from app.domain.audit_trail import AuditAction
from app.domain.factors import Lock
from app.domain.permissions import Permission
from app.domain.sign_ins import SignedIn
from app.domain.tokens import Tokens
from app.storage.admins import Admin
from app.storage.base import Base, number_of
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.web import authentication, protection
from app.web.admin.routes import ROUTES as ADMIN_ROUTES
from app.web.api.routes import ROUTES as API_ROUTES
from app.web.application import Application
from app.web.routing import Anyone, Route
from tests import factories
from tests.browsing import FROM_HERE, check_headers
from tests.cast import ADA, API_KEY, CY, ELSEWHERE, EVE, HARBOUR, MIA, OMAR, PASSWORD, Person
from tests.clock import Clock
from tests.conftest import ADMIN_URL, on_sqlite
from tests.devices import add_app
from tests.trail import events, only
from tests.twins import fails_without, line, together, value

ROUTES = [*ADMIN_ROUTES, *API_ROUTES]
PEOPLES = [route for route in ADMIN_ROUTES if isinstance(route.audience, Permission)]
POSTS = [route for route in ADMIN_ROUTES if route.method == "POST"]
SUPERADMIN_ONLY = {
    Permission.ACCOUNTS_MANAGE,
    Permission.ADMINS_MANAGE,
    Permission.API_KEYS_MANAGE,
    Permission.AUDIT_TRAIL_ACKNOWLEDGE,
    Permission.AUDIT_TRAIL_ARCHIVE,
    Permission.IMPERSONATIONS_START,
}
# In which an error is told, by where it happens.
MEDIA_TYPES = {
    "/scim/": "application/scim+json",
    "/run-command": "application/json",
    "/api/v2/": "application/vnd.api+json",
    "/users/": "application/json",
    "/oauth/": "application/json",
    "/api/v3/": "application/json",
    "/api/": "application/problem+json",
}
# What a program without its key is told; elsewhere 401.
KEEPS_OUT = {"/api/v3/": HTTPStatus.FORBIDDEN}
SENT_TO_SIGN_IN = -HTTPStatus.SEE_OTHER
TRAIL = {"audit_events", "audit_words"}
DONE = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.SEE_OTHER, HTTPStatus.NO_CONTENT}
SignIn = Callable[[Person], SignedIn]
# What a form of that route would hold, where an empty one says nothing.
FIELDS = {
    "sign_in.create": {"email": ADA.email, "password": PASSWORD, "next": ""},
    "second_step.create": {"code": "000000", "next": ""},
    "impersonations.create": {"reason": "Why not", "ticket_url": "", "form_key": "k" * 20},
    "accounts.switch_impersonation": {"allowed": "no"},
    "admins.change_role": {"role": "superadmin"},
    "audit_exports.create": {"format": "jsonl"},
    "doubts.acknowledge": {"doubt": "1"},
    "api_keys.create": {"name": "Kim's", "scopes": "product", "admin_id": "", "days": "90"},
    "admins.create": {
        "name": "Kim",
        "email": "kim@example.com",
        "role": "admin",
        "password": "a password of good length",
    },
}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def told_at(path: str, by_beginning: dict[str, Any]) -> Any:
    """Return what stands under the first beginning of the path, None for nothing."""
    return next((it for start, it in by_beginning.items() if path.startswith(start)), None)


def verdict(answer: TestResponse) -> int:
    """The status, in which being sent to the sign-in page does not look like a success."""
    location = answer.headers.get("Location", "")
    return SENT_TO_SIGN_IN if location.startswith("/sign-in?next=") else answer.status_code


@dataclass(frozen=True)
class Scene:
    """A running session of Cy's with Eve, and what is needed to try every route."""

    client: FlaskClient
    database: Database
    token: str
    ids: dict[str, str]

    def ask(self, route: Route, **options: Any) -> TestResponse:
        """Ask for that route as its own page would, save for what `options` says."""
        options.setdefault("headers", FROM_HERE)
        if route.method == "POST":
            data = options.get("data", {"csrf_token": self.csrf_token()})
            options["data"] = FIELDS.get(route.endpoint, {}) | data
        return self.client.open(self.path(route), method=route.method, **options)

    def ask_all(self, routes: list[Route], **options: Any) -> dict[str, int]:
        """Ask for all of them; return the statuses by route."""
        options.setdefault("data", {"csrf_token": self.csrf_token()})
        statuses = {}
        for route in routes:
            more = options if route.method == "POST" else {**options, "data": None}
            statuses[name_of(route)] = verdict(self.ask(route, **more))
        return statuses

    def path(self, route: Route) -> str:
        path = route.path
        for name, id_ in self.ids.items():
            path = re.sub(rf"<(\w+:)?{name}>", id_, path)
        assert "<" not in path, f"nobody knows what to put into {path}"
        return path

    def csrf_token(self) -> str:
        """Return the token that the client's forms carry."""
        page = self.client.get("/sign-in", follow_redirects=True).get_data(as_text=True)
        return page.partition('name="csrf_token" value="')[2].partition('"')[0]

    def fingerprint(self) -> dict[str, str]:
        """The content of every table; the time of somebody's last click aside."""
        with self.database.unit_of_work(writing=False) as db:
            # Who is refused is counted, which changes nothing but how long they may have to wait.
            tables = {*inspect(db.connection()).get_table_names()} - {"counters"}
            return {table: self._fingerprint_of(db, table) for table in tables}

    def readings(self) -> list[tuple[str | None, str]]:
        """Who has read which page of the trail, in order."""
        with self.database.unit_of_work(writing=False) as db:
            recorded = events(db, AuditAction.AUDIT_READ)
            return [(event.actor_id, event.details["page"]) for event in recorded]

    def _fingerprint_of(self, db: Session, table: str) -> str:
        rows = db.execute(text(f'SELECT * FROM "{table}"')).mappings()
        kept = [{k: v for k, v in row.items() if k != "last_active_at"} for row in rows]
        return hashlib.sha256(repr(sorted(map(repr, kept))).encode()).hexdigest()


@pytest.fixture
def scene(
    client: FlaskClient,
    database: Database,
    tokens: Tokens,
    config: Config,
    lock: Lock,
    sign_in: SignIn,
    clock: Clock,
) -> Scene:
    sign_in(CY)
    client.delete_cookie("understudy", domain="localhost")
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        session = factories.start(db, impersonator=cy, target=eve, now=clock.now).impersonation
        session.opened_at = clock.now
        token = tokens.issue(session, now=clock.now)
        factories.alarm(db, now=clock.now)
        configured.checkpoints(config).make(db, now=clock.now)
        # Somebody else's, to everybody who tries.
        add_app(db, CY.id, lock=lock, now=clock.now)
        ids = {
            "account_id": ELSEWHERE,
            "member_id": MIA.id,
            "admin_id": OMAR.id,
            "impersonation_id": session.id,
            "resource_type_id": "User",
            "schema_id": "urn:ietf:params:scim:schemas:core:2.0:User",
            "api_key_id": "letterbox",
            "organization_id": HARBOUR,
            "user_id": f"auth0|{MIA.id}",
            "user_pk": str(number_of(MIA.id)),
            "session_id": session.id,
            "sign_in_id": db.execute(text("SELECT id FROM sign_ins")).scalar_one(),
            "factor_id": db.execute(text("SELECT id FROM factors")).scalar_one(),
            "alert_number": str(only(db, AuditAction.ALERT_RAISED).id),
        }
    return Scene(client, database, token, ids)


def test_the_url_map_holds_what_the_table_names_and_the_static_files(
    admin_app: Application,
) -> None:
    served = {
        (method, rule.rule)
        for rule in admin_app.url_map.iter_rules()
        for method in (rule.methods or set())
        if rule.endpoint != "static" and method != "HEAD"
    }
    assert served == {(route.method, route.path) for route in ROUTES}


@pytest.mark.requirement("A1")
@fails_without(
    line(
        authentication._check_admin,
        'if not current_user.is_authenticated or "Authorization" in request.headers',
        "if False",
    ),
    raises=(AttributeError,),
)
@pytest.mark.parametrize("who", ["stranger", "token", "token beside a cookie", "API key"])
@pytest.mark.failure("X1")
def test_a_page_opens_for_nobody_else(who: str, scene: Scene, sign_in: SignIn) -> None:
    if who == "token beside a cookie":
        sign_in(ADA)
    headers = dict(FROM_HERE)
    if who != "stranger":
        headers["Authorization"] = f"Bearer {API_KEY if who == 'API key' else scene.token}"
    before = scene.fingerprint()
    closed = [route for route in ADMIN_ROUTES if route.audience is not Anyone.ANYONE]
    answers = scene.ask_all(closed, headers=headers)
    assert set(answers.values()) == {SENT_TO_SIGN_IN}, answers
    # As a program, or as htmx, one is told so plainly.
    answers = scene.ask_all(closed, headers={**headers, "HX-Request": "true"})
    assert set(answers.values()) == {HTTPStatus.UNAUTHORIZED}, answers
    assert scene.fingerprint() == before


@pytest.mark.requirement("A1", "A2")
def test_an_admin_opens_what_the_role_holds(scene: Scene, sign_in: SignIn) -> None:
    may = [route for route in PEOPLES if route.audience not in SUPERADMIN_ONLY]
    answers = {}
    for route in may:
        # Anew for each, as some of the routes end a sign-in.
        sign_in(OMAR)
        answers[name_of(route)] = verdict(scene.ask(route))
    take_out_what_is_not_theirs(answers)
    assert set(answers.values()) <= DONE, answers


@pytest.mark.requirement("A1", "A2")
@fails_without(line(authentication._check_admin, "if current_user.holds(permission)", "if True"))
@pytest.mark.failure("X1")
def test_an_admin_is_refused_the_rest_and_that_is_recorded(scene: Scene, sign_in: SignIn) -> None:
    sign_in(OMAR)
    before = scene.fingerprint()
    refused = [route for route in PEOPLES if route.audience in SUPERADMIN_ONLY]
    answers = scene.ask_all(refused)
    assert set(answers.values()) == {HTTPStatus.FORBIDDEN}, answers
    after = scene.fingerprint()
    for table in TRAIL:
        assert after.pop(table) != before.pop(table)
    assert after == before
    with scene.database.unit_of_work(writing=False) as db:
        recorded = [event.details["path"] for event in events(db, AuditAction.ACCESS_REFUSED)]
    assert recorded == [scene.path(route) for route in refused]


def take_out_what_is_not_theirs(answers: dict[str, int]) -> None:
    """Others' sign-ins and factors are as good as missing, and an empty form adds none.

    There is no company either whose accounts could be linked.
    """
    security = "/settings/security"
    for route in (
        f"POST {security}/<sign_in_id>/end",
        f"GET {security}/factors/<factor_id>/removal",
        f"POST {security}/factors/<factor_id>/removal",
        f"POST {security}/company-account",
        f"POST {security}/company-account/end",
        f"GET {security}/step-up/company",
    ):
        assert answers.pop(route) == HTTPStatus.NOT_FOUND
    for name in ("apps", "passkeys", "password"):
        assert answers.pop(f"POST {security}/{name}") == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answers.pop(f"POST {security}/recovery-codes") == HTTPStatus.CONFLICT


@pytest.mark.requirement("A1")
def test_a_superadmin_opens_everything(scene: Scene, sign_in: SignIn) -> None:
    answers = {}
    for route in PEOPLES:
        sign_in(ADA)
        answers[name_of(route)] = verdict(scene.ask(route))
    take_out_what_is_not_theirs(answers)
    # There is nothing old enough in the trail of a test.
    assert answers.pop("POST /audit/archives") == HTTPStatus.UNPROCESSABLE_ENTITY
    # And nothing was found about it.
    assert answers.pop("POST /audit/acknowledgement") == HTTPStatus.CONFLICT
    assert set(answers.values()) <= DONE, answers


# A question to a passkey changes nothing but which answer is awaited.
UNRECORDED = {"passkey_challenges"}


@pytest.mark.requirement("L1")
@fails_without(
    line(admins.disable, "append(\n        db,", "(lambda *_: None)(\n        db,"),
)
def test_nothing_changes_without_an_event(scene: Scene, sign_in: SignIn) -> None:
    unrecorded = {}
    for route in (one for one in POSTS if isinstance(one.audience, Permission)):
        sign_in(ADA)
        before = scene.fingerprint()
        scene.ask(route)
        after = scene.fingerprint()
        changed = {name for name in after if after[name] != before[name]} - UNRECORDED
        if changed and not changed >= TRAIL:
            unrecorded[name_of(route)] = changed
    assert unrecorded == {}


@pytest.mark.requirement("A1")
def test_a_stranger_opens_what_is_for_anyone(scene: Scene) -> None:
    open_ = [route for route in ROUTES if route.audience is Anyone.ANYONE]
    answers = {name_of(route): verdict(scene.ask(route)) for route in open_}
    # Whoever has not done the first step is sent there, and no passkey is none.
    for method in ("GET", "POST"):
        assert answers.pop(f"{method} /sign-in/second-step") == SENT_TO_SIGN_IN
    assert answers.pop("POST /sign-in/passkey") == HTTPStatus.UNPROCESSABLE_ENTITY
    # There is no company with a provider here, and nobody who comes from one.
    assert answers.pop("GET /sign-in/company") == HTTPStatus.NOT_FOUND
    assert answers.pop("GET /sign-in/company/callback") == HTTPStatus.BAD_REQUEST
    assert set(answers.values()) <= DONE, answers


@pytest.mark.requirement("A1", "A4", "S9", "T6")
@fails_without(
    line(authentication._check_program, "if key is None", "if False"), raises=(AttributeError,)
)
@pytest.mark.parametrize("who", ["stranger", "superadmin", "token", "wrong key"])
def test_the_api_opens_for_its_key_alone(who: str, scene: Scene, sign_in: SignIn) -> None:
    if who == "superadmin":
        sign_in(ADA)
    secret = {"token": scene.token, "wrong key": API_KEY[:-1] + "x"}.get(who)
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    before = scene.fingerprint()
    for route in API_ROUTES:
        if route.is_for_programs:
            body = {"token": scene.token} if route.method == "POST" else None
            path = scene.path(route)
            answer = scene.client.open(path, method=route.method, json=body, headers=headers)
            status = told_at(path, KEEPS_OUT) or HTTPStatus.UNAUTHORIZED
            assert (answer.status_code, answer.mimetype) == (status, told_at(path, MEDIA_TYPES))
    assert scene.fingerprint() == before


@pytest.mark.requirement("A1", "A4")
@pytest.mark.parametrize("who", ["stranger", "superadmin", "API key"])
def test_what_is_for_its_holder_opens_for_nobody_else(
    who: str, scene: Scene, sign_in: SignIn
) -> None:
    if who == "superadmin":
        sign_in(ADA)
    headers = {"Authorization": f"Bearer {API_KEY}"} if who == "API key" else {}
    before = scene.fingerprint()
    for route in ROUTES:
        if route.audience is Anyone.HOLDER:
            answer = scene.client.open(scene.path(route), method=route.method, headers=headers)
            refused = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
            assert answer.status_code in refused, name_of(route)
    assert scene.fingerprint() == before


@pytest.mark.requirement("S8")
def test_enrolment_is_these_pages_and_no_others() -> None:
    paths = {route.path.removeprefix("/settings/security") for route in ROUTES if route.enrolling}
    apps, passkeys = {"/apps", "/apps/new"}, {"/passkeys", "/passkeys/new", "/passkeys/challenge"}
    proof = {"/step-up", "/step-up/challenge"}
    assert paths == {"/sign-out", "/enrolment"} | apps | passkeys | proof


@pytest.mark.requirement("W6")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_changes_nothing(method: str, scene: Scene, sign_in: SignIn, clock: Clock) -> None:
    sign_in(ADA)
    clock.move(minutes=10)
    before = scene.fingerprint()
    for route in ROUTES:
        if route.method == "GET" and not route.recorded:
            scene.client.open(scene.path(route), method=method)
    assert scene.fingerprint() == before


@pytest.mark.requirement("W6", "L13")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_what_is_recorded_adds_an_event_and_changes_nothing_else(
    method: str, scene: Scene, sign_in: SignIn
) -> None:
    # What programs read so is tried where their keys are.
    recorded = [route for route in PEOPLES if route.recorded]
    assert {route.method for route in recorded} == {"GET"}
    for route in recorded:
        sign_in(ADA)
        before = scene.fingerprint()
        scene.client.open(scene.path(route), method=method)
        after = scene.fingerprint()
        assert {name for name in after if after[name] != before[name]} == TRAIL, name_of(route)
        assert scene.readings()[-1] == (ADA.id, scene.path(route))


@pytest.mark.requirement("W6")
@pytest.mark.failure("X9")
def test_other_methods_are_not_known(scene: Scene, sign_in: SignIn) -> None:
    sign_in(ADA)
    before = scene.fingerprint()
    known = {(route.method, scene.path(route)) for route in ROUTES}
    known |= {("HEAD", path) for method, path in known if method == "GET"}
    # What is sought under SCIM could be somebody's id, too.
    for path in sorted({path for _, path in known if not path.endswith("s/.search")}):
        for method in {"GET", "HEAD", "TRACE", "PUT", "PATCH", "DELETE"} - {
            one for one, at in known if at == path
        }:
            answer = scene.client.open(path, method=method, headers=FROM_HERE)
            assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED, (method, path)
    assert scene.fingerprint() == before


@pytest.mark.requirement("D1")
@pytest.mark.failure("X26")
def test_nobody_is_shown_what_went_wrong(
    scene: Scene, sign_in: SignIn, admin_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(ADA)
    token = scene.csrf_token()
    for endpoint in admin_app.view_functions:
        monkeypatch.setitem(admin_app.view_functions, endpoint, _go_wrong)
    headers = FROM_HERE | {"Authorization": f"Bearer {API_KEY}"}
    for route in ROUTES:
        # A cookie beside a key, and a key without its scope, get no further than that.
        more = {} if route in ADMIN_ROUTES else {"headers": headers}
        answer = scene.ask(route, data={"csrf_token": token}, **more)
        assert answer.status_code >= HTTPStatus.BAD_REQUEST, name_of(route)
        told = f"{answer.headers} {answer.text}"
        assert not re.search("innards|Error:|Traceback|[Ww]erkzeug|[Pp]ython|[Ff]lask", told), told
        if route in PEOPLES:
            assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR


def _go_wrong(**_: object) -> None:
    raise RuntimeError("the innards, and mia@harbour.example")


@on_sqlite
@pytest.mark.requirement("W5")
@fails_without(line(protection.check_change, "csrf.protect()"))
@pytest.mark.parametrize("token", ["none", "wrong", "of another session"])
@pytest.mark.failure("polovnjak-23")
def test_a_change_without_its_token_is_refused(
    token: str, scene: Scene, sign_in: SignIn, admin_app: Application
) -> None:
    sign_in(ADA)
    others = Scene(admin_app.test_client(), scene.database, "", scene.ids).csrf_token()
    own = scene.csrf_token()
    sent = {"none": {}, "wrong": {"csrf_token": "x" + own[1:]}}
    before = scene.fingerprint()
    answers = scene.ask_all(POSTS, data=sent.get(token, {"csrf_token": others}))
    assert set(answers.values()) == {HTTPStatus.BAD_REQUEST}, answers
    assert scene.fingerprint() == before


@on_sqlite
@pytest.mark.requirement("W5")
@fails_without(
    together(
        line(protection.check_change, 'if site is not None and site != "same-origin"', "if False"),
        line(protection.check_change, "if site is None and", "if False and"),
    )
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site", "Origin": ADMIN_URL},
    ],
    ids=lambda headers: ", ".join(headers.values()),
)
@pytest.mark.failure("X9", "polovnjak-23")
def test_a_change_from_another_site_is_refused(
    headers: dict[str, str], scene: Scene, sign_in: SignIn
) -> None:
    sign_in(ADA)
    before = scene.fingerprint()
    answers = scene.ask_all(POSTS, headers=headers)
    assert set(answers.values()) == {HTTPStatus.FORBIDDEN}, answers
    assert scene.fingerprint() == before


@on_sqlite
@pytest.mark.requirement("W1", "W3", "S4")
@fails_without(value(protection, "HEADERS", {}), raises=(KeyError,))
@pytest.mark.parametrize("who", [None, ADA], ids=["stranger", "superadmin"])
def test_every_answer_carries_the_headers(
    who: Person | None, scene: Scene, sign_in: SignIn
) -> None:
    for route in ROUTES:
        if who:
            sign_in(who)
        answer = scene.ask(route)
        check_headers(answer)
        assert answer.headers["Cache-Control"] == "no-store", name_of(route)
        assert "Cookie" in answer.headers["Vary"], name_of(route)
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie


@on_sqlite
@pytest.mark.requirement("W1", "W3")
@fails_without(value(protection, "HEADERS", {}), raises=(KeyError,))
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-page", 404),
        ("GET", "/members/nobody", 404),
        ("DELETE", "/members", 405),
        ("POST", "/sign-in", 400),
        ("GET", "/static/css/base.css", 200),
        ("GET", "/static/no-such.css", 404),
        ("GET", "/static/../app/config.py", 404),
        ("POST", "/api/v1/handoffs/redemptions", 401),
        ("GET", "/api/v1/nothing", 404),
    ],
)
def test_errors_and_files_carry_the_headers_too(
    method: str, path: str, status: int, client: FlaskClient, sign_in: SignIn
) -> None:
    sign_in(ADA)
    answer = client.open(path, method=method, headers=FROM_HERE, buffered=True)
    assert answer.status_code == status
    check_headers(answer)
    is_kept = answer.headers["Cache-Control"] != "no-store"
    assert is_kept is (path == "/static/css/base.css")


@pytest.mark.requirement("W1")
@fails_without(
    line(protection.csp_nonce, "secrets.token_urlsafe(16)", "'the same in every answer'")
)
def test_the_nonce_is_fresh_on_each_answer(client: FlaskClient) -> None:
    policies = {client.get("/sign-in").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


@on_sqlite
@pytest.mark.requirement("W10")
@fails_without(line(protection.check_host, "if request.host != config.admin_host", "if False"))
def test_another_host_is_refused(scene: Scene, sign_in: SignIn) -> None:
    sign_in(ADA)
    before = scene.fingerprint()
    for route in ROUTES:
        if route.audience is Anyone.MONITOR:
            continue
        path = scene.path(route)
        answer = scene.client.open(path, method=route.method, base_url="http://evil.example")
        assert answer.status_code == HTTPStatus.BAD_REQUEST, name_of(route)
        assert "evil.example" not in answer.get_data(as_text=True)
    assert scene.fingerprint() == before


def test_the_fingerprint_sees_a_change(scene: Scene) -> None:
    before = scene.fingerprint()
    assert set(before) >= set(Base.metadata.tables) - {"counters"}
    with scene.database.unit_of_work(writing=True) as db:
        db.get_one(Impersonation, scene.ids["impersonation_id"]).reason = "Another one"
    after = scene.fingerprint()
    assert {table for table in before if before[table] != after[table]} == {"impersonations"}


@pytest.mark.parametrize(
    "value", ["harbour", "4b1f-9A_", "a b", "a/b", "..", "é", "%", "a?b#c", ""]
)
def test_an_address_is_the_one_that_flask_would_build(admin_app: Application, value: str) -> None:
    """Ours is quicker for most, and leaves the rest to Flask."""
    with admin_app.test_request_context(base_url=ADMIN_URL):
        for route in ROUTES:
            values: Any = dict.fromkeys(re.findall(r"<(?:\w+:)?(\w+)>", route.path), value)
            flasks = Flask.url_for(admin_app, route.endpoint, **values)
            assert admin_app.url_for(route.endpoint, **values) == flasks
