"""What programs may have of the trail: checkpoints, and proofs that show no more."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import configured
from app.config import Config
from app.domain import api_keys, audit_proofs, checkpoints
from app.domain.audit_proofs import Proof
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.checkpoints import VerifierKey
from app.domain.permissions import Scope
from app.storage.database import Database
from app.web import authentication
from tests import trail
from tests.cast import API_KEY
from tests.clock import Clock
from tests.faults import unwritable_trail
from tests.filling import fill_trail
from tests.keys import make_key
from tests.owner import as_owner, without_trigger
from tests.twins import fails_without, line
from tests.web.api.conftest import problem

PROOFS = "/api/v1/audit-trail/proofs"
CONSISTENCY = "/api/v1/audit-trail/consistency-proof"
CHECKPOINT = "/.well-known/audit-trail-checkpoint"


@pytest.fixture
def secret(database: Database, clock: Clock) -> str:
    """A key for the trail, in a trail of eleven events."""
    fill_trail(database, events=10, now=clock.now)
    with database.unit_of_work(writing=True) as db:
        _, secret = api_keys.create(
            db,
            name="Harbour's auditor",
            scopes=[Scope.AUDIT_TRAIL],
            by=None,
            provenance=OPERATOR,
            now=clock.now,
        )
    return secret


@pytest.fixture
def signed(secret: str, database: Database, config: Config, clock: Clock) -> None:
    """A checkpoint at eleven events, and one at twenty."""
    for _ in range(2):
        with database.unit_of_work(writing=True) as db:
            configured.checkpoints(config).make(db, now=clock.now)
        fill_trail(database, events=9, now=clock.now)


class Auditor:
    """A program that talks to the API with a key of its own."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {secret}"}

    def prove(self, body: dict[str, Any]) -> TestResponse:
        return self.client.post(PROOFS, json=body, headers=self.headers)

    def consistency(self, query: str) -> TestResponse:
        return self.client.get(f"{CONSISTENCY}?{query}", headers=self.headers)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey.parse(self.client.get("/.well-known/audit-trail-key").text)


@pytest.fixture
def auditor(client: FlaskClient, secret: str) -> Auditor:
    return Auditor(client, secret)


# For anyone.


@pytest.mark.requirement("L8")
def test_the_newest_checkpoint_is_for_anyone_to_keep(
    client: FlaskClient, signed: None, auditor: Auditor
) -> None:
    response = client.get(CHECKPOINT)
    assert (response.status_code, response.mimetype) == (200, "text/plain")
    assert checkpoints.opened(response.text, auditor.key).size == 20


def test_before_the_first_checkpoint_that_is_said(client: FlaskClient) -> None:
    response = client.get(CHECKPOINT)
    assert response.status_code == 404
    assert "No checkpoint has been signed yet." in response.text


# For a key.


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("body", "size"), [({"event": 3}, 20), ({"event": 3, "size": 11}, 11)])
def test_an_event_is_proved(
    auditor: Auditor, signed: None, body: dict[str, Any], size: int
) -> None:
    response = auditor.prove(body)
    assert response.status_code == 201
    assert response.get_json()["tree_size"] == size
    assert Proof.parse(response.text).check(auditor.key).good


@pytest.mark.requirement("L10")
def test_an_event_of_just_now_is_proved_by_a_checkpoint_of_now(
    auditor: Auditor, signed: None
) -> None:
    response = auditor.prove({"event": 25})
    assert response.status_code == 201
    assert Proof.parse(response.text).check(auditor.key).good


@pytest.mark.requirement("L12", "L13")
@fails_without(
    line(
        audit_proofs.prove_event,
        "stored if with_words else stored._replace(words=None, salt=None)",
        "stored",
    )
)
def test_words_can_be_left_out_and_the_proof_is_recorded(
    auditor: Auditor, signed: None, database: Database
) -> None:
    proof = auditor.prove({"event": 3, "words": False}).get_json()
    assert proof["event"]["words"] is None
    with database.unit_of_work(writing=False) as db:
        recorded = trail.only(db, AuditAction.AUDIT_EXPORTED)
    assert recorded.details["by"] == "the API key Harbour's auditor"
    assert (recorded.details["format"], recorded.details["first"]) == ("proof", 3)


@pytest.mark.requirement("L3", "L13")
@fails_without(
    line(audit_proofs.prove_event, "append(db, event(AuditAction", "(db, event(AuditAction")
)
def test_without_a_record_there_is_no_proof(
    auditor: Auditor, signed: None, database: Database
) -> None:
    with unwritable_trail(database.engine):
        problem(auditor.prove({"event": 3}), 503, "unavailable")
    assert auditor.prove({"event": 3}).status_code == 201


@pytest.mark.requirement("L10")
@pytest.mark.parametrize("query", ["old=11", "old=11&new=20", "old=20&new=20"])
def test_the_trail_has_only_grown(auditor: Auditor, signed: None, query: str) -> None:
    response = auditor.consistency(query)
    assert response.status_code == 200
    assert Proof.parse(response.text).check(auditor.key).good


@pytest.mark.requirement("P4", "X6")
@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"event": 99}, 404, "not_found", "There is no event 99."),
        ({"event": 0}, 404, "not_found", "There is no event 0."),
        ({"event": 3, "size": 12}, 404, "not_found", "No checkpoint was signed at 12 events."),
        ({"event": 15, "size": 11}, 422, "invalid", "does not hold event 15"),
        ({}, 422, "invalid", "event must be"),
        ({"event": "3"}, 422, "invalid", "event must be"),
        ({"event": 3.0}, 422, "invalid", "event must be"),
        ({"event": True}, 422, "invalid", "event must be"),
        ({"event": -1}, 422, "invalid", "event must be"),
        ({"event": 2**70}, 422, "invalid", "event must be"),
        ({"event": 3, "size": None}, 422, "invalid", "size must be"),
        ({"event": 3, "words": "no"}, 422, "invalid", "words must be"),
        ({"event": 3, "account": "harbour"}, 422, "invalid", "no such field"),
    ],
)
def test_what_cannot_be_proved_is_a_problem(
    auditor: Auditor, signed: None, body: dict[str, Any], status: int, code: str, words: str
) -> None:
    assert words in problem(auditor.prove(body), status, code)["detail"]


@pytest.mark.requirement("P4", "X6")
@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ("", 422, "invalid", "old must be"),
        ("old=", 422, "invalid", "old must be"),
        ("old=x", 422, "invalid", "old must be"),
        ("old=-1", 422, "invalid", "old must be"),
        ("old=٣", 422, "invalid", "old must be"),
        ("old=" + "9" * 5000, 422, "invalid", "old must be"),
        ("old=11&new=", 422, "invalid", "new must be"),
        ("old=9999999999999999999", 404, "not_found", "No checkpoint"),
        ("old=12", 404, "not_found", "No checkpoint was signed at 12 events."),
        ("old=20&new=11", 422, "invalid", "cannot begin with 20"),
    ],
)
def test_sizes_that_cannot_be_compared_are_a_problem(
    auditor: Auditor, signed: None, query: str, status: int, code: str, words: str
) -> None:
    assert words in problem(auditor.consistency(query), status, code)["detail"]


@pytest.mark.requirement("P1")
@fails_without(
    line(audit_proofs.prove_event, "if account_id not in (None, stored.account_id)", "if False")
)
def test_a_key_of_one_account_proves_no_event_elsewhere(
    client: FlaskClient, signed: None, database: Database, clock: Clock
) -> None:
    _, secret = make_key(database, Scope.AUDIT_TRAIL, account="harbour", now=clock.now)
    with database.unit_of_work(writing=False) as db:
        own = max(event.id for event in trail.events(db) if event.account_id == "harbour")
    customer = Auditor(client, secret)
    problem(customer.prove({"event": 3}), 404, "not_found")
    assert customer.prove({"event": own}).status_code == 201


@pytest.mark.requirement("P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
def test_the_key_of_a_product_opens_nothing_of_the_trail(client: FlaskClient, signed: None) -> None:
    product = Auditor(client, API_KEY)
    problem(product.prove({"event": 3}), 403, "forbidden")
    problem(product.consistency("old=11"), 403, "forbidden")


@pytest.mark.requirement("P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
def test_the_key_of_an_auditor_opens_nothing_of_a_product(auditor: Auditor) -> None:
    body = {"token": "x"}
    response = auditor.client.post(
        "/api/v1/impersonations/ends", json=body, headers=auditor.headers
    )
    problem(response, 403, "forbidden")


@pytest.mark.requirement("L8")
@fails_without(
    line(
        audit_proofs.TrailProver.prove,
        "if finding := wrong_with(event, proof, self.checkpoint)",
        "if finding := None",
    )
)
def test_nothing_is_proved_of_a_trail_that_is_not_what_it_was(
    auditor: Auditor, signed: None, config: Config
) -> None:
    with as_owner(config.database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.connection().exec_driver_sql("UPDATE audit_events SET outcome = 'failed' WHERE id = 3")
    detail = problem(auditor.prove({"event": 3}), 409, "not_intact")["detail"]
    assert "Event 3 is not what was recorded." in detail
