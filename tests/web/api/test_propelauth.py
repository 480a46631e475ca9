"""PropelAuth's BYO dialect, on the wire."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain import endings, impersonations, policies
from app.domain.audit_trail import AuditAction, Provenance
from app.domain.tokens import Tokens
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.web.api import programs
from tests import trail
from tests.cast import ADA, API_KEY, CY, ELSEWHERE, EVE, HARBOUR, LIGHTHOUSE, MIA, OMAR, PIA
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.keys import make_key
from tests.twins import fails_without, line, together

FROM = {"ipAddress": "198.51.100.9", "userAgent": "Mozilla/5.0 (a support tool)"}
CREATE = {"employeeEmail": ADA.email, "targetUserId": MIA.id, **FROM}
IDS = {"impersonationSessionId": "00000000-0000-4000-8000-000000000000"}


class Backend:
    """A program that talks as the SDKs do."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret = client, secret

    def run(self, command: str, data: Any = None, **headers: str) -> TestResponse:
        body = json.dumps({"data": data or {}, "command": command})
        headers = {"Authorization": f"Bearer {self.secret}", **headers}
        return self.client.post("/run-command", data=body, headers=headers)

    def done(self, command: str, data: Any = None) -> Any:
        answer = self.run(command, data)
        assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
        return answer.json

    def failed(self, command: str, data: Any = None) -> tuple[int, str]:
        return failure(self.run(command, data))

    def start(self, **more: Any) -> Any:
        return self.done("CreateImpersonationSession", CREATE | more)

    def validate(self, token: str, **more: Any) -> Any:
        return self.done("ValidateImpersonationSession", {"impersonationToken": token, **FROM})


# What looking for the type of a failure raises, where the command was done instead.
DONE = (KeyError,)


def failure(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the type; the details are there where the SDKs want them."""
    assert answer.mimetype == "application/json"
    body = answer.get_json()
    detailed = {"UnauthorizedEmployee", "UnexpectedError", "InvalidImpersonationToken"}
    detailed |= {"InvalidPrefix", "CommandNotAllowed"}
    assert body.keys() == ({"type", "details"} if body["type"] in detailed else {"type"})
    return answer.status_code, body["type"]


@pytest.fixture
def backend(client: FlaskClient, database: Database, clock: Clock) -> Backend:
    """A backend of Harbour's, which may start sessions for any superadmin."""
    scopes = ("propelauth", "impersonate")
    _, secret = make_key(database, *scopes, account=HARBOUR, reason_required=False, now=clock.now)
    return Backend(client, secret)


def test_a_session_is_created(
    backend: Backend, database: Database, tokens: Tokens, clock: Clock
) -> None:
    started = backend.start()
    assert started.keys() == {"sessionId", "impersonationSessionToken", "expiresAt"}
    assert started["expiresAt"] == clock.now.timestamp() + 1200
    token = started["impersonationSessionToken"].removeprefix("impersonate_")
    claims = tokens.verify(token, now=clock.now)
    assert (claims.session_id, claims.target_id) == (started["sessionId"], MIA.id)
    assert claims.impersonator_id == ADA.id


@pytest.mark.requirement("P2", "L2")
@pytest.mark.failure("X15")
@fails_without(line(Provenance.claimed, "is_claimed=True", "is_claimed=False"))
def test_what_the_program_says_of_the_employee_is_marked_as_claimed(
    backend: Backend, database: Database
) -> None:
    backend.start(metadata={"reason": "Her template is broken"})
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
        assert (event.actor_id, event.subject_id) == (ADA.id, MIA.id)
        assert (event.address, event.user_agent) == tuple(FROM.values())
        assert event.details["claimed"] is True
        assert event.details["through"].startswith("A program (usk")
        assert event.reason == "Her template is broken"


@pytest.mark.parametrize("metadata", [{"ticket": 7, "who": ["Łukasz", None]}, "text", 0, False, []])
def test_metadata_comes_back_as_it_was_given(backend: Backend, metadata: Any) -> None:
    started = backend.start(metadata=metadata)
    validated = backend.validate(started["impersonationSessionToken"])
    assert validated["metadata"] == metadata
    info = backend.done(
        "FetchImpersonationSessionById", {"impersonationSessionId": started["sessionId"]}
    )
    assert info == validated


def test_a_session_is_validated(backend: Backend, clock: Clock) -> None:
    started = backend.start(metadata=None)
    assert backend.validate(started["impersonationSessionToken"]) == {
        "impersonationSessionId": started["sessionId"],
        "employeeEmail": ADA.email,
        "targetUserId": MIA.id,
        "createdAt": int(clock.now.timestamp()),
        "expiresAt": started["expiresAt"],
        "metadata": None,
    }


def test_a_session_lives_twenty_minutes_without_a_tab(backend: Backend, clock: Clock) -> None:
    token = backend.start()["impersonationSessionToken"]
    clock.move(minutes=19, seconds=59)
    backend.validate(token)
    clock.move(seconds=1)
    data = {"impersonationToken": token, **FROM}
    assert backend.failed("ValidateImpersonationSession", data) == (404, "SessionNotFound")


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"impersonationToken": "impersonate_x"}, (401, "InvalidImpersonationToken")),
        ({"impersonationToken": ""}, (401, "InvalidImpersonationToken")),
        ({"ipAddress": "198.51.100.10"}, (403, "IpAddressMismatch")),
        ({"userAgent": "curl"}, (403, "UserAgentMismatch")),
        ({"ipAddress": 7}, (400, "UnexpectedError")),
    ],
)
def test_what_does_not_fit_is_not_validated(
    backend: Backend, change: dict[str, Any], failed: tuple[int, str]
) -> None:
    token = backend.start()["impersonationSessionToken"]
    data = {"impersonationToken": token, **FROM, **change}
    assert backend.failed("ValidateImpersonationSession", data) == failed


@on_sqlite
def test_the_whole_browser_is_compared(backend: Backend) -> None:
    token = backend.start(userAgent="x" * 2000 + "a")["impersonationSessionToken"]
    data = {"impersonationToken": token, **FROM, "userAgent": "x" * 2000 + "b"}
    assert backend.failed("ValidateImpersonationSession", data) == (403, "UserAgentMismatch")


def test_a_token_without_its_prefix_is_none_of_this_dialect(backend: Backend) -> None:
    token = backend.start()["impersonationSessionToken"].removeprefix("impersonate_")
    data = {"impersonationToken": token, **FROM}
    failed = (401, "InvalidImpersonationToken")
    assert backend.failed("ValidateImpersonationSession", data) == failed


@pytest.mark.requirement("A2")
@fails_without(line(impersonations.refused, ", event=recorded"))
@pytest.mark.parametrize("email", [OMAR.email, "nobody@example.com", ""])
def test_an_employee_who_may_not_is_refused_and_that_is_recorded(
    backend: Backend, database: Database, email: str
) -> None:
    data = CREATE | {"employeeEmail": email}
    assert backend.failed("CreateImpersonationSession", data) == (403, "UnauthorizedEmployee")
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_REFUSED)
        assert (event.details["why"], event.account_id) == ("not_superadmin", HARBOUR)
        assert event.actor_kind == ("admin" if email == OMAR.email else "program")
        assert event.details["through"]


@pytest.mark.requirement("A2", "A3")
@pytest.mark.parametrize(
    ("user_id", "status"), [("nobody", 400), (EVE.id, 400), (PIA.id, 403), ("x" * 300, 400)]
)
def test_a_user_who_may_not_be_impersonated_is_refused(
    backend: Backend, user_id: str, status: int
) -> None:
    data = CREATE | {"targetUserId": user_id}
    assert backend.failed("CreateImpersonationSession", data) == (status, "UnexpectedError")


@pytest.mark.parametrize("account", [LIGHTHOUSE, "drydock"])
def test_an_account_that_forbids_it_is_disabled(
    client: FlaskClient, database: Database, clock: Clock, account: str
) -> None:
    _, secret = make_key(database, "propelauth", "impersonate", account=account, now=clock.now)
    backend = Backend(client, secret)
    failed = backend.failed("CreateImpersonationSession", CREATE)
    assert failed == (403, "ImpersonationDisabled")
    data = {"impersonationToken": "impersonate_x", **FROM}
    failed = backend.failed("ValidateImpersonationSession", data)
    assert failed == (403, "ImpersonationNotEnabled")


def test_a_session_ends_with_its_ground(backend: Backend, database: Database, clock: Clock) -> None:
    token = backend.start()["impersonationSessionToken"]
    with database.unit_of_work(writing=True) as db:
        db.get_one(Account, HARBOUR).impersonation_switched_off = True
    data = {"impersonationToken": token, **FROM}
    failed = backend.failed("ValidateImpersonationSession", data)
    assert failed == (403, "ImpersonationNotEnabled")


@pytest.mark.requirement("I2")
def test_the_second_session_of_an_employee_ends_the_first(backend: Backend) -> None:
    first, second = backend.start(), backend.start()
    fetched = backend.done("FetchAllActiveImpersonationSessions")
    assert [one["impersonationSessionId"] for one in fetched["sessions"]] == [second["sessionId"]]
    data = {"impersonationSessionToken": first["impersonationSessionToken"]}
    failed = backend.failed("InvalidateImpersonationSessionByToken", data)
    assert failed == (404, "SessionNotFound")


def test_sessions_are_fetched_by_employee_and_by_user(backend: Backend) -> None:
    mine, theirs = backend.start(), backend.start(employeeEmail=CY.email)
    for command, data, expected in (
        ("FetchAllImpersonationSessionsForEmployee", {"employeeEmail": CY.email}, [theirs]),
        ("FetchAllImpersonationSessionsForEmployee", {"employeeEmail": "x@example.com"}, []),
        ("FetchAllImpersonationSessionsForUser", {"userId": MIA.id}, [mine, theirs]),
        ("FetchAllImpersonationSessionsForUser", {"userId": EVE.id}, []),
        ("FetchAllActiveImpersonationSessions", {"employeeEmail": ADA.email.upper()}, [mine]),
        ("FetchAllActiveImpersonationSessions", {"targetUserId": None}, [mine, theirs]),
    ):
        found = {one["impersonationSessionId"] for one in backend.done(command, data)["sessions"]}
        assert found == {one["sessionId"] for one in expected}, (command, data)


def test_pages_end_and_repeat_nothing(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.api.propelauth.PAGE_SIZE", 1)
    started = {backend.start()["sessionId"], backend.start(employeeEmail=CY.email)["sessionId"]}
    first = backend.done("FetchAllActiveImpersonationSessions")
    assert first["hasMoreResults"]
    second = backend.done(
        "FetchAllActiveImpersonationSessions", {"pagingToken": first["nextPagingToken"]}
    )
    assert (second["hasMoreResults"], "nextPagingToken" in second) == (False, False)
    found = [one["impersonationSessionId"] for one in first["sessions"] + second["sessions"]]
    assert (len(found), set(found)) == (2, started)


@pytest.mark.parametrize("token", ["", "x", "ImEi", "ImEi.x", 7, [], {"a": 1}])
def test_a_paging_token_that_is_none_of_ours_is_refused(backend: Backend, token: Any) -> None:
    failed = backend.failed("FetchAllActiveImpersonationSessions", {"pagingToken": token})
    assert failed == (400, "InvalidPagingToken")


@pytest.mark.requirement("I3", "I4")
@fails_without(
    together(
        line(programs.find_active, " or not found.is_active(g.now)"),
        line(endings.end, ", Impersonation.ended_at.is_(None)"),
    ),
    raises=DONE,
)
def test_a_session_is_invalidated_once(backend: Backend, database: Database) -> None:
    started = backend.start()
    data = {"impersonationSessionId": started["sessionId"]}
    assert backend.done("InvalidateImpersonationSessionById", data) == {}
    failed = backend.failed("InvalidateImpersonationSessionById", data)
    assert failed == (404, "SessionNotFound")
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
        assert (event.details["why"], event.actor_kind) == (EndReason.PROGRAM_ENDED, "program")
        assert event.details["through"].startswith("A program (usk")


def test_a_session_is_invalidated_by_its_token(backend: Backend) -> None:
    data = {"impersonationSessionToken": backend.start()["impersonationSessionToken"]}
    assert backend.done("InvalidateImpersonationSessionByToken", data) == {}
    assert backend.done("FetchAllActiveImpersonationSessions")["sessions"] == []


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("InvalidateAllImpersonationSessionsForEmployee", {"employeeEmail": ADA.email}),
        ("InvalidateAllImpersonationSessionsForUser", {"userId": MIA.id}),
    ],
)
def test_sessions_are_invalidated_together(
    backend: Backend, command: str, data: dict[str, str]
) -> None:
    backend.start()
    assert backend.done(command, data) == {"sessionsInvalidated": 1}
    assert backend.done(command, data) == {"sessionsInvalidated": 0}


@pytest.mark.requirement("A10")
@fails_without(
    line(programs.find_active, " or not api_key().covers(found.account_id)"),
    line(programs.find_by_token, "impersonation if covered else None", "impersonation"),
    raises=DONE,
)
def test_the_sessions_of_another_account_are_not_there(
    backend: Backend, client: FlaskClient, database: Database, clock: Clock
) -> None:
    started = backend.start()
    _, secret = make_key(database, "propelauth", account=ELSEWHERE, now=clock.now)
    other = Backend(client, secret)
    assert other.done("FetchAllActiveImpersonationSessions")["sessions"] == []
    data = {"impersonationSessionId": started["sessionId"]}
    for command in ("FetchImpersonationSessionById", "InvalidateImpersonationSessionById"):
        assert other.failed(command, data) == (404, "SessionNotFound")
    token = {"impersonationToken": started["impersonationSessionToken"], **FROM}
    failed = other.failed("ValidateImpersonationSession", token)
    assert failed == (401, "InvalidImpersonationToken")
    assert other.done("InvalidateAllImpersonationSessionsForUser", {"userId": MIA.id}) == {
        "sessionsInvalidated": 0
    }


@on_sqlite
@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("InvalidateAllImpersonationSessionsForEmployee", {"employeeEmail": ""}),
        ("InvalidateAllImpersonationSessionsForUser", {"userId": ""}),
    ],
)
def test_an_empty_name_is_nobodys(backend: Backend, command: str, data: dict[str, str]) -> None:
    token = backend.start()["impersonationSessionToken"]
    assert backend.done(command, data) == {"sessionsInvalidated": 0}
    assert backend.done(command.replace("Invalidate", "Fetch"), data) == {"sessions": []}
    assert backend.validate(token)


@on_sqlite
def test_a_number_that_json_cannot_give_back_is_refused(backend: Backend) -> None:
    body = json.dumps({"command": "CreateImpersonationSession", "data": {**CREATE, "metadata": 1}})
    headers = {"Authorization": f"Bearer {backend.secret}"}
    answer = backend.client.post(
        "/run-command", data=body.replace('"metadata": 1', '"metadata": 1e400'), headers=headers
    )
    assert failure(answer) == (400, "UnexpectedError")


@on_sqlite
def test_metadata_may_hold_any_reason(backend: Backend) -> None:
    metadata = {"reason": "x" * 501}
    token = backend.start(metadata=metadata)["impersonationSessionToken"]
    assert backend.validate(token)["metadata"] == metadata


@on_sqlite
@pytest.mark.requirement("P3")
@fails_without(
    line(impersonations.check_anybody, "why = Refusal.NOT_SUPERADMIN", "why = Refusal.ONESELF")
)
def test_nobody_is_told_who_is_an_admin_here(backend: Backend) -> None:
    answers = {
        backend.run("CreateImpersonationSession", CREATE | {"employeeEmail": email}).text
        for email in (OMAR.email, "nobody@example.com")
    }
    assert len(answers) == 1


def test_ping_tells_the_time(backend: Backend, clock: Clock) -> None:
    assert backend.done("Ping") == {"timestamp": int(clock.now.timestamp())}


@on_sqlite
@pytest.mark.requirement("P1")
@pytest.mark.parametrize(
    ("authorization", "failed"),
    [
        ("", (401, "NoIntegrationKeyFoundInHeader")),
        ("Bearer ", (401, "NoIntegrationKeyFoundInHeader")),
        ("Basic dTpw", (401, "NoIntegrationKeyFoundInHeader")),
        ("Bearer sk_int_x", (401, "InvalidPrefix")),
        ("Bearer uskx", (401, "IntegrationKeyNotFound")),
        (f"Bearer {API_KEY}", (403, "CommandNotAllowed")),
    ],
)
def test_a_key_that_is_not_good_is_told_why(
    client: FlaskClient, authorization: str, failed: tuple[int, str]
) -> None:
    assert failure(Backend(client, "").run("Ping", Authorization=authorization)) == failed


@pytest.mark.requirement("P2")
@fails_without(
    line(policies.refusal_of_anybody, "if Scope.IMPERSONATE not in key.scopes", "if False")
)
def test_a_key_that_may_not_start_says_which_command(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    _, secret = make_key(database, "propelauth", now=clock.now)
    answer = Backend(client, secret).run("CreateImpersonationSession", CREATE)
    assert failure(answer) == (403, "CommandNotAllowed")
    assert answer.get_json()["details"] == {"command_name": "CreateImpersonationSession"}


@pytest.mark.requirement("P2")
@fails_without(
    line(policies.refusal_of_anybody, "if not key.acts_for(impersonator.id)", "if False"),
    raises=DONE,
)
def test_a_key_of_one_admin_starts_for_nobody_else(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    scopes = ("propelauth", "impersonate")
    _, secret = make_key(database, *scopes, admin=CY.id, reason_required=False, now=clock.now)
    backend = Backend(client, secret)
    assert backend.failed("CreateImpersonationSession", CREATE) == (403, "UnauthorizedEmployee")
    assert backend.start(employeeEmail=CY.email)


def test_a_key_that_wants_a_reason_takes_it_from_the_metadata(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    _, secret = make_key(database, "propelauth", "impersonate", now=clock.now)
    backend = Backend(client, secret)
    assert backend.failed("CreateImpersonationSession", CREATE) == (400, "UnexpectedError")
    backend.start(metadata={"reason": "Her template is broken"})
    with database.unit_of_work(writing=False) as db:
        assert db.scalars(select(Impersonation.reason)).all() == ["Her template is broken"]


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"Ping"',
        b"\xff",
        b'{"command": 7}',
        b'{"command": "Nothing"}',
        b'{"command": "Ping", "data": []}',
        b'{"command": "Ping", "data": {"a": NaN}}',
        b'{"command": "Ping\\u0000"}',
        b'{"command": "Ping", "data": {"a": "\\ud800"}}',
        b'{"command": "Ping", "data": {"\\u0000": 1}}',
        b'{"command": "Ping", "data": ' + b"[" * 20_000,
        b'{"command": "Ping", "data": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"command": "CreateImpersonationSession", "data": {"employeeEmail": ["x"]}}',
    ],
)
def test_a_bad_body_is_an_unexpected_error(backend: Backend, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {backend.secret}"}
    answer = backend.client.post("/run-command", data=body, headers=headers)
    assert failure(answer) == (400, "UnexpectedError")


@on_sqlite
def test_a_body_of_megabytes_is_too_large(backend: Backend) -> None:
    assert backend.failed("Ping", {"a": "x" * 2**21}) == (413, "UnexpectedError")


@on_sqlite
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/run-command", 405),
        ("POST", "/run-command/more", 404),
        ("PUT", "/run-command/", 405),
    ],
)
def test_other_addresses_and_methods_answer_in_its_form(
    backend: Backend, method: str, path: str, status: int
) -> None:
    answer = backend.client.open(path, method=method)
    assert failure(answer) == (status, "UnexpectedError")


@on_sqlite
def test_a_final_slash_makes_no_difference(backend: Backend) -> None:
    headers = {"Authorization": f"Bearer {backend.secret}"}
    body = b'{"command": "Ping"}'
    assert backend.client.post("/run-command/", data=body, headers=headers).status_code == 200
