"""The description of `/api/v1` is held to the routes, to the code's own names, and to the answers.

schemathesis asks each operation what the description allows and what it forbids.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from app import configured
from app.config import Config
from app.domain.alerts import RULES, AlertKind, Rule
from app.domain.audit_filters import READERS
from app.domain.audit_trail import AuditAction, Outcome
from app.domain.impersonations import REASON_LENGTH, TICKET_URL_LENGTH
from app.domain.permissions import Scope
from app.domain.tokens import Tokens
from app.storage.accounts import Account, AccountStatus
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import LIFETIME, EndReason
from app.storage.members import Member, MemberStatus
from app.storage.paging import LARGEST_KEY, PAGE_SIZE
from app.web.api import bodies, impersonations, kit, lists, openapi
from app.web.api.idempotency import KEY
from app.web.api.routes import ROUTES
from app.web.application import Application
from app.web.routing import Anyone
from tests import factories
from tests.budget import TIMES, tries
from tests.cast import ADA, CY, EVE, HARBOUR, MIA
from tests.clock import Clock
from tests.conftest import ADMIN_URL, on_sqlite
from tests.filling import fill_trail
from tests.twins import fails_without, value
from tests.web.api.scripts import Script, script

PREFIX = "/api/v1"
METHODS = ("get", "post", "put", "patch", "delete")


def _without_repetitions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
    return dict(pairs)


DOCUMENT: dict[str, Any] = json.loads(openapi.DOCUMENT, object_pairs_hook=_without_repetitions)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
NATIVE = [route for route in ROUTES if route.path.startswith(PREFIX)]
# By name of the operation, what a product's kit may say.
SAID_BY_KITS = {
    "redeemHandoff": kit.REDEMPTION,
    "recordAction": kit.ACTION,
    "finishAction": kit.OUTCOME,
    "notePresence": kit.PRESENCE,
    "endImpersonationByToken": kit.END,
}


def operations() -> Iterable[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() & set(METHODS):
            yield method.upper(), path, item[method]


def parameter(operation_id: str, name: str) -> dict[str, Any]:
    """Return the schema of a parameter."""
    (operation,) = (one for *_, one in operations() if one["operationId"] == operation_id)
    (found,) = (one for one in operation["parameters"] if one.get("name") == name)
    schema: dict[str, Any] = found["schema"]
    return schema


def sent_to(operation_id: str) -> dict[str, Any]:
    """Return the schema of a body."""
    (operation,) = (one for *_, one in operations() if one["operationId"] == operation_id)
    schema: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


# The routes.


@pytest.mark.requirement("P4")
@fails_without(value(DOCUMENT["paths"], "/nowhere", {"get": {}}))
def test_it_describes_every_route_and_no_other() -> None:
    routes = {
        (route.method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path.removeprefix(PREFIX)))
        for route in NATIVE
    }
    assert {(method, path) for method, path, _ in operations()} == routes


@pytest.mark.requirement("P1", "P4")
@fails_without(value(DOCUMENT, "security", [{"bearer": ["product"]}]))
def test_it_says_which_scope_each_route_needs() -> None:
    said = {
        (method, path): operation.get("security", DOCUMENT["security"])
        for method, path, operation in operations()
    }
    for route in NATIVE:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path.removeprefix(PREFIX))
        security = said[route.method, path]
        if route.audience is Anyone.ANYONE:
            assert security == []
        else:
            assert security[0]["bearer"][0] == route.audience
            assert {scope for one in security for scope in one["bearer"]} <= set(Scope)


@pytest.mark.requirement("D1", "P4")
def test_it_is_served_as_it_is_in_the_file_and_to_no_stranger(
    client: FlaskClient, database: Database, clock: Clock
) -> None:
    assert client.get(f"{PREFIX}/openapi.json").status_code == 401
    answer = script(client, database, clock, "api").ask("GET", "/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == DOCUMENT


# The document itself.


def references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def test_what_it_refers_to_is_there_and_nothing_else_is() -> None:
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert set(references(DOCUMENT)) == there


def test_its_examples_fit_its_schemas() -> None:
    tried = 0
    for example in examples(DOCUMENT):
        validator = jsonschema_rs.Draft202012Validator(
            {**example["schema"], "components": DOCUMENT["components"]}
        )
        validator.validate(example["example"])
        tried += 1
    assert tried > 15


def examples(value: Any) -> Iterable[dict[str, Any]]:
    """Yield what has both an example and a schema."""
    if isinstance(value, dict):
        yield from ([value] if {"example", "schema"} <= value.keys() else [])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from examples(one)


def test_each_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for *_, operation in operations()]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for *_, operation in operations():
        assert operation["summary"].endswith(".")
        assert set(operation["tags"]) <= tags


# The code's own names and bounds.


def test_it_knows_the_codes_own_names() -> None:
    assert SCHEMAS["Action"]["enum"] == [*AuditAction]
    assert SCHEMAS["Outcome"]["enum"] == [*Outcome]
    assert SCHEMAS["EndReason"]["enum"] == [*EndReason]
    assert SCHEMAS["Member"]["properties"]["status"]["enum"] == [*MemberStatus]
    assert SCHEMAS["Account"]["properties"]["status"]["enum"] == [*AccountStatus]
    assert parameter("listImpersonations", "state")["enum"] == [*impersonations.STATES]
    assert SCHEMAS["Start"]["properties"].keys() == set(impersonations.FIELDS)
    for operation, fields in SAID_BY_KITS.items():
        assert sent_to(operation)["properties"].keys() == set(fields)
        assert sent_to(operation)["additionalProperties"] is False
    listing = DOCUMENT["paths"]["/audit-trail/events"]["get"]
    assert {one["name"] for one in listing["parameters"] if "name" in one} == set(READERS)


def test_it_knows_the_codes_own_bounds() -> None:
    limit = DOCUMENT["components"]["parameters"]["limit"]["schema"]
    assert (limit["default"], limit["maximum"]) == (PAGE_SIZE, lists.LARGEST_PAGE)
    assert SCHEMAS["Id"]["maxLength"] == SCHEMAS["Words"]["maxLength"] == lists.LONGEST
    assert SCHEMAS["Text"]["maxLength"] == bodies.TEXT_LENGTH
    assert SCHEMAS["Number"]["maximum"] == LARGEST_KEY
    start = SCHEMAS["Start"]["properties"]
    assert start["reason"]["maxLength"] == REASON_LENGTH
    assert start["ticket_url"]["maxLength"] == TICKET_URL_LENGTH
    lasts = SCHEMAS["Impersonation"]["properties"]["seconds_left"]["maximum"]
    assert lasts == LIFETIME.total_seconds()
    outcome = DOCUMENT["paths"]["/impersonations/outcomes"]["post"]["requestBody"]
    told = outcome["content"]["application/json"]["schema"]["properties"]
    assert told["status"]["maximum"] == kit.HIGHEST_STATUS
    assert told["duration_ms"]["maximum"] == kit.LONGEST_MILLISECONDS


@pytest.mark.parametrize("key", ["a", '"a-1"', "x" * 200, "x" * 201, "", '"a', "a b", "é", "a\n"])
def test_it_spells_an_idempotency_key_as_the_code_does(key: str) -> None:
    pattern = parameter("startImpersonation", "Idempotency-Key")["pattern"]
    validator = jsonschema_rs.Draft202012Validator({"pattern": pattern})
    assert validator.is_valid(key) is bool(KEY.fullmatch(key))


@on_sqlite
def test_what_is_answered_has_exactly_the_members_that_it_names(operator: Script) -> None:
    """schemathesis finds those that are missing; these would be too many."""
    started = operator.start().get_json()
    ended = operator.end(started["impersonation"]["id"]).get_json()
    told = {
        "Started": started,
        "Handoff": started["handoff"],
        "Impersonation": ended,
        "End": ended["ended"],
        "Person": ended["actor"],
        "NamedAccount": ended["account"],
        "Member": operator.found("/members")[0],
        "Account": operator.found("/accounts")[0],
        "Event": operator.found("/audit-trail/events")[0],
    }
    for name, said in told.items():
        assert said.keys() == SCHEMAS[name]["properties"].keys(), name


# The answers.


@dataclass
class Site:
    """The site of the test that runs, under its own name: it is chosen after the description."""

    app: Application | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.app is not None
        host = ADMIN_URL.removeprefix("http://")
        return self.app.wsgi_app(environ | {"HTTP_HOST": host}, start_response)


SITE = Site()
ALLOWED = {
    # Nobody can tell by its form whether an id is one that is there.
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "410", "422"]
    },
}
DESCRIBED = schemathesis.openapi.from_path(
    Path(openapi.__file__).with_suffix(".json"),
    config=SchemathesisConfig.from_dict({"base-url": ADMIN_URL + PREFIX, "checks": ALLOWED}),
)
DESCRIBED.app = SITE
few_examples = settings(
    max_examples=tries(3),
    derandomize=TIMES == 1,
    deadline=None,
    # What one example leaves behind is none of the next one's business.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass
class Program:
    """A program with a key for everything, and what it could know."""

    secret: str
    known: dict[str, Any]
    statuses: set[int] = field(default_factory=set)

    def with_what_is_there(self, case: Any) -> None:
        """Put what exists in the place of what was made up."""
        if isinstance(case.body, dict):
            case.body |= {name: self.known[name] for name in case.body.keys() & self.known.keys()}
        for name in (case.path_parameters or {}).keys() & self.known.keys():
            case.path_parameters[name] = self.known[name]
        for name in (case.query or {}).keys() & self.known.keys():
            case.query[name] = self.known[name]


@pytest.fixture
def program(
    admin_app: Application,
    database: Database,
    config: Config,
    tokens: Tokens,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Program]:
    # It tries every wrong key there is, and is to be told each time that it is one.
    monkeypatch.setitem(RULES, AlertKind.FAILED_API_KEYS, Rule(100_000, timedelta(minutes=15)))
    client = admin_app.test_client()
    everything = script(client, database, clock, "api", "impersonate", "product", "audit_trail")
    fill_trail(database, events=10, now=clock.now)
    with database.unit_of_work(writing=True) as db:
        configured.checkpoints(config).make(db, now=clock.now)
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        started = factories.start(db, impersonator=cy, target=eve, now=clock.now)
        started.impersonation.opened_at = clock.now
        token = tokens.issue(started.impersonation, now=clock.now)
        ada, mia = db.get_one(Admin, ADA.id), db.get_one(Member, MIA.id)
        ticket = factories.start(db, impersonator=ada, target=mia, now=clock.now).ticket
        harbour = db.get_one(Account, HARBOUR)
        db.add(factories.member(id="m-17", account=harbour, now=clock.now))
    body = {"token": token, "method": "GET", "path": "/"}
    action = everything.ask("POST", "/impersonations/actions", json=body).get_json()
    SITE.app = admin_app
    known = {
        "actor": ADA.id,
        "subject": "m-17",
        "account": HARBOUR,
        "account_id": HARBOUR,
        "member_id": "m-17",
        "impersonation": started.impersonation.id,
        "impersonation_id": started.impersonation.id,
        "token": token,
        "ticket": ticket,
        "action_id": action["action_id"],
        "event": 3,
        "size": 11,
        "old": 11,
        "new": 11,
    }
    program = Program(everything.secret, known)
    yield program
    # Whoever is refused everything has tried nothing.
    assert program.statuses & {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}


@on_sqlite
@pytest.mark.requirement("P3", "P4", "X3", "X6")
@DESCRIBED.parametrize()
@few_examples
def test_every_answer_is_as_described(case: Any, program: Program) -> None:
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        program.with_what_is_there(case)
    answer = case.call_and_validate(headers={"Authorization": f"Bearer {program.secret}"})
    program.statuses.add(answer.status_code)
