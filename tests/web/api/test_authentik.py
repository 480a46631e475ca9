"""authentik's dialect, on the wire."""

import hashlib
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain import endings, impersonations
from app.domain.audit_trail import AuditAction
from app.storage import numbered_events
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.base import number_of
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from app.web.api import programs
from app.web.api.authentik import answers, sessions, users
from app.web.application import Application
from tests import trail
from tests.cast import (
    ADA,
    CY,
    ELSEWHERE,
    EVE,
    HARBOUR,
    LIGHTHOUSE,
    MIA,
    NOOR,
    OMAR,
    OPAL,
    PIA,
    SAM,
    Person,
)
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.factories import start
from tests.keys import make_key
from tests.twins import fails_without, line, together

BASE = "/api/v3"
USERS = f"{BASE}/core/users"
SESSIONS = f"{BASE}/core/authenticated_sessions"
EVENTS = f"{BASE}/events/events/"
REASON = {"reason": "Her template is broken"}
GONE = "00000000-0000-4000-8000-000000000000"


def pk(person: Person) -> int:
    return number_of(person.id)


class Console:
    """A program that talks as the generated clients do: it keeps no cookies by itself."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret, self.cookie = client, secret, ""

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        if self.cookie:
            headers["Cookie"] = f"authentik_session={self.cookie}"
        return self.client.open(path, method=method, headers=headers, **more)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, query_string=query)
        assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
        return answer.json

    def impersonate(self, user_pk: object, **more: Any) -> TestResponse:
        more = more or {"json": REASON}
        return self.ask("POST", f"{USERS}/{user_pk}/impersonate/", **more)

    def started(self, person: Person, **more: Any) -> str:
        """Start a session, keep its cookie and return the id of the session."""
        answer = self.impersonate(pk(person), **more)
        assert is_empty(answer, 204), answer.text
        self.cookie = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
        (session,) = (one for one in self.sessions() if one["current"])
        return str(session["uuid"])

    def end(self) -> None:
        assert is_empty(self.ask("GET", f"{USERS}/impersonate_end/"), 204)

    def me(self) -> tuple[int, int | None]:
        """Return who one is and who one really is, if that is somebody else."""
        told = self.get(f"{USERS}/me/")
        assert told["users"] == []
        return told["user"]["pk"], told.get("original", {}).get("pk")

    def sessions(self) -> list[Any]:
        found: list[Any] = self.get(f"{SESSIONS}/")["results"]
        return found


def is_empty(answer: TestResponse, status: int) -> bool:
    # Without a body there is no media type, HTML's least of all.
    is_bare = not answer.data and "Content-Type" not in answer.headers
    return is_bare and answer.status_code == status


def failure(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code; there is a sentence as well."""
    assert answer.mimetype == "application/json"
    body = answer.get_json()
    assert body.keys() == {"detail", "code"}
    assert body["detail"].endswith(".")
    return answer.status_code, body["code"]


@pytest.fixture
def console(admin_app: Application, database: Database, clock: Clock) -> Callable[..., Console]:
    """Make a program that acts for an admin."""

    def console(
        person: Person = ADA, scopes: str = "authentik impersonate", **more: Any
    ) -> Console:
        _, secret = make_key(
            database, *scopes.split(), **{"admin": person.id, **more}, now=clock.now
        )
        return Console(admin_app.test_client(use_cookies=False), secret)

    return console


@pytest.fixture
def adas(console: Callable[..., Console]) -> Console:
    return console()


@on_sqlite
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_session_is_started(adas: Console, slash: str) -> None:
    answer = adas.ask("POST", f"{USERS}/{pk(MIA)}/impersonate{slash}", json=REASON)
    assert is_empty(answer, 204)
    assert "Location" not in answer.headers


def test_the_clients_of_old_send_no_body_at_all(
    console: Callable[..., Console], database: Database
) -> None:
    silent = console(reason_required=False)
    assert is_empty(silent.impersonate(pk(MIA), headers={"Content-Length": "0"}), 204)
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
        assert (event.actor_id, event.subject_id, event.reason) == (ADA.id, MIA.id, None)


@pytest.mark.requirement("L2", "P2")
def test_the_start_is_recorded_with_its_reason(adas: Console, database: Database) -> None:
    adas.started(MIA)
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
        assert (event.actor_id, event.subject_id) == (ADA.id, MIA.id)
        assert event.reason == REASON["reason"]
        assert event.details["through"].startswith("A program (usk")


@on_sqlite
def test_the_cookie_tells_the_session_and_nothing_else(adas: Console) -> None:
    name, *attributes = adas.impersonate(pk(MIA)).headers["Set-Cookie"].split("; ")
    assert name == f"authentik_session={adas.sessions()[0]['uuid']}"
    assert {"HttpOnly", "Path=/", "Max-Age=1200", "SameSite=Lax"} <= set(attributes)


@on_sqlite
@pytest.mark.parametrize("slash", ["", "/"])
def test_who_one_is_changes_with_the_session(adas: Console, slash: str) -> None:
    assert adas.me() == (pk(ADA), None)
    adas.started(MIA)
    told = adas.get(f"{USERS}/me{slash}")
    assert (told["user"]["pk"], told["original"]["pk"]) == (pk(MIA), pk(ADA))
    assert (told["user"]["is_current"], told["original"]["is_current"]) == (True, False)
    adas.end()
    assert adas.me() == (pk(ADA), None)


USER = {
    "avatar": str,
    "email": str,
    "groups": list,
    "is_active": bool,
    "is_current": bool,
    "is_superuser": bool,
    "name": str,
    "pk": int,
    "roles": list,
    "settings": dict,
    "system_permissions": list,
    "type": str,
    "uid": str,
    "username": str,
}


@on_sqlite
def test_both_are_told_with_every_field(adas: Console) -> None:
    adas.started(MIA)
    told = adas.get(f"{USERS}/me/")
    for user in (told["user"], told["original"]):
        assert {name: type(value) for name, value in user.items()} == USER
    assert told["user"]["groups"] == [{"name": "Harbour", "pk": HARBOUR}]
    assert told["user"]["email"] == told["user"]["username"] == MIA.email
    assert (told["user"]["is_superuser"], told["original"]["is_superuser"]) == (False, True)


@on_sqlite
@pytest.mark.parametrize(
    ("email", "user_name", "told"),
    [
        ("mia.o'neil@harbour.example", None, "mia"),
        ("mia@harbour.example", "mia s", "mia@harbour.example"),
        ("mia@harbour.example", "Mia.S+1", "Mia.S+1"),
        ("mia@harbour.example", "m" * 151, "mia@harbour.example"),
    ],
)
def test_a_user_name_is_one_that_the_clients_take(
    adas: Console, database: Database, email: str, user_name: str | None, told: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        mia = db.get_one(Member, MIA.id)
        mia.email, mia.user_name = email, user_name
        mia.fold_names()
    adas.started(MIA)
    user_name = adas.get(f"{USERS}/me/")["user"]["username"]
    assert user_name == told
    assert re.fullmatch(r"[\w.@+-]{1,150}", user_name)


@on_sqlite
@pytest.mark.requirement("A7")
@fails_without(line(sessions.of_cookie, " and named.impersonator_id == admin.id"))
def test_a_cookie_counts_only_beside_the_token_of_its_admin(
    adas: Console, console: Callable[..., Console]
) -> None:
    session = adas.started(MIA)
    cys = console(CY)
    cys.cookie = adas.cookie
    assert cys.me() == (pk(CY), None)
    cys.end()
    assert [(one["uuid"], one["current"]) for one in cys.sessions()] == [(session, False)]
    assert console().me() == (pk(ADA), None)


@on_sqlite
@pytest.mark.requirement("A7")
def test_a_cookie_alone_opens_nothing(adas: Console) -> None:
    adas.started(MIA)
    adas.secret = ""
    assert failure(adas.ask("GET", f"{USERS}/me/")) == (403, "authentication_failed")


@on_sqlite
@pytest.mark.parametrize("cookie", [GONE, "x", '"\\000"', "x" * 3000, "0" * 32])
def test_a_cookie_that_names_no_session_is_none(adas: Console, cookie: str) -> None:
    session = adas.started(MIA)
    adas.cookie = cookie
    assert adas.me() == (pk(ADA), None)
    adas.end()
    assert [one["uuid"] for one in adas.sessions()] == [session]


@pytest.mark.requirement("I4")
@fails_without(
    together(
        line(programs.find_active, " or not found.is_active(g.now)"),
        line(endings.end, ", Impersonation.ended_at.is_(None)"),
    )
)
def test_ending_ends_once_and_says_the_same_again(adas: Console, database: Database) -> None:
    adas.end()
    session = adas.started(MIA)
    adas.end()
    adas.end()
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
        assert (event.impersonation_id, event.actor_id) == (session, ADA.id)
        assert event.details["why"] == EndReason.PROGRAM_ENDED


@on_sqlite
def test_without_a_cookie_ones_own_session_ends(
    adas: Console, console: Callable[..., Console]
) -> None:
    cys = console(CY)
    adas.started(MIA)
    session = cys.started(MIA)
    adas.cookie = ""
    adas.end()
    assert [one["uuid"] for one in adas.sessions()] == [session]


@on_sqlite
def test_who_only_looks_at_the_address_ends_nothing(adas: Console) -> None:
    adas.started(MIA)
    assert adas.ask("HEAD", f"{USERS}/impersonate_end/").status_code == 405
    assert adas.ask("OPTIONS", f"{USERS}/impersonate_end/").status_code == 405
    assert len(adas.sessions()) == 1


@on_sqlite
@pytest.mark.requirement("I2")
def test_the_next_start_ends_the_session_before(
    adas: Console, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id)
        in_a_tab = start(db, impersonator=ada, target=mia, now=clock.now).impersonation.id
    session = adas.started(EVE)
    assert [one["uuid"] for one in adas.sessions()] == [session]
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Impersonation, in_a_tab).end_reason == EndReason.REPLACED


@on_sqlite
@pytest.mark.requirement("I1")
@fails_without(line(Impersonation.has_run_out, "now >= self.expires_at or "))
def test_a_session_lives_twenty_minutes_without_a_tab(adas: Console, clock: Clock) -> None:
    adas.started(MIA)
    clock.move(minutes=19, seconds=59)
    assert adas.me() == (pk(MIA), pk(ADA))
    clock.move(seconds=1)
    assert adas.me() == (pk(ADA), None)
    assert adas.sessions() == []


@on_sqlite
@pytest.mark.parametrize("body", [{"json": {}}, {"json": {"reason": " "}}, {"data": b""}])
def test_a_reason_that_is_demanded_is_missed(adas: Console, body: Any) -> None:
    answer = adas.impersonate(pk(MIA), **body)
    assert answer.status_code == 400
    assert answer.json == {"reason": ["This field is required."]}


@on_sqlite
@pytest.mark.parametrize("reason", [7, ["x"], {"a": 1}, True, "x" * 501, "x" * 9000])
def test_a_reason_is_a_text_of_some_length(adas: Console, reason: Any) -> None:
    answer = adas.impersonate(pk(MIA), json={"reason": reason})
    assert answer.status_code == 400
    ((field, sentences),) = answer.get_json().items()
    assert field == "reason"
    assert sentences != ["This field is required."]


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"[]", b"7", b"[" * 20_000, b'{"a": "\\ud800"}', b'{"reason": "\\u0000"}'],
)
def test_a_body_that_is_none_is_refused(adas: Console, body: bytes) -> None:
    answer = adas.impersonate(pk(MIA), data=body, content_type="application/json")
    assert failure(answer) == (400, "bad_request")


@on_sqlite
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(adas: Console, media_type: str) -> None:
    answer = adas.impersonate(pk(MIA), data=b'{"reason": "x"}', content_type=media_type)
    assert failure(answer) == (415, "unsupported_media_type")


@on_sqlite
def test_a_body_of_megabytes_is_too_large(adas: Console) -> None:
    assert failure(adas.impersonate(pk(MIA), json={"reason": "x" * 2**21}))[0] == 413


@on_sqlite
@pytest.mark.requirement("A3", "I9")
@pytest.mark.parametrize("person", [OPAL, SAM, ADA])
def test_what_is_off_and_oneself_are_refused_without_a_word(adas: Console, person: Person) -> None:
    assert is_empty(adas.impersonate(pk(person)), 401)


@on_sqlite
@pytest.mark.requirement("A2")
@fails_without(
    line(users.impersonate, "programs.check_anybody(admin, programs.api_key().account)", "pass")
)
def test_where_it_is_off_nobody_is_looked_up(console: Callable[..., Console]) -> None:
    for user_pk in (pk(OPAL), pk(MIA), 7):
        assert is_empty(console(account=LIGHTHOUSE).impersonate(user_pk), 401)


@on_sqlite
@pytest.mark.requirement("A3")
@fails_without(
    together(
        line(impersonations.refused, ", event=recorded"),
        line(
            impersonations.check_policy,
            'kind(f"{refusal.sentence}.", code=refusal, event=refused)',
            'kind(f"{refusal.sentence}.", code=refusal)',
        ),
    )
)
@pytest.mark.parametrize("person", [PIA, NOOR, CY, OMAR])
def test_who_may_not_be_impersonated_is_refused(
    adas: Console, database: Database, person: Person
) -> None:
    assert failure(adas.impersonate(pk(person))) == (403, "permission_denied")
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.IMPERSONATION_REFUSED).actor_id == ADA.id


@on_sqlite
@pytest.mark.requirement("A2", "P2")
@pytest.mark.parametrize(
    "limits", [{"person": OMAR}, {"scopes": "authentik"}, {"admin": None}], ids=str
)
def test_who_may_not_start_is_refused_before_anybody_is_looked_up(
    console: Callable[..., Console], limits: Any
) -> None:
    assert failure(console(**limits).impersonate(7)) == (403, "permission_denied")


@pytest.mark.parametrize("user_pk", [7, 0, -1, "x", 10**17, "4" * 400, "%00", "٣", ADA.id])
def test_a_user_who_is_not_there_is_not_found(adas: Console, user_pk: object) -> None:
    answer = adas.impersonate(user_pk)
    assert failure(answer) == (404, "not_found")
    assert answer.get_json()["detail"] == "No User matches the given query."


@on_sqlite
@pytest.mark.requirement("P2")
@fails_without(line(users._target, " or not programs.api_key().covers(member.account_id)"))
def test_a_user_of_another_account_is_not_found(console: Callable[..., Console]) -> None:
    assert failure(console(account=HARBOUR).impersonate(pk(EVE)))[0] == 404


def test_the_pk_of_an_admin_is_never_that_of_a_member(adas: Console, database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, MIA.id).number = pk(ADA)
        db.get_one(Member, EVE.id).number = pk(CY)
    assert is_empty(adas.impersonate(pk(ADA)), 401)
    assert failure(adas.impersonate(pk(CY)))[0] == 403
    assert adas.sessions() == []


@on_sqlite
@pytest.mark.requirement("P1")
@pytest.mark.parametrize("secret", ["", "x", "uskx"])
def test_a_token_has_to_be_good(console: Callable[..., Console], secret: str) -> None:
    stranger = console()
    stranger.secret = secret
    answer = stranger.impersonate(pk(MIA), data=b"{", content_type="text/plain")
    assert failure(answer) == (403, "authentication_failed")
    assert failure(stranger.ask("GET", f"{USERS}/impersonate_end/"))[0] == 403


@on_sqlite
@pytest.mark.requirement("P1", "P2")
@pytest.mark.parametrize("limits", [{"scopes": "propelauth"}, {"admin": None}], ids=str)
def test_a_token_has_to_speak_for_an_admin(console: Callable[..., Console], limits: Any) -> None:
    for path in (f"{USERS}/me/", f"{USERS}/impersonate_end/", f"{SESSIONS}/", EVENTS):
        answer = console(**limits).ask("GET", path)
        assert failure(answer) == (403, "permission_denied")


@on_sqlite
@pytest.mark.requirement("A1", "P2")
@fails_without(line(APIKey.state, "if self.admin and self.admin.is_disabled", "if False"))
def test_the_token_of_a_disabled_admin_opens_nothing(
    adas: Console, console: Callable[..., Console], database: Database, clock: Clock
) -> None:
    session, cys = adas.started(MIA), console(CY)
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, CY.id).disabled_at = clock.now
    for path in (f"{USERS}/me/", f"{USERS}/impersonate_end/", f"{SESSIONS}/", EVENTS):
        assert failure(cys.ask("GET", path)) == (403, "authentication_failed")
    assert failure(cys.ask("DELETE", f"{SESSIONS}/{session}/"))[0] == 403
    assert failure(cys.impersonate(pk(MIA)))[0] == 403
    assert len(adas.sessions()) == 1


@on_sqlite
@pytest.mark.parametrize("name", ["last_ip", "search", "user__username"])
def test_sessions_are_not_filtered_by_what_they_cannot_be(adas: Console, name: str) -> None:
    assert failure(adas.ask("GET", f"{SESSIONS}/?{name}=x"))[0] == 400


@on_sqlite
def test_a_session_is_told(adas: Console, clock: Clock) -> None:
    session = adas.started(MIA)
    agent = "Werkzeug/3.1.9"
    told = adas.get(f"{SESSIONS}/{session}/")
    assert told.pop("user_agent")["string"] == told["last_user_agent"] == agent
    assert told == {
        "uuid": session,
        "current": True,
        "user": pk(MIA),
        "last_ip": "127.0.0.1",
        "last_user_agent": agent,
        "last_used": "2026-03-02T09:00:00Z",
        "expires": "2026-03-02T09:20:00Z",
        "geo_ip": None,
        "asn": None,
    }


def test_sessions_of_other_programs_and_of_tabs_are_listed_and_ended(
    adas: Console, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        session = start(db, impersonator=cy, target=eve, now=clock.now).impersonation.id
    assert [(one["uuid"], one["user"]) for one in adas.sessions()] == [(session, pk(EVE))]
    assert is_empty(adas.ask("DELETE", f"{SESSIONS}/{session}/"), 204)
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.IMPERSONATION_ENDED).actor_id == ADA.id


@pytest.mark.parametrize("session", [GONE, "x", "%00", "x" * 400])
def test_a_session_that_is_not_there_is_not_found(adas: Console, session: str) -> None:
    for method in ("GET", "DELETE"):
        assert failure(adas.ask(method, f"{SESSIONS}/{session}/")) == (404, "not_found")


def test_a_session_that_has_ended_is_not_found(adas: Console) -> None:
    session = adas.started(MIA)
    adas.end()
    for method in ("GET", "DELETE"):
        assert failure(adas.ask(method, f"{SESSIONS}/{session}")) == (404, "not_found")


@pytest.mark.requirement("P2")
@fails_without(line(programs.find_active, " or not api_key().covers(found.account_id)"))
def test_a_token_of_one_account_sees_no_other(
    adas: Console, console: Callable[..., Console]
) -> None:
    session, elsewheres = adas.started(MIA), console(account=ELSEWHERE)
    elsewheres.cookie = adas.cookie
    assert elsewheres.sessions() == []
    assert elsewheres.me() == (pk(ADA), None)
    elsewheres.end()
    elsewheres.cookie = ""
    elsewheres.end()
    assert failure(elsewheres.ask("DELETE", f"{SESSIONS}/{session}/"))[0] == 404
    assert elsewheres.get(EVENTS)["pagination"]["count"] == 0
    assert console(account=HARBOUR).get(EVENTS)["pagination"]["count"] == 1
    assert [one["uuid"] for one in adas.sessions()] == [session]


def test_starts_and_ends_are_events(adas: Console, clock: Clock) -> None:
    session = adas.started(MIA)
    clock.move(minutes=2)
    adas.end()
    ended, started = adas.get(EVENTS)["results"]
    assert UUID(started.pop("pk")).version == 5
    assert started == {
        "user": {
            "pk": pk(ADA),
            "username": ADA.email,
            "email": ADA.email,
            "on_behalf_of": {"pk": pk(MIA), "username": MIA.email, "email": MIA.email},
        },
        "action": "impersonation_started",
        "app": "understudy",
        "context": {**REASON, "session": session},
        "client_ip": "127.0.0.1",
        "created": "2026-03-02T09:00:00Z",
        "expires": "9999-12-31T23:59:59Z",
        "brand": {},
    }
    assert (ended["action"], ended["created"]) == ("impersonation_ended", "2026-03-02T09:02:00Z")
    assert ended["context"] == {"reason": "", "session": session, "why": "program_ended"}


def test_what_nobody_did_is_nobodys(adas: Console, database: Database, clock: Clock) -> None:
    adas.started(MIA)
    with database.unit_of_work(writing=True) as db:
        db.get_one(Account, HARBOUR).impersonation_allowed = False
    adas.started(EVE)
    ended = adas.get(EVENTS, action="impersonation_ended")["results"]
    assert [(one["user"], one["context"]["why"]) for one in ended] == [({}, "account_unavailable")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "impersonation_started"}, ["started"] * 3),
        ({"action": "impersonation_ended"}, ["ended"] * 2),
        ({"actions": ["impersonation_ended"]}, ["ended"] * 2),
        ({"ordering": "-created"}, ["started", "ended", "started", "ended", "started"]),
    ],
)
def test_events_are_asked_for_by_action(adas: Console, query: Any, found: list[str]) -> None:
    for _ in range(3):
        adas.started(MIA)
    events = adas.get(EVENTS, **query)["results"]
    assert [one["action"].removeprefix("impersonation_") for one in events] == found


@on_sqlite
@pytest.mark.parametrize(
    "query", [{"action": "login"}, {"username": "mia"}, {"search": "x"}, {"ordering": "created"}]
)
def test_a_filter_that_there_is_not_is_refused(adas: Console, query: Any) -> None:
    assert failure(adas.ask("GET", EVENTS, query_string=query)) == (400, "bad_request")


def test_pages_are_turned_by_number(adas: Console) -> None:
    for _ in range(3):
        adas.started(MIA)
    first = adas.get(EVENTS, page_size=2)
    last = adas.get(EVENTS, page_size=2, page=3)
    assert first["pagination"] == {
        "next": 2,
        "previous": 0,
        "count": 5,
        "current": 1,
        "total_pages": 3,
        "start_index": 1,
        "end_index": 2,
    }
    assert last["pagination"]["next"] == 0
    assert (last["pagination"]["start_index"], last["pagination"]["end_index"]) == (5, 5)
    pages = [first, adas.get(EVENTS, page_size=2, page=2), last]
    assert len({one["pk"] for page in pages for one in page["results"]}) == 5
    assert first["autocomplete"] == {}


@on_sqlite
def test_an_empty_list_has_one_page(adas: Console) -> None:
    told = adas.get(f"{SESSIONS}/")
    assert told == {
        "pagination": {
            "next": 0,
            "previous": 0,
            "count": 0,
            "current": 1,
            "total_pages": 1,
            "start_index": 0,
            "end_index": 0,
        },
        "results": [],
        "autocomplete": {},
    }


@on_sqlite
@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "9" * 5000, "1.0", "١"])
@pytest.mark.parametrize("path", [f"{SESSIONS}/", EVENTS])
def test_a_page_that_there_is_not_is_not_found(adas: Console, path: str, number: str) -> None:
    answer = adas.ask("GET", path, query_string={"page": number})
    assert failure(answer) == (404, "not_found")


@on_sqlite
@pytest.mark.parametrize("size", ["0", "-1", "x", "100000", "9" * 30])
def test_a_page_has_the_size_that_it_can_have(adas: Console, size: str) -> None:
    adas.started(MIA)
    assert len(adas.get(f"{SESSIONS}/", page_size=size)["results"]) == 1


@on_sqlite
def test_a_page_is_never_larger_than_that(adas: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    adas.started(MIA)
    adas.end()
    monkeypatch.setattr(answers, "LARGEST_PAGE", 1)
    assert len(adas.get(EVENTS, page_size=100)["results"]) == 1


def test_only_the_newest_events_have_a_number(
    adas: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        adas.started(MIA)
    newest = [one["pk"] for one in adas.get(EVENTS)["results"]][:2]
    monkeypatch.setattr(numbered_events, "MOST", 2)
    told = adas.get(EVENTS)
    assert told["pagination"]["count"] == 2
    assert [one["pk"] for one in told["results"]] == newest


@pytest.mark.requirement("L13")
def test_reading_the_events_is_recorded_in_the_name_of_the_admin(
    adas: Console, console: Callable[..., Console], database: Database
) -> None:
    for one in (adas, adas, console(CY)):
        one.get(EVENTS)
    adas.ask("GET", EVENTS, query_string={"page": "2"})
    with database.unit_of_work(writing=False) as db:
        read = trail.events(db, AuditAction.AUDIT_READ)
        told = [(event.actor_id, event.details["page"]) for event in read]
        assert told == [(ADA.id, EVENTS), (CY.id, EVENTS)]


@on_sqlite
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{USERS}/7/impersonate/", 405),
        ("POST", f"{USERS}/impersonate_end/", 405),
        ("PATCH", f"{SESSIONS}/{GONE}/", 405),
        ("GET", f"{BASE}/core/nothing/", 404),
        ("GET", f"{BASE}/", 404),
    ],
)
def test_other_addresses_and_methods_answer_in_its_form(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    assert failure(client.open(path, method=method))[0] == status


@on_sqlite
def test_a_pk_can_be_reckoned_as_the_documents_say(adas: Console) -> None:
    adas.started(MIA)
    digits = hashlib.sha256(MIA.id.encode()).hexdigest()[:13]
    assert adas.me() == (int(digits, 16), pk(ADA))
