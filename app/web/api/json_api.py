"""The JSON:API endpoint of organisations: one resource, `impersonation`, that is only created."""

from http import HTTPStatus
from typing import Any

from flask import Response, g, json, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.domain.errors import Absent, Invalid
from app.domain.permissions import Scope
from app.domain.policies import Refusal
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.impersonations import Impersonation
from app.storage.members import Member, account_members_with_email
from app.storage.pushed import with_user_name
from app.web.api import bodies, programs
from app.web.application_context import tokens
from app.web.dialects import Dialect, Failure
from app.web.routing import Route

MEDIA_TYPE = "application/vnd.api+json"
KIND = "impersonation"
PREFIX = "/api/v2/"
USER = "/data/attributes/user"


class Wrong(Exception):
    """What is wrong with the document, and where: a JSON pointer."""

    def __init__(self, status: HTTPStatus, detail: str, pointer: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer = status, detail, pointer


def create(organization_id: str) -> ResponseReturnValue:
    """Start a session as the user whom the document names."""
    attributes = _attributes()
    account = _organization(organization_id)
    admin = _admin_of(account)
    user = attributes.get("user")
    if not isinstance(user, str) or not user.strip():
        raise Wrong(HTTPStatus.UNPROCESSABLE_ENTITY, "user is missing.", USER)
    impersonation = programs.start_open(
        impersonator=admin,
        target=_user_of(account, user.strip()),
        reason=bodies.text(attributes, "reason", default=""),
    )
    return _document({"data": _resource(impersonation)})


def _attributes() -> dict[str, Any]:
    if request.mimetype not in (MEDIA_TYPE, "application/json"):
        raise UnsupportedMediaType(f"Send {MEDIA_TYPE}.")
    body = bodies.json_value()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise BadRequest("The document has no data object.")
    if data.get("type") != KIND:
        raise Wrong(HTTPStatus.CONFLICT, f"The type is not {KIND}.", "/data/type")
    attributes = data.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _organization(organization_id: str) -> Account:
    account: Account | None = g.db.get(Account, organization_id)
    if account is None:
        raise Absent("There is no such organization.")
    return account


def _admin_of(account: Account) -> Admin:
    key = programs.api_key()
    if not key.covers(account.id):
        raise programs.refused(Refusal.KEY_OF_ANOTHER_ACCOUNT, impersonator=key.admin)
    return programs.check_anybody(key.admin, account)


def _user_of(account: Account, user: str) -> Member:
    member: Member | None = g.db.get(Member, user)
    if member is not None and member.account_id == account.id:
        return member
    named = with_user_name(g.db, account.id, user)
    found = [*named, *account_members_with_email(g.db, account.id, user)]
    here = next((one for one in found if one.removed_at is None), None)
    if here is None:
        raise Wrong(HTTPStatus.NOT_FOUND, "There is no such user in this organization.", USER)
    return here


def _resource(impersonation: Impersonation) -> dict[str, Any]:
    return {
        # Not that of the session: the original says so.
        "id": impersonation.target_id,
        "type": KIND,
        "attributes": {
            "created_at": impersonation.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "json_web_token": tokens().issue(impersonation, now=g.now),
            "updated_at": None,
            "updated_in_db_at": None,
        },
    }


def _answer(failure: Failure) -> Response:
    error = failure.error
    status, detail = HTTPStatus(failure.status), failure.sentence
    source = {"pointer": "/data"} if isinstance(error, BadRequest) else None
    if isinstance(error, Wrong):
        status, detail, source = error.status, error.detail, {"pointer": error.pointer}
    if isinstance(error, Invalid):
        source = {"pointer": "/data/attributes/reason"}
    problem = {"status": str(status.value), "title": status.phrase, "detail": detail}
    return _document({"errors": [problem | ({"source": source} if source else {})]}, status)


def _document(document: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = Response(json.dumps(document), status, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


DIALECT = Dialect(
    "JSON:API",
    (PREFIX,),
    [
        Route(
            "POST",
            f"{PREFIX}organizations/<organization_id>/impersonation",
            create,
            Scope.JSON_API,
            either_slash=True,
        )
    ],
    _answer,
    raises=(Wrong,),
)
