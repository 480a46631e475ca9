"""What a product app asks of us while somebody is inside."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from werkzeug.test import TestResponse

from app.domain import accounts, activity, admins, endings, handoffs, impersonations
from app.domain.audit_trail import WORKER, AuditAction
from app.domain.impersonations import Started
from app.domain.tokens import Tokens
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from app.web.api import kit
from app.web.application import Application
from tests import cast, factories, trail
from tests.breaking import break_trail, lose_a_table
from tests.clock import Clock
from tests.conftest import on_postgresql
from tests.factories import FROM_THE_OFFICE
from tests.faults import full_disk
from tests.keys import make_key
from tests.lending import listening
from tests.twins import each_fails_without, fails_without, line, together
from tests.web.api.conftest import OUTCOMES, PRESENCES, Product, problem

REFUSED_TICKET = "This link has been used, or it is too old. Start again from the admin site."


def as_told(session_id: str, seconds_left: int) -> dict[str, Any]:
    """How the API tells about Ada's session as Mia."""
    return {
        "id": session_id,
        "subject": {"id": "mia", "name": "Mia Søndergaard", "email": "mia@harbour.example"},
        "account": {"id": "harbour", "name": "Harbour"},
        "actor": {"id": "ada", "name": "Ada Lindqvist", "email": "ada@example.com"},
        "started_at": "2026-03-02T09:00:00+00:00",
        "expires_at": "2026-03-02T09:20:00+00:00",
        "seconds_left": seconds_left,
    }


def row(database: Database, started: Started) -> Impersonation:
    with database.unit_of_work(writing=False) as db:
        return db.get_one(Impersonation, started.impersonation.id)


def actions(database: Database) -> list[str]:
    with database.unit_of_work(writing=False) as db:
        return trail.actions(db)


# The hand-off.


@pytest.mark.requirement("H2")
def test_a_ticket_is_exchanged_for_a_token(
    product: Product, started: Started, tokens: Tokens, clock: Clock
) -> None:
    clock.move(seconds=2)
    response = product.redeem(started.ticket)
    assert response.status_code == 201
    body = response.get_json()
    assert body["impersonation"] == as_told(started.impersonation.id, 1198)
    claims = tokens.verify(body["token"], now=clock.now)
    assert claims.session_id == started.impersonation.id


@pytest.mark.requirement("H2")
@fails_without(
    together(
        line(handoffs.consume, "Handoff.used_at.is_(None), "),
        line(impersonations.redeem, " or (consumed.good and impersonation.opened_at is not None)"),
    ),
    together(
        line(handoffs.consume, ", Handoff.expires_at > now"),
        line(endings._tab_gone, "if impersonation.opened_at is None and", "if False and"),
    ),
)
def test_unknown_used_expired_and_ended_tickets_get_one_answer(
    product: Product, database: Database, clock: Clock
) -> None:
    def ticket(of: str) -> str:
        with database.unit_of_work(writing=True) as db:
            ada, mia = db.get_one(Admin, of), db.get_one(Member, "mia")
            return factories.start(db, impersonator=ada, target=mia, now=clock.now).ticket

    used, ended, expired = ticket("ada"), ticket("cy"), ticket("cy")
    product.redeem(used)
    answers = [product.redeem(one) for one in ("unknown", used, ended)]
    clock.move(seconds=60)
    answers.append(product.redeem(expired))
    for answer in answers:
        assert problem(answer, 400, "ticket_refused")["detail"] == REFUSED_TICKET
    assert len({answer.get_data() for answer in answers}) == 1


@pytest.mark.requirement("H3")
@fails_without(line(impersonations.redeem, "if consumed.used or", "if consumed.used and"))
def test_a_ticket_used_twice_ends_the_session_for_good(
    product: Product, started: Started, token: str, database: Database
) -> None:
    problem(product.redeem(started.ticket), 400, "ticket_refused")
    assert row(database, started).end_reason == "ticket_reused"
    body = problem(product.act(token), 401, "impersonation_ended")
    assert body["ended"] == {
        "why": "ticket_reused",
        "sentence": "Its link was used a second time, so somebody else may have it.",
    }


# Actions.


@pytest.mark.requirement("I8", "L2")
def test_an_action_is_recorded_before_it_is_allowed(
    product: Product, token: str, started: Started, database: Database
) -> None:
    response = product.act(token, method="POST", path="/templates/7")
    assert response.status_code == 201
    body = response.get_json()
    assert body["impersonation"] == as_told(started.impersonation.id, 1200)
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.ACTION_RECORDED)
    expected = {"action_id": body["action_id"], "method": "POST", "path": "/templates/7"}
    assert event.details == expected
    assert (event.actor_id, event.subject_id) == ("ada", "mia")
    assert (event.address, event.user_agent) == ("198.51.100.9", "Mozilla/5.0 (a tab)")


@pytest.mark.requirement("T5")
@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 5000])
def test_a_token_that_never_was_good_has_no_end(product: Product, token: str) -> None:
    assert problem(product.act(token), 401, "impersonation_ended")["ended"] is None


@pytest.mark.requirement("A4", "T6")
def test_the_key_of_the_product_is_no_token(product: Product) -> None:
    assert problem(product.act(cast.API_KEY), 401, "impersonation_ended")["ended"] is None


End = Callable[[Database, Started, Clock], object]


def _by_omar(database: Database, started: Started, clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        endings.end(
            db,
            db.get_one(Impersonation, started.impersonation.id),
            why=EndReason.ADMIN_ENDED,
            by=db.get_one(Admin, "omar"),
            provenance=FROM_THE_OFFICE,
            now=clock.now,
        )


def _by_a_newer_one(database: Database, _started: Started, clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        ada, eve = db.get_one(Admin, "ada"), db.get_one(Member, "eve")
        factories.start(db, impersonator=ada, target=eve, now=clock.now)


def _by_demotion(database: Database, _started: Started, clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        admins.change_role(
            db,
            db.get_one(Admin, "ada"),
            role="admin",
            by=db.get_one(Admin, "cy"),
            provenance=FROM_THE_OFFICE,
            now=clock.now,
        )


def _by_the_switch(database: Database, _started: Started, clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        accounts.switch_impersonation(
            db,
            db.get_one(Member, "mia").account,
            allowed=False,
            by=db.get_one(Admin, "cy"),
            provenance=FROM_THE_OFFICE,
            now=clock.now,
        )


def _by_deactivation(database: Database, _started: Started, _clock: Clock) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, "mia").status = "deactivated"


def _by_time(_database: Database, _started: Started, clock: Clock) -> None:
    clock.move(seconds=1200)


def _by_silence(_database: Database, _started: Started, clock: Clock) -> None:
    clock.move(seconds=180)


ENDS = [
    pytest.param(end, why, sentence, id=why)
    for end, why, sentence in (
        (_by_omar, "admin_ended", "Omar Haddad ended it from the admin site."),
        (_by_a_newer_one, "replaced", "Ada Lindqvist started another session."),
        (_by_demotion, "impersonator_lost_access", "Ada Lindqvist may no longer impersonate."),
        (
            _by_the_switch,
            "account_unavailable",
            "The account does not allow impersonation any more.",
        ),
        (_by_deactivation, "member_unavailable", "The member can no longer be impersonated."),
        (_by_time, "expired", "The twenty minutes are over."),
        (_by_silence, "went_silent", "The tab has not been heard of for three minutes."),
    )
]


@pytest.mark.requirement("A2", "A3", "I1", "I3", "I9", "L1")
@fails_without(
    together(
        line(
            activity.find, " or not still_live(db, impersonation, provenance=provenance, now=now)"
        ),
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
    )
)
@pytest.mark.parametrize(("end", "why", "sentence"), ENDS)
def test_the_next_request_after_an_end_is_told_why_and_recorded(
    product: Product,
    token: str,
    started: Started,
    database: Database,
    clock: Clock,
    end: End,
    why: str,
    sentence: str,
) -> None:
    assert product.act(token).status_code == 201
    end(database, started, clock)
    body = problem(product.act(token, path="/late"), 401, "impersonation_ended")
    assert body["ended"] == {"why": why, "sentence": sentence}
    assert body["detail"] == sentence
    with database.unit_of_work(writing=False) as db:
        trail.only(db, AuditAction.IMPERSONATION_ENDED)
        refused = trail.only(db, AuditAction.ACTION_REFUSED)
    assert refused.details == {"method": "GET", "path": "/late", "why": why}


def test_the_reason_of_an_end_is_still_told_after_the_twenty_minutes(
    product: Product, token: str, started: Started, database: Database, clock: Clock
) -> None:
    _by_omar(database, started, clock)
    clock.move(days=1)
    body = problem(product.act(token), 401, "impersonation_ended")
    assert body["ended"]["why"] == "admin_ended"
    assert product.end(token).get_json()["ended"]["why"] == "admin_ended"


# Outcomes.


def test_the_outcome_of_an_action_is_recorded(
    product: Product, token: str, database: Database
) -> None:
    action_id = product.act(token).get_json()["action_id"]
    body = {"action_id": action_id, "status": 404, "duration_ms": 12}
    response = product.post(OUTCOMES, body)
    assert (response.status_code, response.get_data()) == (204, b"")
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.ACTION_FINISHED)
    assert event.details == {"action_id": action_id, "status": 404, "milliseconds": 12}
    assert event.outcome == "refused"


def test_an_outcome_reported_twice_is_recorded_once(
    product: Product, token: str, database: Database
) -> None:
    action_id = product.act(token).get_json()["action_id"]
    for status in (200, 500):
        body = {"action_id": action_id, "status": status, "duration_ms": 12}
        assert product.post(OUTCOMES, body).status_code == 204
    with database.unit_of_work(writing=False) as db:
        assert trail.only(db, AuditAction.ACTION_FINISHED).details["status"] == 200


@pytest.mark.requirement("A10")
@each_fails_without(
    "action_id",
    dict.fromkeys(["", ".", "1", "٣", "9" * 30])
    | dict.fromkeys(
        ["{session}", "{session}.", "{session}.1"],
        line(
            activity.finish_action,
            " or not _has_event(db, AuditAction.ACTION_RECORDED, action_id)",
        ),
    ),
)
def test_an_outcome_of_no_action_is_refused(
    product: Product, token: str, started: Started, database: Database, action_id: str
) -> None:
    product.act(token)
    before = actions(database)
    action_id = action_id.format(session=started.impersonation.id)
    body = {"action_id": action_id, "status": 200, "duration_ms": 1}
    problem(product.post(OUTCOMES, body), 422, "invalid")
    assert actions(database) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "200"},
        {"status": -1},
        {"status": 600},
        {"status": True},
        {"status": 200.0},
        {"status": None},
        {"duration_ms": -1},
        {"duration_ms": 10**30},
        {"duration_ms": "12"},
    ],
)
def test_an_outcome_that_makes_no_sense_is_refused(
    product: Product, token: str, wrong: dict[str, Any]
) -> None:
    action_id = product.act(token).get_json()["action_id"]
    body = {"action_id": action_id, "status": 200, "duration_ms": 1} | wrong
    problem(product.post(OUTCOMES, body), 422, "invalid")


# Presence.


@pytest.mark.requirement("I5")
def test_an_open_page_is_told_how_long_it_has(
    product: Product, token: str, started: Started, clock: Clock
) -> None:
    clock.move(seconds=100)
    response = product.note(token, "page-1")
    assert response.status_code == 200
    assert response.get_json()["impersonation"] == as_told(started.impersonation.id, 1100)


@pytest.mark.requirement("I5")
@pytest.mark.parametrize(("seconds", "status"), [(9, 200), (11, 401)])
def test_a_closed_tab_can_come_back_for_ten_seconds(
    product: Product, token: str, clock: Clock, seconds: int, status: int
) -> None:
    product.note(token, "page-1")
    product.note(token, "page-1", "closing")
    clock.move(seconds=seconds)
    assert product.note(token, "page-2").status_code == status


@pytest.mark.requirement("I5")
def test_a_reload_whose_messages_cross_goes_on(product: Product, token: str, clock: Clock) -> None:
    product.note(token, "page-1")
    product.note(token, "page-2")
    assert product.note(token, "page-1", "closing").status_code == 200
    clock.move(seconds=60)
    assert product.note(token, "page-2").status_code == 200


@pytest.mark.requirement("I5")
@fails_without(
    together(
        line(Impersonation.has_run_out, "now >= self.expires_at or "),
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
    )
)
def test_a_heartbeat_keeps_a_quiet_session_until_its_end(
    product: Product, token: str, clock: Clock
) -> None:
    for _ in range(9):
        clock.move(seconds=120)
        assert product.note(token, "page-1").status_code == 200
    clock.move(seconds=120)
    body = problem(product.note(token, "page-1"), 401, "impersonation_ended")
    assert body["ended"]["why"] == "expired"


@pytest.mark.parametrize("state", ["", "gone", "OPEN", None, 1, ["open"]])
def test_a_page_is_open_or_closing(product: Product, token: str, state: object) -> None:
    body = {"token": token, "page_id": "page-1", "state": state}
    problem(product.post(PRESENCES, body), 422, "invalid")


# Ends.


@pytest.mark.requirement("I4")
@fails_without(line(endings.end, ", Impersonation.ended_at.is_(None)"))
def test_the_banner_ends_the_session_once_however_often_it_is_pressed(
    product: Product, token: str, started: Started, database: Database, clock: Clock
) -> None:
    expected = {
        "why": "impersonator_ended",
        "sentence": "Ada Lindqvist ended it from the banner.",
    }
    for _ in range(2):
        response = product.end(token)
        assert (response.status_code, response.get_json()) == (200, {"ended": expected})
        clock.move(seconds=5)
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert event.actor_id == "ada"
    assert row(database, started).ended_by_id == "ada"


@pytest.mark.requirement("I4")
@fails_without(line(endings.end, ", Impersonation.ended_at.is_(None)"))
@pytest.mark.parametrize(("end", "why", "sentence"), ENDS)
def test_ending_what_is_over_tells_how_it_ended(
    product: Product,
    token: str,
    started: Started,
    database: Database,
    clock: Clock,
    end: End,
    why: str,
    sentence: str,
) -> None:
    end(database, started, clock)
    response = product.end(token)
    assert response.status_code == 200
    assert response.get_json() == {"ended": {"why": why, "sentence": sentence}}


def test_a_token_that_is_no_good_ends_nothing(
    product: Product, token: str, started: Started, database: Database
) -> None:
    problem(product.end(token[:-2]), 401, "impersonation_ended")
    assert row(database, started).ended_at is None


# Fail closed.


Ask = Callable[[Product, Started, str], TestResponse]
ASKS: dict[str, Ask] = {
    "redeem": lambda product, started, _token: product.redeem(started.ticket),
    "act": lambda product, _started, token: product.act(token),
    "end": lambda product, _started, token: product.end(token),
}


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_what_cannot_be_recorded_is_answered_503(
    product: Product,
    token: str,
    started: Started,
    database: Database,
    database_url: str,
    ask: Ask,
) -> None:
    before = actions(database)
    break_trail(database_url)
    response = ask(product, started, token)
    problem(response, 503, "unavailable")
    assert response.headers["Retry-After"] == "5"
    assert actions(database) == before
    assert row(database, started).ended_at is None


@pytest.mark.requirement("L3")
def test_a_full_disk_is_answered_503(
    product: Product, token: str, admin_app: Application, database: Database
) -> None:
    with full_disk(admin_app.database.engine):
        answers = [product.act(token, path="/" + "x" * 400)]
        while answers[-1].status_code == 201 and len(answers) < 400:
            answers.append(product.act(token, path="/" + "x" * 400))
    problem(answers[-1], 503, "unavailable")
    assert actions(database).count("action.recorded") == len(answers) - 1


@pytest.mark.requirement("L3")
def test_a_database_without_its_tables_is_answered_503(
    product: Product, token: str, database_url: str
) -> None:
    lose_a_table(database_url, "impersonations")
    problem(product.act(token), 503, "unavailable")


@pytest.mark.requirement("I1")
@fails_without(
    together(
        line(kit._find, "if waited < LONGEST_UNNOTICED", "if True"),
        line(Application._answer, "g.now = authentication.clock()", "pass"),
    )
)
def test_waiting_for_the_database_makes_no_session_longer(
    product: Product, token: str, admin_app: Application, clock: Clock
) -> None:
    for _ in range(9):
        clock.move(seconds=132)
        assert product.note(token, "a page").status_code == 200

    def wait(_connection: Connection) -> None:
        clock.move(seconds=8)

    clock.move(seconds=11)
    with listening(admin_app.database.engine, "begin", wait):
        body = problem(product.act(token), 401, "impersonation_ended")
    assert body["ended"]["why"] == "expired"


@on_postgresql
@pytest.mark.requirement("I1")
@fails_without(line(kit._find, "if waited < LONGEST_UNNOTICED", "if True"))
def test_waiting_for_another_request_makes_no_session_longer(
    product: Product, token: str, admin_app: Application, clock: Clock
) -> None:
    """PostgreSQL lets several write at once: what waits, waits for the row of the session."""
    for _ in range(9):
        clock.move(seconds=132)
        assert product.note(token, "a page").status_code == 200

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FOR UPDATE" in statement:
            clock.move(seconds=8)

    clock.move(seconds=11)
    with listening(admin_app.database.engine, "after_cursor_execute", wait):
        body = problem(product.act(token), 401, "impersonation_ended")
    assert body["ended"]["why"] == "expired"


def test_the_worker_ends_a_session_between_two_requests(
    product: Product, token: str, database: Database, clock: Clock
) -> None:
    clock.move(seconds=1200)
    with database.unit_of_work(writing=True) as db:
        assert len(endings.end_due(db, provenance=WORKER, now=clock.now)) == 1
    body = problem(product.act(token), 401, "impersonation_ended")
    assert body["ended"]["why"] == "expired"


# A key of one account.


@pytest.mark.requirement("P1")
@fails_without(
    line(
        kit._looked_up,
        "if impersonation is None or programs.api_key().covers(impersonation.account_id)",
        "if True",
    )
)
def test_a_key_of_another_account_opens_nothing_and_spoils_nothing(
    client: FlaskClient, product: Product, started: Started, database: Database, clock: Clock
) -> None:
    _, secret = make_key(database, "product", account="elsewhere", now=clock.now)
    other = Product(client, {"Authorization": f"Bearer {secret}"})
    problem(other.redeem(started.ticket), 400, "bad_request")
    token = product.redeem(started.ticket).get_json()["token"]
    for answer in (other.act(token), other.note(token, "page-1"), other.end(token)):
        assert problem(answer, 401, "impersonation_ended")["ended"] is None
    assert product.act(token).status_code == 201
