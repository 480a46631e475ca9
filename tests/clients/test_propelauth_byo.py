"""`propelauth-byo`: every command, and every error that it knows."""

import time
from typing import Any

import pytest

from tests.clients.programs import FROM, Env, PropelAuth
from tests.e2e.site import Site

METADATA = {"ticket": 7, "who": ["Łukasz", None, {"a": 0.5}], "": False}
TOKEN = {"impersonation_token": "impersonate_x", **FROM}
GONE = "00000000-0000-4000-8000-000000000000"


def test_a_session_is_created_and_validated(propelauth: PropelAuth, env: Env) -> None:
    created = propelauth.create(metadata=METADATA)
    token = created.impersonation_session_token
    assert token.startswith("impersonate_")
    session = propelauth.done("validate", token, **FROM)
    assert session.impersonation_session_id == created.session_id
    assert session.employee_email == env["PA_EMPLOYEE_EMAIL"]
    assert session.target_user_id == env["PA_TARGET_USER_ID"]
    assert session.metadata == METADATA
    assert session.expires_at == created.expires_at == session.created_at + 1200
    assert type(session.created_at) is int


def test_without_metadata_there_is_none(propelauth: PropelAuth) -> None:
    token = propelauth.create().impersonation_session_token
    assert propelauth.done("validate", token, **FROM).metadata is None


def test_a_session_is_fetched_in_every_way(propelauth: PropelAuth, env: Env) -> None:
    first = propelauth.create(metadata=METADATA).session_id
    second = propelauth.create(
        employee_email=env["PA_EMPLOYEE_EMAIL_2"], target_user_id=env["PA_TARGET_USER_ID_2"]
    ).session_id
    info = propelauth.done("fetch_by_id", first)
    assert (info.impersonation_session_id, info.metadata) == (first, METADATA)
    ways: list[tuple[str, dict[str, str]]] = [
        ("fetch_all_for_employee", {"employee_email": env["PA_EMPLOYEE_EMAIL"]}),
        ("fetch_all_for_user", {"user_id": env["PA_TARGET_USER_ID"]}),
        ("fetch_all_active", {"employee_email": env["PA_EMPLOYEE_EMAIL"]}),
        ("fetch_all_active", {"target_user_id": env["PA_TARGET_USER_ID"]}),
    ]
    for command, whose in ways:
        assert propelauth.done(command, **whose).sessions == [info], (command, whose)
    every = propelauth.done("fetch_all_active")
    assert {one.impersonation_session_id for one in every.sessions} == {first, second}
    assert (every.has_more_results, every.next_paging_token) == (False, None)


def test_a_session_is_invalidated_by_its_id_and_by_its_token(propelauth: PropelAuth) -> None:
    created = propelauth.create()
    propelauth.done("invalidate_by_id", created.session_id)
    assert propelauth.active() == []
    created = propelauth.create()
    propelauth.done("invalidate_by_token", created.impersonation_session_token)
    assert propelauth.active() == []


def test_all_sessions_of_somebody_are_invalidated(propelauth: PropelAuth, env: Env) -> None:
    for command, who in (
        ("invalidate_all_for_employee", env["PA_EMPLOYEE_EMAIL"]),
        ("invalidate_all_for_user", env["PA_TARGET_USER_ID"]),
    ):
        propelauth.create()
        assert propelauth.done(command, who).sessions_invalidated == 1
        assert propelauth.done(command, who).sessions_invalidated == 0
        assert propelauth.done(command, "nobody").sessions_invalidated == 0


def test_it_answers_a_ping(propelauth: PropelAuth) -> None:
    assert abs(propelauth.ping().data.timestamp - time.time()) < 60


@pytest.mark.parametrize(
    ("key", "changed", "error"),
    [
        ("PA_DISABLED_INTEGRATION_KEY", {}, "ImpersonationDisabled"),
        ("PA_INTEGRATION_KEY", {"employee_email": "omar@example.com"}, "UnauthorizedEmployee"),
        ("PA_INTEGRATION_KEY", {"employee_email": "who@example.com"}, "UnauthorizedEmployee"),
        ("PA_INTEGRATION_KEY", {"target_user_id": GONE}, "UnexpectedError"),
        ("PA_INTEGRATION_KEY", {"target_user_id": 7}, "UnexpectedError"),
    ],
)
def test_a_session_is_not_created(
    site: Site, env: Env, key: str, changed: dict[str, Any], error: str
) -> None:
    program = PropelAuth(env, key)
    failed = program.failed("create", **program.session(**changed))
    assert failed == f"CreateImpersonationSessionError{error}"
    assert PropelAuth(env).active() == []


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"impersonation_token": "impersonate_x"}, "InvalidImpersonationToken"),
        ({"ip_address": "198.51.100.10"}, "IpAddressMismatch"),
        ({"user_agent": "curl"}, "UserAgentMismatch"),
        ({"user_agent": 7}, "UnexpectedError"),
    ],
)
def test_a_session_is_not_validated(
    propelauth: PropelAuth, changed: dict[str, Any], error: str
) -> None:
    token = propelauth.create().impersonation_session_token
    arguments = {"impersonation_token": token, **FROM, **changed}
    failed = propelauth.failed("validate", **arguments)
    assert failed == f"ValidateImpersonationSessionError{error}"


def test_where_it_is_off_nothing_is_validated(site: Site, env: Env) -> None:
    failed = PropelAuth(env, "PA_DISABLED_INTEGRATION_KEY").failed("validate", **TOKEN)
    assert failed == "ValidateImpersonationSessionErrorImpersonationNotEnabled"


@pytest.mark.parametrize("way", ["ended", "expired", "replaced"])
def test_a_session_that_is_over_is_not_found(propelauth: PropelAuth, site: Site, way: str) -> None:
    created = propelauth.create()
    if way == "ended":
        propelauth.done("invalidate_by_id", created.session_id)
    elif way == "expired":
        site.age(created.session_id, "started_at", "expires_at", minutes=20)
    else:
        propelauth.create()
    token = created.impersonation_session_token
    names = {
        propelauth.failed("validate", token, **FROM),
        propelauth.failed("fetch_by_id", created.session_id),
        propelauth.failed("invalidate_by_id", created.session_id),
        propelauth.failed("invalidate_by_token", token),
    }
    assert names == {
        "ValidateImpersonationSessionErrorSessionNotFound",
        "FetchImpersonationSessionByIdErrorSessionNotFound",
        "InvalidateImpersonationSessionByIdErrorSessionNotFound",
        "InvalidateImpersonationSessionByTokenErrorSessionNotFound",
    }


@pytest.mark.parametrize(
    ("command", "arguments", "error"),
    [
        ("fetch_all_active", ("x",), "FetchAllActiveImpersonationSessionsErrorInvalidPagingToken"),
        ("fetch_all_active", (None, 7), "FetchAllActiveImpersonationSessionsErrorUnexpectedError"),
        ("fetch_by_id", (7,), "FetchImpersonationSessionByIdErrorUnexpectedError"),
        ("invalidate_by_id", (7,), "InvalidateImpersonationSessionByIdErrorUnexpectedError"),
        ("invalidate_by_token", (7,), "InvalidateImpersonationSessionByTokenErrorUnexpectedError"),
        ("fetch_all_for_user", (7,), "FetchAllImpersonationSessionsForUserError"),
        ("fetch_all_for_employee", (7,), "FetchAllImpersonationSessionsForEmployeeError"),
        ("invalidate_all_for_user", (7,), "InvalidateAllImpersonationSessionsForUserError"),
        ("invalidate_all_for_employee", (7,), "InvalidateAllImpersonationSessionsForEmployeeError"),
    ],
)
def test_each_command_has_its_errors(
    propelauth: PropelAuth, command: str, arguments: tuple[Any, ...], error: str
) -> None:
    assert propelauth.failed(command, *arguments) == error


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("", "NoIntegrationKeyFoundInHeader"),
        ("sk_int_x", "InvalidPrefix"),
        ("uskx", "IntegrationKeyNotFound"),
        ("OA_CLIENT_SECRET", "CommandNotAllowed"),
    ],
)
def test_a_key_has_to_be_good(site: Site, env: Env, key: str, error: str) -> None:
    assert PropelAuth(env, key).ping().error.type == error
