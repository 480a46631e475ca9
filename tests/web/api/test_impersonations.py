"""Sessions for an operator's script: the list, one of them, the start, the end."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain import accounts, endings, impersonations, policies, repeats
from app.domain.audit_trail import WORKER, AuditAction
from app.domain.impersonations import Started
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.web import handoffs
from app.web.api import idempotency, visible
from app.web.api import impersonations as views
from tests import factories, trail
from tests.cast import ADA, CY, ELSEWHERE, EVE, HARBOUR, LIGHTHOUSE, MIA, OMAR, PIA
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.twins import fails_without, line, together
from tests.web.api.conftest import Product, problem
from tests.web.api.scripts import Script, script, ticket_of

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def cys(database: Database, clock: Clock) -> Started:
    """Cy's session as Eve, who is in another account."""
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        return factories.start(db, impersonator=cy, target=eve, now=clock.now)


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


def events(database: Database, action: AuditAction) -> list[Any]:
    with database.unit_of_work(writing=False) as db:
        return list(trail.events(db, action))


# Start.


@fails_without(line(handoffs.landing_url, "#ticket=", "?ticket="))
@on_sqlite
@pytest.mark.requirement("H1", "P2")
def test_a_start_answers_the_session_and_the_address_that_opens_it(
    operator: Script, product: Product
) -> None:
    answer = operator.start(ticket_url="https://tickets.example.com/7")
    assert answer.status_code == 201
    session = answer.get_json()["impersonation"]
    assert answer.headers["Location"] == f"/api/v1/impersonations/{session['id']}"
    assert answer.get_json()["handoff"]["expires_at"] == "2026-03-02T09:01:00+00:00"
    assert session == {
        "id": session["id"],
        "state": "active",
        "actor": {"id": "ada", "name": "Ada Lindqvist", "email": "ada@example.com"},
        "subject": {"id": "mia", "name": "Mia Søndergaard", "email": "mia@harbour.example"},
        "account": {"id": "harbour", "name": "Harbour"},
        "reason": "Her template is broken",
        "ticket_url": "https://tickets.example.com/7",
        "started_at": "2026-03-02T09:00:00+00:00",
        "opened_at": None,
        "last_seen_at": "2026-03-02T09:00:00+00:00",
        "expires_at": "2026-03-02T09:20:00+00:00",
        "seconds_left": 1200,
        "ended": None,
    }
    opened = product.redeem(ticket_of(answer))
    assert opened.get_json()["impersonation"]["id"] == session["id"]
    # No token of it, neither here nor afterwards.
    assert "eyJ" not in answer.text + operator.get(f"/impersonations/{session['id']}").text


@on_sqlite
@pytest.mark.requirement("L2", "P2")
def test_a_start_is_recorded_with_the_key_and_what_the_program_claims(
    operator: Script, database: Database
) -> None:
    operator.start(address="198.51.100.9", user_agent="Mozilla/5.0 (Ada's)")
    (event,) = events(database, AuditAction.IMPERSONATION_STARTED)
    assert (event.actor_id, event.subject_id) == (ADA.id, MIA.id)
    assert event.details["through"].startswith("A program (usk")
    assert (event.address, event.details["claimed"]) == ("198.51.100.9", True)
    operator.start(actor=CY.id)
    assert events(database, AuditAction.IMPERSONATION_STARTED)[1].details["claimed"] is False


@on_sqlite
@pytest.mark.requirement("R1")
def test_a_start_ends_the_same_admins_earlier_session(operator: Script) -> None:
    first = operator.start().get_json()["impersonation"]["id"]
    second = operator.start(subject=EVE.id).get_json()["impersonation"]["id"]
    assert ids(operator.found("/impersonations")) == [second]
    assert operator.get(f"/impersonations/{first}").get_json()["ended"]["why"] == "replaced"


@on_sqlite
@pytest.mark.requirement("A2", "A3", "P3")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"actor": OMAR.email}, "not_superadmin"),
        ({"actor": "nobody@example.com"}, "not_superadmin"),
        ({"subject": PIA.id}, "member_protected"),
        ({"subject": "noor"}, "member_deactivated"),
        ({"subject": "ivo"}, "member_invited"),
        ({"subject": "omar-as-member"}, "target_is_admin"),
        ({"subject": "sam"}, "account_suspended"),
        ({"subject": "opal"}, "account_opted_out"),
    ],
)
def test_what_the_policy_forbids_is_refused_with_its_name(
    operator: Script, changed: dict[str, str], code: str
) -> None:
    problem(operator.start(**changed), 403, code)
    assert operator.found("/impersonations", state="any") == []


@fails_without(
    line(policies.refusal_of_anybody, "if Scope.IMPERSONATE not in key.scopes", "if False")
)
@on_sqlite
@pytest.mark.requirement("P2")
def test_starting_needs_a_scope_of_its_own(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    reader = script(client, database, clock, "api", admin=ADA.id)
    problem(reader.start(), 403, "key_may_not_start")
    (event,) = events(database, AuditAction.IMPERSONATION_REFUSED)
    assert event.details["why"] == "key_may_not_start"


@fails_without(
    line(policies.refusal_of_anybody, "if not key.acts_for(impersonator.id)", "if False")
)
@on_sqlite
@pytest.mark.requirement("P2")
@pytest.mark.failure("X15")
def test_a_key_of_one_admin_acts_for_nobody_else(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    cys = script(client, database, clock, "api", "impersonate", admin=CY.id)
    problem(cys.start(), 403, "key_of_another_admin")
    session = cys.start(actor=None).get_json()["impersonation"]
    assert session["actor"]["id"] == CY.id


@fails_without(
    line(visible.member, "found and programs.api_key().covers(found.account_id)", "found")
)
@on_sqlite
@pytest.mark.requirement("P1", "P3")
def test_a_key_of_one_account_starts_nothing_elsewhere(of_harbour: Script) -> None:
    told = [problem(of_harbour.start(subject=one), 422, "invalid") for one in (EVE.id, "nobody")]
    assert told[0] == told[1]
    assert of_harbour.start().status_code == 201


@fails_without(
    line(views.create, "programs.check_anybody(actor, programs.api_key().account)", "pass")
)
@on_sqlite
@pytest.mark.requirement("A2")
def test_where_it_is_off_nobody_is_looked_up(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    of_lighthouse = script(client, database, clock, account=LIGHTHOUSE)
    problem(of_lighthouse.start(subject="nobody"), 403, "account_opted_out")


@on_sqlite
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"actor": None}, "actor must be"),
        ({"actor": 7}, "actor must be"),
        ({"subject": None}, "subject must be"),
        ({"subject": "nobody"}, "subject must be"),
        ({"subject": "a\0b"}, "subject must be"),
        ({"subject": {}}, "subject must be"),
        ({"reason": None}, "Say why"),
        ({"reason": " "}, "Say why"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": []}, "reason must be"),
        ({"ticket_url": "javascript:alert(1)"}, "ticket link"),
        ({"address": 7}, "address must be"),
        ({"user_agent": "x" * 8193}, "user_agent must be"),
        ({"reson": "A slip"}, "no such field"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    operator: Script, changed: dict[str, Any], words: str
) -> None:
    assert words in problem(operator.start(**changed), 422, "invalid")["detail"]


@on_sqlite
def test_a_reason_may_be_left_out_with_a_key_that_says_so(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    free = script(client, database, clock, reason_required=False)
    assert free.start(reason=None).status_code == 201


@on_sqlite
@pytest.mark.requirement("X6", "P4")
@pytest.mark.parametrize(
    ("data", "type_", "status"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b'{"subject": ' + b"9" * 6000 + b"}", "application/json", 400),
        (b'{"subject": "' + b"x" * 3_000_000 + b'"}', "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"actor=ada", "application/x-www-form-urlencoded", 415),
        (b'{"subject": "\\ud800"}', "application/json", 422),
    ],
)
def test_a_body_that_is_no_json_object_is_a_problem(
    operator: Script, data: bytes, type_: str, status: int
) -> None:
    answer = operator.ask("POST", "/impersonations", data=data, content_type=type_)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


# Start, sent twice.


@pytest.mark.requirement("P5", "W11")
@fails_without(line(repeats.repeat, "if earlier is None", "if True"))
def test_a_repeated_start_starts_no_second_session(
    operator: Script, product: Product, database: Database, clock: Clock
) -> None:
    first = operator.start(key="one")
    clock.move(seconds=20)
    second = operator.start(key="one")
    assert (first.status_code, second.status_code) == (201, 200)
    told = [answer.get_json()["impersonation"]["id"] for answer in (first, second)]
    assert told[0] == told[1]
    assert len(events(database, AuditAction.IMPERSONATION_STARTED)) == 1
    # The first answer may have been lost, so the second opens it as well, for as long.
    assert second.get_json()["handoff"]["expires_at"] == "2026-03-02T09:01:00+00:00"
    assert product.redeem(ticket_of(second)).status_code == 201


@on_sqlite
@pytest.mark.requirement("L1")
def test_that_another_address_was_given_is_recorded(operator: Script, database: Database) -> None:
    for _ in range(2):
        operator.start(key="one")
    (event,) = events(database, AuditAction.HANDOFF_RENEWED)
    assert (event.actor_id, event.subject_id) == (ADA.id, MIA.id)
    assert event.details["through"].startswith("A program (usk")


@pytest.mark.requirement("H3")
@fails_without(
    line(impersonations.redeem, " or (consumed.good and impersonation.opened_at is not None)")
)
def test_whoever_uses_a_second_address_ends_the_session(operator: Script, product: Product) -> None:
    tickets = [ticket_of(operator.start(key="one")) for _ in range(2)]
    opened = product.redeem(tickets[1])
    problem(product.redeem(tickets[0]), 400, "ticket_refused")
    problem(product.act(opened.get_json()["token"]), 401, "impersonation_ended")
    (session,) = operator.found("/impersonations", state="any")
    assert session["ended"]["why"] == "ticket_reused"


@fails_without(line(repeats.repeat, " or earlier.opened_at is not None"))
@on_sqlite
@pytest.mark.requirement("P5")
@pytest.mark.failure("X20")
def test_no_address_is_given_once_the_session_is_open(operator: Script, product: Product) -> None:
    product.redeem(ticket_of(operator.start(key="one")))
    again = operator.start(key="one")
    assert (again.status_code, again.get_json()["handoff"]) == (200, None)
    assert again.get_json()["impersonation"]["state"] == "active"


@pytest.mark.requirement("P5", "I1")
@fails_without(line(repeats.repeat, "if not live or", "if"))
@pytest.mark.parametrize("seconds", [60, 2000])
def test_no_address_is_given_once_the_session_is_over(
    operator: Script, clock: Clock, seconds: int
) -> None:
    operator.start(key="one")
    clock.move(seconds=seconds)
    again = operator.start(key="one")
    assert (again.status_code, again.get_json()["handoff"]) == (200, None)
    assert again.get_json()["impersonation"]["ended"]["why"] in ("never_opened", "expired")


@fails_without(
    line(views.create, "programs.check_anybody(actor, programs.api_key().account)", "pass")
)
@on_sqlite
@pytest.mark.requirement("A2", "P5")
def test_a_repeated_start_is_judged_anew(operator: Script, database: Database) -> None:
    operator.start(key="one")
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, ADA.id).role = "admin"
    problem(operator.start(key="one"), 403, "not_superadmin")


@on_sqlite
@pytest.mark.requirement("P5")
@fails_without(
    line(
        repeats.repeat,
        "if (earlier.target_id, earlier.reason, earlier.ticket_url) != asked",
        "if False",
    )
)
@pytest.mark.parametrize(
    "changed", [{"subject": EVE.id}, {"reason": "Another"}, {"ticket_url": "https://t.example/8"}]
)
def test_the_same_key_with_another_request_is_refused(
    operator: Script, changed: dict[str, str]
) -> None:
    first = operator.start(key="one").get_json()["impersonation"]["id"]
    problem(operator.start(key="one", **changed), 422, "idempotency_key_reused")
    assert ids(operator.found("/impersonations", state="any")) == [first]


@on_sqlite
@pytest.mark.requirement("P5")
@fails_without(line(idempotency.form_key, "{programs.api_key().id} "))
def test_a_key_counts_for_one_program_and_one_admin(
    operator: Script, client: FlaskClient, database: Database, clock: Clock
) -> None:
    other = script(client, database, clock)
    answers = [operator.start(key="one"), operator.start(key="one", actor=CY.email)]
    assert [one.status_code for one in [*answers, other.start(key="one")]] == [201, 201, 201]


@on_sqlite
def test_a_key_is_the_same_with_and_without_quotes(operator: Script) -> None:
    assert [operator.start(key=key).status_code for key in ('"a-1"', "a-1")] == [201, 200]


@fails_without(
    together(
        line(idempotency.form_key, "if match is None", "if False"),
        line(idempotency.form_key, "match[1] or match[2]", "given"),
    )
)
@on_sqlite
@pytest.mark.requirement("X6")
@pytest.mark.parametrize("key", ["", '"', '""', "a b", '"a', 'a"', "a,b", "x" * 201, "é", "a;b"])
def test_a_malformed_key_is_refused(operator: Script, key: str) -> None:
    problem(operator.start(key=key), 400, "bad_request")
    assert operator.found("/impersonations", state="any") == []


@on_sqlite
def test_a_key_is_kept_as_a_hash(operator: Script, database: Database) -> None:
    operator.start(key="a-secret-of-the-caller")
    with database.unit_of_work(writing=False) as db:
        (row,) = db.query(Impersonation).all()
        # And no form can have one as long.
        assert "a-secret" not in row.form_key
        assert len(row.form_key) > 64


# See.


def test_the_sessions_that_run_are_listed(
    operator: Script, cys: Started, database: Database, clock: Clock
) -> None:
    clock.move(seconds=1)
    mine = operator.start().get_json()["impersonation"]
    assert operator.found("/impersonations")[0] == mine
    assert ids(operator.found("/impersonations")) == [mine["id"], cys.impersonation.id]
    operator.end(mine["id"])
    assert ids(operator.found("/impersonations")) == [cys.impersonation.id]
    assert ids(operator.found("/impersonations", state="ended")) == [mine["id"]]
    assert len(operator.found("/impersonations", state="any")) == 2


@on_sqlite
def test_a_session_whose_time_is_over_runs_no_more(
    operator: Script, cys: Started, clock: Clock
) -> None:
    clock.move(minutes=20)
    assert operator.found("/impersonations") == []
    session = operator.get(f"/impersonations/{cys.impersonation.id}").get_json()
    # Nobody has recorded its end yet.
    assert (session["state"], session["seconds_left"], session["ended"]) == ("ended", 0, None)


def test_sessions_are_filtered(operator: Script, cys: Started) -> None:
    fits = ({"actor": "cy"}, {"subject": "eve"}, {"account": "elsewhere"})
    fits_not = ({"actor": "ada"}, {"subject": "mia"}, {"account": "harbour"})
    for query in fits:
        assert ids(operator.found("/impersonations", **query)) == [cys.impersonation.id]
    for query in (*fits_not, {"account": "elsewhere", "actor": "ada"}):
        assert operator.found("/impersonations", **query) == []


@on_sqlite
@pytest.mark.parametrize(
    ("name", "value"),
    [("state", "running"), ("actor", "nobody"), ("subject", "nobody"), ("account", "nowhere")],
)
def test_a_filter_that_fits_nothing_there_is_is_named(
    operator: Script, name: str, value: str
) -> None:
    assert (
        name in problem(operator.get("/impersonations", **{name: value}), 422, "invalid")["detail"]
    )


@pytest.mark.requirement("P1")
@fails_without(
    line(
        visible.impersonation,
        "if found and programs.api_key().covers(found.account_id)",
        "if found",
    ),
    line(visible.account_id_in, "return programs.api_key().account_id", "return None"),
)
def test_a_key_of_one_account_sees_no_session_elsewhere(
    operator: Script, of_harbour: Script, cys: Started
) -> None:
    mine = operator.start().get_json()["impersonation"]["id"]
    for state in ("active", "any"):
        assert ids(of_harbour.found("/impersonations", state=state)) == [mine]
    theirs = cys.impersonation.id
    for session_id in (theirs, NOBODYS):
        problem(of_harbour.get(f"/impersonations/{session_id}"), 404, "not_found")
        problem(of_harbour.end(session_id), 404, "not_found")
    for query in ({"account": ELSEWHERE}, {"subject": EVE.id}):
        problem(of_harbour.get("/impersonations", **query), 422, "invalid")
    assert operator.get(f"/impersonations/{theirs}").get_json()["state"] == "active"


@on_sqlite
def test_a_session_is_about_the_account_that_the_member_was_in(
    operator: Script, cys: Started, database: Database
) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, EVE.id).account = db.get_one(Account, HARBOUR)
    session = operator.get(f"/impersonations/{cys.impersonation.id}").get_json()
    assert session["account"] == {"id": "elsewhere", "name": "Elsewhere"}


# End.


@pytest.mark.requirement("I4", "I5")
@fails_without(
    together(
        line(
            views.end,
            "if endings.still_live(g.db, impersonation, provenance=provenance(), now=g.now)",
            "if True",
        ),
        line(endings.end, ", Impersonation.ended_at.is_(None)"),
    )
)
def test_a_session_is_ended_once(
    operator: Script, product: Product, token: str, database: Database
) -> None:
    (session,) = operator.found("/impersonations")
    path = f"/impersonations/{session['id']}/end"
    problem(operator.ask("POST", path, json={"actor": "cy"}), 422, "invalid")
    first, second = operator.end(session["id"]), operator.ask("POST", path, json={})
    assert first.status_code == second.status_code == 200
    assert first.get_json() == second.get_json()
    assert first.get_json()["state"] == "ended"
    assert first.get_json()["ended"] == {
        "at": "2026-03-02T09:00:00+00:00",
        "why": "program_ended",
        "by": None,
        "sentence": "Somebody ended it through a program.",
    }
    problem(product.act(token), 401, "impersonation_ended")
    assert len(events(database, AuditAction.IMPERSONATION_ENDED)) == 1


@on_sqlite
def test_an_end_is_in_the_name_of_the_admin_whom_the_key_acts_for(
    client: FlaskClient, database: Database, clock: Clock, cys: Started
) -> None:
    omars = script(client, database, clock, "api", admin=OMAR.id)
    ended = omars.end(cys.impersonation.id).get_json()["ended"]
    assert ended["by"]["id"] == OMAR.id
    (event,) = events(database, AuditAction.IMPERSONATION_ENDED)
    assert event.actor_id == OMAR.id
    assert event.details["through"].startswith("A program (usk")


@on_sqlite
def test_what_was_over_already_was_ended_by_nobody(
    operator: Script, cys: Started, clock: Clock
) -> None:
    clock.move(minutes=20)
    assert operator.end(cys.impersonation.id).get_json()["ended"]["why"] == "expired"


@on_sqlite
def test_a_session_ends_with_its_ground_as_any_other(
    operator: Script, database: Database, clock: Clock
) -> None:
    session_id = operator.start().get_json()["impersonation"]["id"]
    with database.unit_of_work(writing=True) as db:
        accounts.switch_impersonation(
            db,
            db.get_one(Account, HARBOUR),
            allowed=False,
            by=db.get_one(Admin, ADA.id),
            provenance=WORKER,
            now=clock.now,
        )
    ended = operator.get(f"/impersonations/{session_id}").get_json()["ended"]
    assert ended["why"] == "account_unavailable"


@on_sqlite
@pytest.mark.requirement("A10", "X6")
@pytest.mark.parametrize("session_id", [NOBODYS, "mia", "1", "%00", "a%2Fb", "é", "x" * 5000])
def test_an_id_of_no_session_is_not_found(operator: Script, session_id: str) -> None:
    for answer in (operator.get(f"/impersonations/{session_id}"), operator.end(session_id)):
        problem(answer, 404, "not_found")


# The ticket's minute.


@on_sqlite
def test_a_ticket_is_good_for_as_long_as_is_said(started: Started) -> None:
    opens_until = impersonations.opens_until(started.impersonation)
    assert opens_until - started.impersonation.started_at == timedelta(minutes=1)
