"""`authentik-client`, which checks every field that it is sent."""

from datetime import timedelta
from typing import Any

import pytest

from tests.clients.programs import REASON, Authentik, Env
from tests.e2e.site import Site


def name_of(thing: object) -> str:
    """Return the name of the class of what the client has made of an answer."""
    return type(thing).__name__


def test_a_session_starts_and_ends(authentik: Authentik, env: Env) -> None:
    admin, target = int(env["AK_ADMIN_PK"]), int(env["AK_TARGET_PK"])
    assert authentik.me().user.pk == admin
    answer = authentik.start()
    assert (answer.status_code, answer.raw_data) == (204, b"")
    me = authentik.me()
    assert (me.user.pk, me.original.pk) == (target, admin)
    assert me.user.email == "mia.chen@harbour.example"
    authentik.end()
    authentik.end()
    me = authentik.me()
    assert (me.user.pk, me.original, me.users) == (admin, None, [])


def test_without_its_cookie_it_is_the_admin(authentik: Authentik, env: Env) -> None:
    authentik.start()
    authentik.api.cookie = None
    me = authentik.me()
    assert (me.user.pk, me.original) == (int(env["AK_ADMIN_PK"]), None)
    authentik.end()
    assert authentik.sessions() == []


def test_a_client_of_old_starts_without_a_body(site: Site, env: Env) -> None:
    assert Authentik(env).start_as_of_old() == 204
    assert Authentik(env, "AK_REASON_TOKEN").start_as_of_old() == 400


def test_sessions_are_listed_shown_and_ended(authentik: Authentik, env: Env) -> None:
    authentik.start()
    (session,) = authentik.sessions()
    assert (session.user, session.current) == (int(env["AK_TARGET_PK"]), True)
    assert session.expires - session.last_used == timedelta(minutes=20)
    assert authentik.show(session.uuid) == session
    authentik.remove(session.uuid)
    assert authentik.sessions() == []
    for call in (Authentik.remove, Authentik.show):
        assert name_of(authentik.failed(call, session.uuid)) == "NotFoundException"


def test_starts_and_ends_are_events(authentik: Authentik, env: Env) -> None:
    authentik.start()
    (session,) = authentik.sessions()
    authentik.end()
    ended, started = authentik.events.events_events_list(page_size=2).results
    for event, action in ((started, "impersonation_started"), (ended, "impersonation_ended")):
        assert event.action == action
        assert event.user["pk"] == int(env["AK_ADMIN_PK"])
        assert event.user["on_behalf_of"]["pk"] == int(env["AK_TARGET_PK"])
        assert event.context["session"] == str(session.uuid)
        (newest,) = authentik.events.events_events_list(action=action, page_size=1).results
        assert newest == event
    assert started.context["reason"] == REASON


def test_pages_are_turned_by_number(authentik: Authentik) -> None:
    for _ in range(2):
        authentik.start()
    first = authentik.events.events_events_list(page_size=1)
    second = authentik.events.events_events_list(page_size=1, page=first.pagination.next)
    assert (second.pagination.current, second.pagination.previous) == (2, 1)
    assert first.results != second.results
    assert name_of(authentik.failed(Authentik.sessions, page=2)) == "NotFoundException"


@pytest.mark.parametrize(
    ("token", "pk", "error"),
    [
        ("AK_DISABLED_TOKEN", "AK_TARGET_PK", "UnauthorizedException"),
        ("AK_TOKEN", "AK_ADMIN_PK", "UnauthorizedException"),
        ("AK_NOPERM_TOKEN", "AK_TARGET_PK", "ForbiddenException"),
        ("", "AK_TARGET_PK", "ForbiddenException"),
        ("uskx", "AK_TARGET_PK", "ForbiddenException"),
        ("OA_CLIENT_SECRET", "AK_TARGET_PK", "ForbiddenException"),
        ("AK_TOKEN", "7", "NotFoundException"),
    ],
)
def test_a_session_does_not_start(site: Site, env: Env, token: str, pk: str, error: str) -> None:
    raised = Authentik(env, token).failed(Authentik.start, pk)
    assert name_of(raised) == error
    if error == "UnauthorizedException":
        assert raised.headers["Content-Length"] == "0"
    if error == "ForbiddenException":
        assert name_of(raised.data) == "GenericError"
    assert Authentik(env).sessions() == []


def test_a_missing_reason_is_told_by_its_field(site: Site, env: Env) -> None:
    # The client lets nobody send an empty one.
    raised = Authentik(env, "AK_REASON_TOKEN").failed(Authentik.start, reason=" ")
    assert (name_of(raised), name_of(raised.data)) == ("BadRequestException", "ValidationError")
    assert raised.data.additional_properties == {"reason": ["This field is required."]}


@pytest.mark.parametrize("call", [Authentik.me, Authentik.end, Authentik.sessions])
def test_without_a_good_token_nothing_is_answered(site: Site, env: Env, call: Any) -> None:
    for token in ("", "uskx"):
        raised = Authentik(env, token).failed(call)
        assert (name_of(raised), name_of(raised.data)) == ("ForbiddenException", "GenericError")


def test_a_token_that_may_not_start_may_look_and_end(authentik: Authentik, env: Env) -> None:
    authentik.start()
    watcher = Authentik(env, "AK_NOPERM_TOKEN")
    (session,) = watcher.sessions()
    assert session.current is False
    watcher.remove(session.uuid)
    assert authentik.sessions() == []
