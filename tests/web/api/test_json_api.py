"""The JSON:API dialect, on the wire."""

from typing import Any

import pytest
from flask import json
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain import impersonations, policies
from app.domain.audit_trail import AuditAction
from app.domain.tokens import Tokens
from app.storage.database import Database
from app.storage.members import Member
from app.storage.pushed import keep
from app.web.api import json_api
from tests import trail
from tests.cast import ADA, DRYDOCK, EVE, HARBOUR, LIGHTHOUSE, MIA, OMAR, PIA
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.keys import make_key
from tests.twins import fails_without, line

MEDIA_TYPE = "application/vnd.api+json"
USER = "/data/attributes/user"


class Organization:
    """A program that talks as the generic JSON:API clients do."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret = client, secret

    def post(
        self,
        document: Any,
        *,
        organization: str = HARBOUR,
        media_type: str = MEDIA_TYPE,
        slash: str = "",
    ) -> TestResponse:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.client.post(
            f"/api/v2/organizations/{organization}/impersonation{slash}",
            data=body,
            content_type=media_type,
            headers={"Authorization": f"Bearer {self.secret}", "Accept": "*/*"},
        )

    def impersonate(self, user: Any, **more: Any) -> TestResponse:
        attributes = {"user": user, "reason": "Her template is broken"}
        return self.post({"data": {"type": "impersonation", "attributes": attributes}}, **more)


def failure(answer: TestResponse) -> tuple[int, str | None]:
    """Return the status and where it points to; the shape is JSON:API's."""
    assert answer.content_type == f"{MEDIA_TYPE}; charset=utf-8"
    body = answer.get_json(force=True)
    assert body.keys() == {"errors"}
    (error,) = body["errors"]
    assert error["status"] == str(answer.status_code)
    assert error["title"]
    assert error["detail"].endswith(".")
    return answer.status_code, error.get("source", {}).get("pointer")


@pytest.fixture
def organization(client: FlaskClient, database: Database, clock: Clock) -> Organization:
    """A program with the token of Ada's."""
    _, secret = make_key(database, "json_api", "impersonate", admin=ADA.id, now=clock.now)
    return Organization(client, secret)


@pytest.mark.parametrize("user", [MIA.id, MIA.email, MIA.email.upper(), "mia.s", " mia.s "])
def test_a_user_is_named_by_id_by_address_or_by_user_name(
    organization: Organization, database: Database, tokens: Tokens, clock: Clock, user: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        keep(db, Member, MIA.id, now=clock.now, user_name="mia.s", user_name_key="mia.s")
    answer = organization.impersonate(user)
    assert (answer.status_code, answer.content_type) == (200, f"{MEDIA_TYPE}; charset=utf-8")
    data = answer.get_json(force=True)["data"]
    token = data["attributes"].pop("json_web_token")
    assert data == {
        "id": MIA.id,
        "type": "impersonation",
        "attributes": {
            "created_at": "2026-03-02T09:00:00Z",
            "updated_at": None,
            "updated_in_db_at": None,
        },
    }
    assert tokens.verify(token, now=clock.now).target_id == MIA.id


@pytest.mark.requirement("L2")
def test_the_reason_is_kept(organization: Organization, database: Database) -> None:
    organization.impersonate(MIA.id)
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
        assert (event.actor_id, event.reason) == (ADA.id, "Her template is broken")
        # Nobody says where the person is: what is known is where the program is.
        assert event.details["claimed"] is False


def test_what_clients_add_is_ignored(organization: Organization) -> None:
    attributes = {"user": MIA.id, "reason": "x", "created_at": None, "more": [1]}
    data = {"type": "impersonation", "attributes": attributes, "relationships": {}}
    for slash in ("", "/"):
        assert organization.post({"data": data, "meta": {}}, slash=slash).status_code == 200


@on_sqlite
@pytest.mark.parametrize("media_type", [f"{MEDIA_TYPE}; charset=utf-8", "application/json"])
def test_both_media_types_are_taken(organization: Organization, media_type: str) -> None:
    assert organization.impersonate(MIA.id, media_type=media_type).status_code == 200


@pytest.mark.parametrize("user", ["nobody", EVE.id, EVE.email, "x" * 300, "a/b"])
def test_a_user_who_is_not_in_the_organization_is_not_found(
    organization: Organization, user: str
) -> None:
    assert failure(organization.impersonate(user)) == (404, USER)


@on_sqlite
@pytest.mark.parametrize("user", [None, "", " ", 7, [MIA.id], {"id": MIA.id}])
def test_a_user_has_to_be_named(organization: Organization, user: Any) -> None:
    assert failure(organization.impersonate(user)) == (422, USER)


def test_an_organization_that_is_not_there_is_not_found(organization: Organization) -> None:
    assert failure(organization.impersonate(MIA.id, organization="nowhere")) == (404, None)


@pytest.mark.requirement("A2")
@fails_without(line(json_api._admin_of, "programs.check_anybody(key.admin, account)", "key.admin"))
@pytest.mark.parametrize("closed", [LIGHTHOUSE, DRYDOCK])
def test_where_it_is_off_nobody_is_looked_up(organization: Organization, closed: str) -> None:
    assert failure(organization.impersonate("nobody", organization=closed)) == (403, None)


@pytest.mark.requirement("A3")
@fails_without(line(policies._refusal_of_member, "if target.protected", "if False"))
def test_a_user_who_may_not_be_impersonated_is_refused(organization: Organization) -> None:
    assert failure(organization.impersonate(PIA.id)) == (403, None)


@pytest.mark.requirement("A2", "P2")
@fails_without(line(impersonations.refused, ", event=recorded"))
@pytest.mark.parametrize(
    ("admin", "account"), [(OMAR.id, None), (None, None), (ADA.id, "elsewhere")]
)
def test_who_is_no_admin_of_the_organization_is_refused(
    client: FlaskClient,
    database: Database,
    clock: Clock,
    admin: str | None,
    account: str | None,
) -> None:
    scopes = ("json_api", "impersonate")
    _, secret = make_key(database, *scopes, admin=admin, account=account, now=clock.now)
    assert failure(Organization(client, secret).impersonate("nobody")) == (403, None)
    with database.unit_of_work(writing=False) as db:
        why = "key_of_another_account" if account else "not_superadmin"
        assert trail.only(db, AuditAction.IMPERSONATION_REFUSED).details["why"] == why


@on_sqlite
@pytest.mark.requirement("P1")
@pytest.mark.parametrize("secret", ["", "x", "uskx"])
def test_a_token_has_to_be_good(client: FlaskClient, secret: str) -> None:
    # Before anything else of it is looked at.
    answer = Organization(client, secret).post(b"{", media_type="text/plain")
    assert failure(answer) == (401, None)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@on_sqlite
@pytest.mark.parametrize("media_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(organization: Organization, media_type: str) -> None:
    assert failure(organization.post(b"{", media_type=media_type)) == (415, None)


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"data": []}',
        b'{"data": null}',
        b"\xff",
        b"[" * 20_000,
        b'{"data": {"a": "\\ud800"}}',
        b'{"data": {"\\u0000": NaN}}',
    ],
)
def test_a_document_without_data_is_refused(organization: Organization, body: bytes) -> None:
    assert failure(organization.post(body, organization="nowhere")) == (400, "/data")


@on_sqlite
@pytest.mark.parametrize("kind", [None, "impersonations", 7, "user"])
def test_another_type_is_a_conflict(organization: Organization, kind: Any) -> None:
    data = {"data": {"type": kind, "attributes": {}}}
    assert failure(organization.post(data, organization="nowhere")) == (409, "/data/type")


@on_sqlite
def test_a_missing_reason_is_asked_for(organization: Organization) -> None:
    data = {"type": "impersonation", "attributes": {"user": MIA.id}}
    assert failure(organization.post({"data": data})) == (422, "/data/attributes/reason")


@on_sqlite
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/organizations/harbour/impersonation", 405),
        ("POST", "/api/v2/organizations//impersonation", 404),
        ("POST", "/api/v2/nothing", 404),
    ],
)
def test_other_addresses_and_methods_answer_in_its_form(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    assert failure(client.open(path, method=method)) == (status, None)


@on_sqlite
def test_a_body_of_megabytes_is_too_large(organization: Organization) -> None:
    assert failure(organization.impersonate("x" * 2**21))[0] == 413
