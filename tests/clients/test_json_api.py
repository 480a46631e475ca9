"""`jsonapi-client` and `jsonapi-requests`, which know nothing of ours but JSON:API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonapi_client.exceptions import DocumentError
from jsonapi_requests.request_factory import ApiClientError

from tests.clients.programs import TOLD, Created, Env, JSONAPIClient, JSONAPIRequests, PropelAuth
from tests.e2e.site import Site

USER = "/data/attributes/user"
# Who is asked for where with what, and how that is told: the status, and what it points to.
REFUSALS = [
    ({"token": "uskx"}, "JA_USER_ID", 401, None),
    ({"token": ""}, "JA_USER_ID", 401, None),
    ({"token": "JA_NON_ADMIN_TOKEN"}, "JA_USER_ID", 403, None),
    ({"organization": "JA_DISABLED_ORG_ID"}, "JA_USER_ID", 403, None),
    ({"organization": "nowhere"}, "JA_USER_ID", 404, None),
    ({}, "JA_OUTSIDE_USER_ID", 404, USER),
    ({}, "nobody@harbour.example", 404, USER),
    ({}, "", 422, USER),
]


STARTS = {
    "jsonapi-client": lambda env, user: JSONAPIClient(env).start(user),
    "jsonapi-client, async": lambda env, user: JSONAPIClient(env).start_async(user),
    "jsonapi-requests": lambda env, user: JSONAPIRequests(env).start(user),
}


@pytest.mark.parametrize("user", ["JA_USER_ID", "JA_USER_NAME", "JA_USER_EMAIL"])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_session_is_created(
    site: Site, env: Env, user: str, start: Callable[[Env, str], Created]
) -> None:
    created = start(env, env[user])
    assert (created.id, created.type) == (env["JA_USER_ID"], "impersonation")
    assert created.attributes["json_web_token"].count(".") == 2
    assert created.attributes["created_at"].endswith("Z")
    assert created.attributes.keys() == set(TOLD)


@pytest.mark.parametrize(("limits", "user", "status", "pointer"), REFUSALS)
def test_jsonapi_client_is_told_why_not(
    site: Site, env: Env, limits: Any, user: str, status: int, pointer: str | None
) -> None:
    program = JSONAPIClient(env, **limits)
    for start in (program.start, program.start_async):
        with pytest.raises(DocumentError) as raised:
            start(env.get(user, user))
        assert raised.value.errors["status_code"] == status
        # The title has come through; for none of its own the client shows a question mark.
        assert not str(raised.value).endswith("?")


@pytest.mark.parametrize(("limits", "user", "status", "pointer"), REFUSALS)
def test_jsonapi_requests_is_told_why_not(
    site: Site, env: Env, limits: Any, user: str, status: int, pointer: str | None
) -> None:
    with pytest.raises(ApiClientError) as raised:
        JSONAPIRequests(env, **limits).start(env.get(user, user))
    assert told(raised.value) == (status, pointer)
    assert PropelAuth(env).active() == []


@pytest.mark.parametrize(
    ("method", "sent", "status", "pointer"),
    [
        ("post", {"json": {"data": {"type": "users"}}}, 409, "/data/type"),
        ("post", {"json": {}}, 400, "/data"),
        ("post", {"data": b"{"}, 400, "/data"),
        ("post", {"headers": {"Content-Type": "text/plain"}}, 415, None),
        ("get", {}, 405, None),
    ],
)
def test_what_is_no_document_is_told(
    site: Site, env: Env, method: str, sent: Any, status: int, pointer: str | None
) -> None:
    with pytest.raises(ApiClientError) as raised:
        JSONAPIRequests(env).ask(method, **sent)
    assert told(raised.value) == (status, pointer)


def told(error: ApiClientError) -> tuple[int, str | None]:
    """Return the status and the pointer of the one error in the answer."""
    (one,) = json.loads(error.content)["errors"]
    assert one["status"] == str(error.status_code)
    return error.status_code, one.get("source", {}).get("pointer")
