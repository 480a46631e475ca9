"""Programs that were written for other systems, each with the published client of that system.

Only the address and the key are ours. What the clients return, and raise, a test reads as it is.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import quote

import authlib.integrations.requests_client as authlib
import jsonapi_client
import jsonapi_requests
import propelauth_byo
import pytest
import requests
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

REASON = "Her template is broken"
# What the support tool says of the person in front of it.
FROM = {"ip_address": "198.51.100.9", "user_agent": "Mozilla/5.0 (a support tool)"}
KIND = "impersonation"
# Those that are asked for do not come back.
ASKED, TOLD = ("user", "reason"), ("created_at", "json_web_token", "updated_at", "updated_in_db_at")
SCHEMA: dict[str, Any] = {KIND: {"properties": {name: {} for name in (*ASKED, *TOLD)}}}

Env = Mapping[str, str]
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, in a thread: in the main one Playwright may keep a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@dataclass(frozen=True)
class PropelAuth:
    """`propelauth-byo`: results are Ok with data, or Err with an error of its own class."""

    env: Env
    key: str = "PA_INTEGRATION_KEY"

    def ask(self, command: str, *arguments: Any, **more: Any) -> Any:
        """Run a command of the client's `impersonation`; return its result."""
        return run(getattr(self._client().impersonation, command)(*arguments, **more))

    def ping(self) -> Any:
        return run(self._client().ping())

    def done(self, command: str, *arguments: Any, **more: Any) -> Any:
        """Run a command that has to work; return its data."""
        result = self.ask(command, *arguments, **more)
        assert propelauth_byo.is_ok(result), result
        return result.data

    def failed(self, command: str, *arguments: Any, **more: Any) -> str:
        """Run a command that has to fail; return the name of the error's class."""
        result = self.ask(command, *arguments, **more)
        assert not propelauth_byo.is_ok(result), result
        # What the client could not read it tells as an unexpected error of its own.
        assert getattr(result.error, "details", ".").endswith("."), result
        return type(result.error).__name__

    def create(self, **more: Any) -> Any:
        return self.done("create", **self.session(**more))

    def session(self, **more: Any) -> dict[str, Any]:
        """Return the arguments of `create`."""
        employee, target = self.env["PA_EMPLOYEE_EMAIL"], self.env["PA_TARGET_USER_ID"]
        return {"employee_email": employee, "target_user_id": target, **FROM, **more}

    def active(self) -> list[Any]:
        """Return the sessions that are active."""
        sessions: list[Any] = self.done("fetch_all_active").sessions
        return sessions

    def _client(self) -> Any:
        secret = self.env.get(self.key, self.key)
        return propelauth_byo.create_client(url=self.env["BASE_URL"], integration_key=secret)


@dataclass(frozen=True)
class JSONAPI:
    """What both generic clients of JSON:API need to know of ours."""

    env: Env
    organization: str = "JA_ORG_ID"
    token: str = "JA_TOKEN"

    @property
    def root(self) -> str:
        organization = self.env.get(self.organization, self.organization)
        return f"{self.env['BASE_URL']}/api/v2/organizations/{organization}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.env.get(self.token, self.token)}"}


@dataclass(frozen=True)
class Created:
    """A resource that was created, as its client has read it."""

    id: str
    type: str
    attributes: Mapping[str, Any]


class JSONAPIClient(JSONAPI):
    """`jsonapi-client`, which raises DocumentError."""

    def start(self, user: str) -> Created:
        with jsonapi_client.Session(self.root, **self._options) as session:
            return self._read(session.create_and_commit(KIND, user=user, reason=REASON))

    def start_async(self, user: str) -> Created:
        """Do the same in the client's other way, which reads media types."""
        return run(self._start_async(user))

    async def _start_async(self, user: str) -> Created:
        session = jsonapi_client.Session(self.root, enable_async=True, **self._options)
        async with session:
            return self._read(await session.create_and_commit(KIND, user=user, reason=REASON))

    @property
    def _options(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "request_kwargs": {"headers": self.headers}}

    def _read(self, resource: Any) -> Created:
        # Once its session is closed, the client lets nobody look.
        return Created(resource.id, resource.type, {name: resource[name] for name in TOLD})


class JSONAPIRequests(JSONAPI):
    """`jsonapi-requests`, which ends paths in a slash, waits a second and raises ApiClientError."""

    def start(self, user: str) -> Created:
        attributes = {"user": user, "reason": REASON}
        thing = jsonapi_requests.JsonApiObject(type=KIND, attributes=attributes)
        resource = self.ask("post", object=thing).data
        return Created(resource.id, resource.type, resource.attributes)

    def ask(self, method: str, **more: Any) -> Any:
        """Ask with any method and any body, which this client lets one choose."""
        api = jsonapi_requests.Api.config({"API_ROOT": self.root, "AUTH": self._sign})
        return getattr(api.endpoint(KIND), method)(**more)

    def _sign(self, request: Any) -> Any:
        request.headers.update(self.headers)
        return request


class Authentik:
    """`authentik-client`; it keeps no cookies, so the program hands back the one it was given."""

    def __init__(self, env: Env, token: str = "AK_TOKEN") -> None:
        # A thousand modules: not for whoever only collects tests.
        self.client = client = import_module("authentik_client")
        configuration = client.Configuration(
            host=f"{env['BASE_URL']}/api/v3", access_token=env.get(token, token)
        )
        self.env, self.api = env, client.ApiClient(configuration)
        self.core, self.events = client.CoreApi(self.api), client.EventsApi(self.api)

    def start(self, pk: str = "AK_TARGET_PK", reason: str = REASON) -> Any:
        """Start a session and keep its cookie; return the whole answer."""
        answer = self.core.core_users_impersonate_create_with_http_info(
            int(self.env.get(pk, pk)), self.client.ImpersonationRequest(reason=reason)
        )
        self.api.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return answer

    def start_as_of_old(self) -> int:
        """Start a session as the clients before the reason did: without a body, or its type."""
        path = f"/core/users/{self.env['AK_TARGET_PK']}/impersonate/"
        request = self.api.param_serialize("POST", path, auth_settings=["authentik"])
        status: int = self.api.call_api(*request).status
        return status

    def end(self) -> None:
        self.core.core_users_impersonate_end_retrieve()

    def me(self) -> Any:
        return self.core.core_users_me_retrieve()

    def sessions(self, **more: Any) -> list[Any]:
        """Return the sessions that are active."""
        sessions: list[Any] = self.core.core_authenticated_sessions_list(**more).results
        return sessions

    def show(self, session_id: str) -> Any:
        return self.core.core_authenticated_sessions_retrieve(session_id)

    def remove(self, session_id: str) -> None:
        self.core.core_authenticated_sessions_destroy(session_id)

    def failed(self, call: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Make a call that has to fail; return what the client raises."""
        with pytest.raises(self.client.ApiException) as raised:
            call(self, *arguments, **more)
        return raised.value


class OAuth:
    """`Authlib`, told by the metadata where everything is, as a client whose names begin alike."""

    def __init__(self, env: Env, client: str = "OA", method: str = "client_secret_basic") -> None:
        where = f"{env['BASE_URL']}/.well-known/oauth-authorization-server"
        self.metadata = AuthorizationServerMetadata(requests.get(where, timeout=5).json())
        self.session = authlib.OAuth2Session(
            env[f"{client}_CLIENT_ID"],
            env[f"{client}_CLIENT_SECRET"],
            redirect_uri=env["A0_CALLBACK_URL"],
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )

    def introspect(self, token: str) -> Any:
        """Return what is said of the token."""
        endpoint = self.metadata["introspection_endpoint"]
        return self.session.introspect_token(
            endpoint, token=token, token_type_hint="access_token"
        ).json()

    def revoke(self, token: str) -> Any:
        """Return the answer."""
        return self.session.revoke_token(self.metadata["revocation_endpoint"], token=token)

    def fetch_token(self, **grant: str) -> Any:
        """Return the token that the grant is good for; raises what Authlib does."""
        return self.session.fetch_token(self.metadata["token_endpoint"], **grant)


class Auth0:
    """Auth0's legacy links. Their own client is for Node; the requests are those that it sends."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def link(self, response_type: str = "code", target: str = "A0_TARGET_USER_ID") -> Any:
        """Return the answer to a request for a link."""
        user = quote(self.env.get(target, target), safe="")
        body: dict[str, Any] = {
            "protocol": "oauth2",
            "impersonator_id": self.env["A0_IMPERSONATOR_ID"],
            "client_id": self.env["A0_APP_CLIENT_ID"],
            "additionalParameters": {"response_type": response_type, "state": "a state"},
        }
        return requests.post(
            f"{self.env['BASE_URL']}/users/{user}/impersonate",
            json=body,
            headers={"Authorization": f"Bearer {self.env['A0_GLOBAL_TOKEN']}"},
            timeout=5,
        )

    def follow(self, response_type: str = "code") -> str:
        """Follow a new link as a browser would; return where it leads."""
        answer = requests.get(self.link(response_type).text, allow_redirects=False, timeout=5)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def start(self) -> str:
        """Start a session, whose code its client redeems; return the token."""
        client = OAuth(self.env, "A0_APP")
        client.session.state = "a state"
        token: str = client.fetch_token(authorization_response=self.follow())["access_token"]
        return token
