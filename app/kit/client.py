"""The admin site's impersonation API, as seen from a product app.

Whatever is not one of the answers that the contract names is an ``AdminUnavailable``: the caller
then refuses the request, for what cannot be checked and recorded must not happen.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import urllib3

from app.kit.connections import pool_manager
from app.kit.impersonation import Account, Ended, Impersonation, Person

DEFAULT_TIMEOUT = 3.0

_REDEMPTIONS = "handoffs/redemptions"

PresenceState = Literal["open", "closing"]


class AdminUnavailable(Exception):
    """The admin site could not be asked, or gave an answer that is not in the contract."""


class SessionEnded(Exception):
    """The token opens nothing any more; ``ended`` is None where it never opened anything."""

    def __init__(self, ended: Ended | None) -> None:
        super().__init__(ended.why if ended else "unknown token")
        self.ended = ended


class TicketRefused(Exception):
    """The hand-off ticket is unknown, used or too old; which of these is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Redemption:
    """What a hand-off ticket is exchanged for."""

    # Not in the repr, so that no log or traceback shows it.
    token: str = field(repr=False)
    impersonation: Impersonation


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """A recorded request, whose outcome is still to be told."""

    id: str
    impersonation: Impersonation


class AdminClient:
    """Asks the admin site over kept-alive connections; safe to share between threads."""

    def __init__(self, admin_url: str, api_key: str, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._base = admin_url.rstrip("/") + "/api/v1/"
        self._pool = pool_manager(
            maxsize=16,
            headers={
                "Authorization": f"Bearer {api_key}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            timeout=urllib3.Timeout(total=timeout),
        )

    def redeem(self, ticket: str, *, address: str, user_agent: str) -> Redemption:
        """Exchange a hand-off ticket, once, for the token of its session."""
        answer = self._post(
            _REDEMPTIONS,
            {"ticket": ticket, "address": address, "user_agent": user_agent},
            expect=HTTPStatus.CREATED,
        )
        return Redemption(token=_key(answer, "token"), impersonation=_impersonation(answer))

    def record_action(
        self,
        token: str,
        *,
        method: str,
        path: str,
        request_id: str,
        address: str,
        user_agent: str,
    ) -> Action:
        """Check the token and record what is about to be done with it."""
        answer = self._post(
            "impersonations/actions",
            {
                "token": token,
                "method": method,
                "path": path,
                "request_id": request_id,
                "address": address,
                "user_agent": user_agent,
            },
            expect=HTTPStatus.CREATED,
        )
        return Action(id=_key(answer, "action_id"), impersonation=_impersonation(answer))

    def record_outcome(self, action_id: str, *, status: int, duration_ms: int) -> None:
        """Tell how a recorded action went."""
        self._post(
            "impersonations/outcomes",
            {"action_id": action_id, "status": status, "duration_ms": duration_ms},
            expect=HTTPStatus.NO_CONTENT,
        )

    def tell_presence(self, token: str, *, page_id: str, state: PresenceState) -> Impersonation:
        """Say that a page of the session is open or closing."""
        answer = self._post(
            "impersonations/presences",
            {"token": token, "page_id": page_id, "state": state},
            expect=HTTPStatus.OK,
        )
        return _impersonation(answer)

    def end(self, token: str) -> Ended:
        """End the session; ending it again gives the same answer."""
        answer = self._post("impersonations/ends", {"token": token}, expect=HTTPStatus.OK)
        return _ended(_object(answer, "ended"))

    def _post(self, path: str, content: dict[str, object], *, expect: HTTPStatus) -> dict[str, Any]:
        try:
            # Never followed elsewhere and never sent twice behind our back: the body carries a
            # secret, and a ticket that arrives a second time ends its session.
            response = self._pool.request(
                "POST", self._base + path, body=json.dumps(content), retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise AdminUnavailable(f"{path}: {type(error).__name__}") from error
        if response.status == HTTPStatus.NO_CONTENT == expect:
            return {}
        answer = _parse(path, response.data)
        if response.status == expect:
            return answer
        raise _refusal(path, response.status, answer)


def _refusal(path: str, status: int, problem: dict[str, Any]) -> Exception:
    match status, problem.get("code"):
        case HTTPStatus.UNAUTHORIZED, "impersonation_ended":
            ended = problem.get("ended")
            return SessionEnded(None if ended is None else _ended(_object(problem, "ended")))
        case HTTPStatus.BAD_REQUEST, "ticket_refused" if path == _REDEMPTIONS:
            return TicketRefused()
        case _:
            return AdminUnavailable(f"{path}: unexpected status {status}")


def _parse(path: str, data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AdminUnavailable(f"{path}: the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise AdminUnavailable(f"{path}: the answer is not an object")
    return answer


def _impersonation(answer: dict[str, Any]) -> Impersonation:
    found = _object(answer, "impersonation")
    account = _object(found, "account")
    return Impersonation(
        id=_key(found, "id"),
        subject=_person(found, "subject"),
        account=Account(id=_key(account, "id"), name=_text(account, "name")),
        actor=_person(found, "actor"),
        started_at=_moment(found, "started_at"),
        expires_at=_moment(found, "expires_at"),
        seconds_left=_count(found, "seconds_left"),
    )


def _person(found: dict[str, Any], member: str) -> Person:
    person = _object(found, member)
    return Person(id=_key(person, "id"), name=_text(person, "name"), email=_text(person, "email"))


def _ended(found: dict[str, Any]) -> Ended:
    return Ended(why=_text(found, "why"), sentence=_text(found, "sentence"))


def _object(found: dict[str, Any], member: str) -> dict[str, Any]:
    value = found.get(member)
    if not isinstance(value, dict):
        raise AdminUnavailable(f"the answer's {member!r} is not an object")
    return value


def _key(found: dict[str, Any], member: str) -> str:
    value = _text(found, member)
    if not value:
        raise AdminUnavailable(f"the answer's {member!r} is empty")
    return value


def _text(found: dict[str, Any], member: str) -> str:
    value = found.get(member)
    if not isinstance(value, str):
        raise AdminUnavailable(f"the answer's {member!r} is not a text")
    return value


def _count(found: dict[str, Any], member: str) -> int:
    value = found.get(member)
    # bool is an int in Python, not in the contract.
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AdminUnavailable(f"the answer's {member!r} is not a number of seconds")
    return value


def _moment(found: dict[str, Any], member: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(found, member))
    except ValueError as error:
        raise AdminUnavailable(f"the answer's {member!r} is not a time") from error
    if moment.tzinfo is None:
        raise AdminUnavailable(f"the answer's {member!r} has no time zone")
    return moment
