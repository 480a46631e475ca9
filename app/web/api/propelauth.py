"""PropelAuth's BYO server: one address, a command by its name, errors by their type.

The contract is that of its published SDKs: camelCase, whole seconds, exactly the named members.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import BadRequest

from app.domain.api_keys import PREFIX as KEY_PREFIX
from app.domain.errors import Invalid
from app.domain.impersonations import REASON_LENGTH
from app.domain.permissions import Scope
from app.domain.policies import Refusal, refusal_of_account
from app.storage.admins import admin_by_email
from app.storage.folding import fold
from app.storage.impersonations import Impersonation, active_impersonations_for
from app.storage.members import Member
from app.web.api import bodies, programs
from app.web.api.bodies import text
from app.web.api.programs import TOKEN_PREFIX
from app.web.application_context import settings, tokens
from app.web.authentication import APIKeyRequired, ScopeRequired
from app.web.dialects import Dialect, Failure
from app.web.provenance import provenance
from app.web.routing import Route

PAGE_SIZE = 100
Data = dict[str, Any]

DISABLED = {Refusal.ACCOUNT_OPTED_OUT, Refusal.ACCOUNT_SUSPENDED}
UNAUTHORIZED = {Refusal.NOT_SUPERADMIN, Refusal.KEY_OF_ANOTHER_ADMIN}


class CommandFailed(Exception):
    """What the SDKs know by its `type`; `details` belongs to some types and to no others."""

    def __init__(self, type_: str, status: int, details: str | Data | None = None) -> None:
        super().__init__(type_)
        self.type, self.status, self.details = type_, status, details


def run_command() -> ResponseReturnValue:
    """Run the command that the body names."""
    name, data = _command()
    if name not in COMMANDS:
        raise BadRequest(f"There is no command {name}.")
    return jsonify(COMMANDS[name](data))


def _command() -> tuple[str, Data]:
    body = bodies.json_value()
    if not isinstance(body, dict):
        raise BadRequest("The body is no object with a command and its data.")
    data = {} if body.get("data") is None else body["data"]
    if not isinstance(data, dict):
        raise BadRequest("The data of the command is no object.")
    # What some of the SDKs leave out, others send as null.
    return text(body, "command"), {name: one for name, one in data.items() if one is not None}


def _create(data: Data) -> Data:
    employee = admin_by_email(g.db, text(data, "employeeEmail"))
    target_id = text(data, "targetUserId")
    origin = provenance().claimed(
        address=text(data, "ipAddress"), user_agent=text(data, "userAgent")
    )
    impersonation = programs.start_open(
        impersonator=programs.check_anybody(employee, programs.api_key().account),
        target=_target(target_id),
        reason=_reason(data),
        kept=json.dumps(data["metadata"]) if "metadata" in data else None,
        origin=origin,
    )
    return {
        "sessionId": impersonation.id,
        "impersonationSessionToken": TOKEN_PREFIX + tokens().issue(impersonation, now=g.now),
        "expiresAt": _seconds(impersonation.expires_at),
    }


def _validate(data: Data) -> Data:
    token = text(data, "impersonationToken")
    address, user_agent = text(data, "ipAddress"), text(data, "userAgent")
    account = programs.api_key().account
    if account is not None and refusal_of_account(account) is not None:
        raise CommandFailed("ImpersonationNotEnabled", 403)
    impersonation = _session_of(token)
    if impersonation is None:
        raise CommandFailed("InvalidImpersonationToken", 401, "This token is not good.")
    if not impersonation.is_active(g.now):
        raise CommandFailed("SessionNotFound", 404)
    if impersonation.address != address:
        raise CommandFailed("IpAddressMismatch", 403)
    if impersonation.user_agent != user_agent:
        raise CommandFailed("UserAgentMismatch", 403)
    return {"metadata": None} | _info(impersonation)


def _fetch_by_id(data: Data) -> Data:
    return _info(_found(data))


def _fetch_all_of_employee(data: Data) -> Data:
    return {"sessions": [_info(one) for one in _sessions(employee=text(data, "employeeEmail"))]}


def _fetch_all_of_user(data: Data) -> Data:
    return {"sessions": [_info(one) for one in _sessions(user_id=text(data, "userId"))]}


def _fetch_all_active(data: Data) -> Data:
    after = data.get("pagingToken")
    sessions = _sessions(
        employee=text(data, "employeeEmail") if "employeeEmail" in data else None,
        user_id=text(data, "targetUserId") if "targetUserId" in data else None,
    )
    sessions = sorted(sessions, key=lambda one: one.id)
    if after is not None:
        after = _last_of_page(after)
        sessions = [one for one in sessions if one.id > after]
    page = sessions[:PAGE_SIZE]
    answer: Data = {"sessions": [_info(one) for one in page], "hasMoreResults": page != sessions}
    return answer | ({"nextPagingToken": _paging_token(page[-1])} if page != sessions else {})


def _invalidate_by_id(data: Data) -> Data:
    if not programs.end(_found(data)):
        raise CommandFailed("SessionNotFound", 404)
    return {}


def _invalidate_by_token(data: Data) -> Data:
    impersonation = _session_of(text(data, "impersonationSessionToken"))
    if impersonation is None or not programs.end(impersonation):
        raise CommandFailed("SessionNotFound", 404)
    return {}


def _invalidate_all_of_employee(data: Data) -> Data:
    return _invalidated(_sessions(employee=text(data, "employeeEmail")))


def _invalidate_all_of_user(data: Data) -> Data:
    return _invalidated(_sessions(user_id=text(data, "userId")))


def _ping(_data: Data) -> Data:
    return {"timestamp": _seconds(g.now)}


COMMANDS: dict[str, Callable[[Data], Data]] = {
    "CreateImpersonationSession": _create,
    "ValidateImpersonationSession": _validate,
    "FetchImpersonationSessionById": _fetch_by_id,
    "FetchAllImpersonationSessionsForEmployee": _fetch_all_of_employee,
    "FetchAllImpersonationSessionsForUser": _fetch_all_of_user,
    "FetchAllActiveImpersonationSessions": _fetch_all_active,
    "InvalidateImpersonationSessionById": _invalidate_by_id,
    "InvalidateImpersonationSessionByToken": _invalidate_by_token,
    "InvalidateAllImpersonationSessionsForEmployee": _invalidate_all_of_employee,
    "InvalidateAllImpersonationSessionsForUser": _invalidate_all_of_user,
    "Ping": _ping,
}


def _target(member_id: str) -> Member:
    target: Member | None = g.db.get(Member, member_id)
    if target is None or not programs.api_key().covers(target.account_id):
        raise BadRequest("There is no such user.")
    return target


def _reason(data: Data) -> str:
    # The SDKs have no word for it, but keep what they are given.
    metadata = data.get("metadata")
    reason = metadata.get("reason") if isinstance(metadata, dict) else None
    return reason.strip()[:REASON_LENGTH] if isinstance(reason, str) else ""


def _found(data: Data) -> Impersonation:
    impersonation = programs.find_active(text(data, "impersonationSessionId"))
    if impersonation is None:
        raise CommandFailed("SessionNotFound", 404)
    return impersonation


def _session_of(token: str) -> Impersonation | None:
    """Return the session of the token, over or not, if the program may see it."""
    return programs.find_by_token(token) if token.startswith(TOKEN_PREFIX) else None


def _sessions(*, employee: str | None = None, user_id: str | None = None) -> list[Impersonation]:
    return [
        one
        for one in active_impersonations_for(g.db, programs.api_key(), now=g.now)
        if (employee is None or one.impersonator.email_key == fold(employee))
        and (user_id is None or one.target_id == user_id)
    ]


def _invalidated(sessions: list[Impersonation]) -> Data:
    return {"sessionsInvalidated": sum(map(programs.end, sessions))}


def _info(impersonation: Impersonation) -> Data:
    info = {
        "impersonationSessionId": impersonation.id,
        "employeeEmail": impersonation.impersonator.email,
        "targetUserId": impersonation.target_id,
        "createdAt": _seconds(impersonation.started_at),
        "expiresAt": _seconds(impersonation.expires_at),
    }
    return info | ({"metadata": json.loads(impersonation.kept)} if impersonation.kept else {})


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _paging_token(last: Impersonation) -> str:
    return str(_paging().dumps(last.id))


def _last_of_page(token: Any) -> str:
    try:
        return str(_paging().loads(token))
    except (BadData, TypeError) as error:
        raise CommandFailed("InvalidPagingToken", 400) from error


def _paging() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="propelauth")


def _answer(failure: Failure) -> Response:
    failed = _failed(failure)
    body: Data = {"type": failed.type}
    response = jsonify(body if failed.details is None else body | {"details": failed.details})
    response.status_code = failed.status
    return response


def _failed(failure: Failure) -> CommandFailed:
    error = failure.error
    if isinstance(error, CommandFailed):
        return error
    if isinstance(error, APIKeyRequired):
        return _bad_key()
    if isinstance(error, ScopeRequired) or failure.code == Refusal.KEY_MAY_NOT_START:
        return CommandFailed("CommandNotAllowed", 403, {"command_name": _command_name()})
    if failure.code in DISABLED:
        return CommandFailed("ImpersonationDisabled", 403)
    if failure.code in UNAUTHORIZED:
        return CommandFailed("UnauthorizedEmployee", 403, failure.sentence)
    # What a value may be is said with 422 elsewhere.
    status = 400 if isinstance(error, Invalid) else failure.status
    return CommandFailed("UnexpectedError", status, failure.sentence)


def _bad_key() -> CommandFailed:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        return CommandFailed("NoIntegrationKeyFoundInHeader", 401)
    if not secret.strip().startswith(KEY_PREFIX):
        return CommandFailed("InvalidPrefix", 401, f"A key begins with {KEY_PREFIX}.")
    return CommandFailed("IntegrationKeyNotFound", 401)


def _command_name() -> str:
    try:
        return _command()[0]
    except (BadRequest, Invalid):
        return ""


DIALECT = Dialect(
    "PropelAuth",
    ("/run-command",),
    [Route("POST", "/run-command", run_command, Scope.PROPELAUTH, either_slash=True)],
    _answer,
    raises=(CommandFailed,),
)
