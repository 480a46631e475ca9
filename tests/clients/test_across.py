"""One store behind all dialects: started in one, seen in another, ended in a third."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from tests.clients.programs import (
    FROM,
    Auth0,
    Authentik,
    Env,
    JSONAPIClient,
    JSONAPIRequests,
    OAuth,
    PropelAuth,
)
from tests.e2e.site import Site

# All of them as the same admin, and as the same member.
STARTS: dict[str, Callable[[Env], object]] = {
    "propelauth-byo": lambda env: PropelAuth(env).create(),
    "jsonapi-client": lambda env: JSONAPIClient(env).start(env["JA_USER_ID"]),
    "jsonapi-requests": lambda env: JSONAPIRequests(env).start(env["JA_USER_ID"]),
    "authentik-client": lambda env: Authentik(env).start(),
    "Authlib, by an Auth0 link": lambda env: Auth0(env).start(),
}
ENDS: dict[str, Callable[[Env, str], object]] = {
    "propelauth-byo": lambda env, session: PropelAuth(env).done("invalidate_by_id", session),
    "authentik-client": lambda env, session: Authentik(env).remove(session),
    "authentik-client, one's own": lambda env, _: Authentik(env).end(),
    # By somebody who may start none.
    "authentik-client, another's": lambda env, session: Authentik(env, "AK_NOPERM_TOKEN").remove(
        session
    ),
}
every_start = pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
every_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)


def seen(env: Env) -> set[tuple[str, str]]:
    """Return the active sessions as each dialect that can list them does."""
    propelauth = {
        (one.impersonation_session_id, str(datetime.fromtimestamp(one.expires_at, tz=UTC)))
        for one in PropelAuth(env).active()
    }
    authentik = {(str(one.uuid), str(one.expires)) for one in Authentik(env).sessions()}
    assert propelauth == authentik
    return propelauth


@every_start
@every_end
def test_started_in_one_seen_in_another_ended_in_a_third(
    site: Site, env: Env, start: Callable[..., Any], end: Callable[..., Any]
) -> None:
    start(env)
    ((session, _),) = seen(env)
    end(env, session)
    assert seen(env) == set()


@every_start
def test_an_admin_has_one_session_wherever_it_is_started(
    site: Site, env: Env, start: Callable[..., Any]
) -> None:
    cys = PropelAuth(env).create(employee_email=env["PA_EMPLOYEE_EMAIL_2"]).session_id
    for other in STARTS.values():
        other(env)
        before = {session for session, _ in seen(env)} - {cys}
        start(env)
        after = {session for session, _ in seen(env)} - {cys}
        assert len(before) == len(after) == 1
        assert before != after
    assert cys in {session for session, _ in seen(env)}


def test_a_token_is_the_same_in_every_dialect(site: Site, env: Env) -> None:
    token = JSONAPIClient(env).start(env["JA_USER_ID"]).attributes["json_web_token"]
    (session,) = Authentik(env).sessions()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sid"], claims["exp"]) == (str(session.uuid), session.expires.timestamp())
    assert claims["sub"] == claims["user_id"] == env["PA_TARGET_USER_ID"]
    whence = {"ip_address": session.last_ip, "user_agent": session.last_user_agent}
    validated = PropelAuth(env).done("validate", f"impersonate_{token}", **whence)
    assert validated.impersonation_session_id == claims["sid"]
    assert OAuth(env).introspect(token)["jti"] == claims["jti"]
    PropelAuth(env).done("invalidate_by_token", f"impersonate_{token}")
    assert Authentik(env).sessions() == []
    assert OAuth(env).introspect(token) == {"active": False}


def test_what_is_claimed_of_a_person_is_what_the_others_tell(site: Site, env: Env) -> None:
    PropelAuth(env).create()
    (session,) = Authentik(env).sessions()
    assert (session.last_ip, session.last_user_agent) == tuple(FROM.values())


def test_one_trail_has_all_of_them(site: Site, env: Env) -> None:
    for start in STARTS.values():
        start(env)
    events = Authentik(env).events.events_events_list(page_size=7).results
    told = [event.action.removeprefix("impersonation_") for event in events]
    assert told == ["started", "ended"] * 3 + ["started"]
    assert {event.context["why"] for event in events[1::2]} == {"replaced"}
    assert site.flask("audit", "verify").startswith("Good: events 1 to ")
