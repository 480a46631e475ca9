"""The trail for an operator's script."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.config import Config
from app.domain import audit_filters, audit_reading
from app.domain.audit_trail import AuditAction
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from app.web.api import audit_trail as views
from app.web.application import Application
from tests import factories, trail
from tests.cast import ADA, CY, ELSEWHERE, EVE, HARBOUR, MIA
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.faults import unwritable_trail
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line
from tests.web.api.conftest import problem
from tests.web.api.scripts import Script, script

EVENTS = "/audit-trail/events"


@pytest.fixture
def told(database: Database, clock: Clock) -> None:
    """Ada's start as Mia, and Cy's as Eve, who is in another account."""
    with database.unit_of_work(writing=True) as db:
        for admin, member in ((ADA, MIA), (CY, EVE)):
            factories.start(
                db,
                impersonator=db.get_one(Admin, admin.id),
                target=db.get_one(Member, member.id),
                now=clock.now,
            )


def subjects(script: Script, **query: str) -> list[str]:
    """Return whom the starts that were found are about."""
    found = script.found(EVENTS, **{"action": "impersonation.started", **query})
    return [row["subject"]["id"] for row in found]


def readings(database: Database) -> list[Any]:
    with database.unit_of_work(writing=False) as db:
        return list(trail.events(db, AuditAction.AUDIT_READ))


def test_an_event_is_told(operator: Script, told: None) -> None:
    event = operator.found(EVENTS, subject=MIA.id)[0]
    assert event.pop("details").keys() == {"expires_at", "through", "claimed", "ticket_url"}
    assert event == {
        "id": 2,
        "at": "2026-03-02T09:00:00+00:00",
        "action": "impersonation.started",
        "outcome": "succeeded",
        "sentence": "Ada Lindqvist started a session as Mia Søndergaard of Harbour: "
        "“Her template is broken”",
        "actor": {
            "kind": "admin",
            "id": "ada",
            "name": "Ada Lindqvist",
            "email": "ada@example.com",
        },
        "subject": {"id": "mia", "name": "Mia Søndergaard", "email": "mia@harbour.example"},
        "account": {"id": "harbour", "name": "Harbour"},
        "impersonation_id": event["impersonation_id"],
        "request_id": "request-1",
        "reason": "Her template is broken",
        "address": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (test)",
        "words_erased": False,
    }


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ["eve", "mia"]),
    ({"actor": "ada"}, ["mia"]),
    ({"subject": "eve"}, ["eve"]),
    ({"subject": "eve@elsewhere.example"}, ["eve"]),
    ({"subject": "tanaka"}, ["eve"]),
    ({"account": "harbour"}, ["mia"]),
    ({"outcome": "refused"}, []),
    ({"since": "2026-03-02", "until": "2026-03-02"}, ["eve", "mia"]),
    ({"since": "2026-03-03"}, []),
    ({"text": "søndergaard"}, ["mia"]),
    ({"text": "template", "actor": "cy"}, ["eve"]),
]


def test_events_are_filtered_as_on_the_page(operator: Script, told: None) -> None:
    for query, found in FILTERS:
        assert subjects(operator, **query) == found, query


@on_sqlite
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"actor": "nobody"}, "There is no admin with the id “nobody”."),
        ({"subject": "nobody"}, "No member has the id or name “nobody”"),
        ({"subject": "harbour.example"}, "Several members fit"),
        ({"account": "nowhere"}, "No account has"),
        ({"impersonation": "x"}, "There is no session"),
        ({"action": "danced"}, "Nothing that is recorded"),
        ({"outcome": "good"}, "An outcome is"),
        ({"since": "yesterday"}, "is no day"),
        ({"since": "2026-03-03", "until": "2026-03-02"}, "before the first"),
        ({"text": "x" * 201}, "text must be a text"),
        ({"text": "a\0b"}, "text must be a text"),
    ],
)
def test_a_filter_that_cannot_be_used_is_told(
    operator: Script, database: Database, query: dict[str, str], words: str
) -> None:
    assert words in problem(operator.get(EVENTS, **query), 422, "invalid")["detail"]
    assert readings(database) == []


# What a key of one account sees.


@pytest.mark.requirement("P1")
@fails_without(line(views.events, "account_id=programs.api_key().account_id", "account_id=None"))
def test_a_key_of_one_account_reads_of_that_one_alone(of_harbour: Script, told: None) -> None:
    assert subjects(of_harbour) == subjects(of_harbour, account=HARBOUR) == [MIA.id]
    assert {row["account"]["id"] for row in of_harbour.found(EVENTS)} == {HARBOUR}
    for query in ({"text": "tanaka"}, {"actor": CY.id}, {"since": "2026-03-01", "text": "eve"}):
        assert subjects(of_harbour, **query) == []


THEIRS = [
    ("account", ELSEWHERE),
    ("account", "Elsewhere"),
    ("subject", EVE.id),
    ("subject", EVE.email),
    ("subject", "Tanaka"),
]


@pytest.mark.requirement("P1", "P3")
@fails_without(line(audit_filters._Sight.covers, "self.account_id in (None, account_id)", "True"))
def test_what_is_elsewhere_is_as_good_as_not_there(
    operator: Script, of_harbour: Script, told: None
) -> None:
    session = operator.found(EVENTS, subject=EVE.id)[0]["impersonation_id"]
    for name, theirs in [*THEIRS, ("impersonation", session)]:
        assert subjects(operator, **{name: theirs}) == [EVE.id]
        refused, unknown = (
            problem(of_harbour.get(EVENTS, **{name: one}), 422, "invalid")["detail"]
            for one in (theirs, "nothing at all")
        )
        assert refused.replace(theirs, "") == unknown.replace("nothing at all", "")


# Reading is recorded.


@pytest.mark.requirement("L13")
@fails_without(
    line(Application._answer, "if reading is not None", "if False"), raises=(ValueError,)
)
def test_reading_is_recorded_with_the_key_and_the_filters(
    operator: Script, told: None, database: Database
) -> None:
    operator.get(EVENTS, actor=ADA.id, text="template", limit=1)
    (event,) = readings(database)
    assert (event.actor_kind, event.actor_id) == ("program", None)
    assert event.details["page"] == "/api/v1/audit-trail/events"
    assert event.details["filters"] == "actor=ada&text=template"
    assert event.details["through"].startswith("A program (usk")
    said = operator.get(EVENTS, action="audit.read").get_json()["events"]
    assert said[-1]["sentence"].startswith("A program read the audit trail through the API key")


@pytest.mark.requirement("L13")
def test_a_program_of_an_admins_reads_in_that_name(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    cys = script(client, database, clock, "api", admin=CY.id, account=HARBOUR)
    cys.get(EVENTS)
    (event,) = readings(database)
    # The account can see who read of it.
    assert (event.actor_id, event.account_id) == (CY.id, HARBOUR)


@pytest.mark.requirement("L13")
@fails_without(
    line(
        audit_reading.is_recorded,
        "one.actor_id == reader.admin_id and one.details == details",
        "True",
    )
)
def test_going_on_is_the_same_reading_and_another_program_is_not(
    operator: Script, of_harbour: Script, told: None, database: Database, clock: Clock
) -> None:
    for _ in operator.pages(EVENTS, limit=1, subject=EVE.id):
        clock.move(seconds=1)
    assert len(readings(database)) == 1
    operator.get(EVENTS)
    of_harbour.get(EVENTS)
    of_harbour.get(EVENTS)
    assert len(readings(database)) == 3
    clock.move(minutes=5)
    operator.get(EVENTS)
    assert len(readings(database)) == 4


@on_sqlite
@pytest.mark.requirement("L13")
@fails_without(line(audit_reading.is_recorded, " and one.details == details"))
def test_a_reading_by_the_same_admin_on_the_page_is_another_one(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    for _ in range(2):
        script(client, database, clock, "api", admin=CY.id).get(EVENTS)
    assert len(readings(database)) == 2


@pytest.mark.requirement("L3", "L13")
@fails_without(line(Application._answer, "if reading is not None", "if False"))
def test_without_a_record_nothing_is_read(operator: Script, told: None, database: Database) -> None:
    with unwritable_trail(database.engine):
        answer = operator.get(EVENTS)
        problem(answer, 503, "unavailable")
        assert "Mia" not in answer.text
    assert operator.get(EVENTS).status_code == 200


# What is not as it was.


@pytest.mark.requirement("L12")
def test_what_was_erased_reads_as_erased(operator: Script, told: None, config: Config) -> None:
    with as_owner(config.database_url) as db:
        without_trigger(db, "audit_words", "audit_words_no_delete")
        db.execute(text("DELETE FROM audit_words"))
    event = operator.found(EVENTS, subject=MIA.id)[0]
    assert event["words_erased"] is True
    assert event["subject"] == {"id": "mia", "name": "(erased)", "email": "(erased)"}
    assert "Mia" not in str(event)


def test_an_event_that_was_rewritten_is_told_all_the_same(
    operator: Script, told: None, config: Config
) -> None:
    with as_owner(config.database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text("UPDATE audit_events SET facts = '['"))
    event = operator.found(EVENTS, subject=MIA.id)[0]
    assert (event["details"], event["subject"], event["id"]) == (None, None, 2)
    assert event["sentence"] == "This event cannot be read: it is not what was recorded."


@on_sqlite
def test_the_trail_is_only_read(operator: Script) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        problem(operator.ask(method, EVENTS), 405, "method_not_allowed")
