"""Auth0's legacy impersonation: a one-time link, what becomes of it, and the profile behind.

Its documentation's examples contradict their own media types, so bodies are read by their bytes.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden

from app.domain import activity, impersonation_links
from app.domain.activity import Dead
from app.domain.errors import Absent, Invalid
from app.domain.impersonation_links import Destination, Followed
from app.domain.permissions import Scope
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.members import Member
from app.web import authentication
from app.web.api import bodies, oauth_errors, programs
from app.web.application_context import start_limits, tokens
from app.web.dialects import Dialect, Failure
from app.web.json_text import read_json
from app.web.parameters import parameters
from app.web.provenance import provenance
from app.web.routing import Anyone, Route

# Their ids are a mapping of ours.
PREFIX = "auth0|"
# Whichever is asked for, the browser is sent to a callback in OAuth's way.
PROTOCOLS = ("oauth2", "samlp", "wsfed", "wsfed-rms")
RESPONSE_TYPES = ("code", "token")
CODES = {401: "unauthorized", 403: "forbidden", 429: "too_many_requests"}
LINK_REFUSED = "This link is not good, or it has been used."
INVALID_TOKEN = "invalid_token"  # noqa: S105 - it says what the token is


@dataclass(frozen=True)
class Asked:
    """What a request for a link asks for."""

    impersonator_id: str
    destination: Destination
    reason: str


def make_link(user_id: str) -> ResponseReturnValue:
    """Answer with a link that starts a session as that user, once."""
    asked = _asked()
    impersonator = programs.check_anybody(
        g.db.get(Admin, asked.impersonator_id), programs.api_key().account
    )
    secret = impersonation_links.make(
        g.db,
        impersonator=impersonator,
        target=_target(user_id),
        api_key=programs.api_key(),
        destination=asked.destination,
        reason=asked.reason,
        limits=start_limits(),
        provenance=provenance(),
        now=g.now,
    )
    path = f"/users/{quote(PREFIX + impersonator.id, safe='')}/impersonate"
    # As theirs is spelt.
    return Response(f"{tokens().issuer}{path}?&bewit={secret}", mimetype="text/plain")


def follow_link(user_id: str) -> ResponseReturnValue:
    """Start the session of a link, and send the browser on with it."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        raise Forbidden("This link is for being opened, not for looking ahead.")
    followed = impersonation_links.follow(
        g.db,
        secret=request.args.get("bewit", ""),
        impersonator_id=_ours(user_id),
        limits=start_limits(),
        provenance=provenance(),
        now=g.now,
    )
    if followed is None:
        return oauth_errors.error(HTTPStatus.FORBIDDEN, "forbidden", LINK_REFUSED)
    return Response(status=HTTPStatus.FOUND, headers={"Location": _callback(followed)})


def show_profile() -> ResponseReturnValue:
    """Answer with the profile of the member whose token came along, and who is behind it."""
    found = activity.find(
        g.db, token=authentication.bearer(), tokens=tokens(), provenance=provenance(), now=g.now
    )
    if isinstance(found, Dead):
        description = "This token is not good, or not any more."
        response = oauth_errors.error(HTTPStatus.UNAUTHORIZED, INVALID_TOKEN, description)
        response.headers["WWW-Authenticate"] = f'Bearer error="{INVALID_TOKEN}"'
        return response
    target, impersonator = found.target, found.impersonator
    return jsonify(
        sub=target.id,
        user_id=PREFIX + target.id,
        name=target.name,
        email=target.email,
        impersonated=True,
        impersonator={"user_id": PREFIX + impersonator.id, "email": impersonator.email},
    )


def _asked() -> Asked:
    sent = {**request.args, **parameters()}
    if _required(sent, "protocol") not in PROTOCOLS:
        raise Invalid(f"protocol must be one of: {', '.join(PROTOCOLS)}.")
    more = _additional(sent.get("additionalParameters"))
    response_type = _optional(more, "response_type") or RESPONSE_TYPES[0]
    if response_type not in RESPONSE_TYPES:
        raise Invalid(f"response_type must be one of: {', '.join(RESPONSE_TYPES)}.")
    client = _client(_required(sent, "client_id"))
    return Asked(
        impersonator_id=_ours(_required(sent, "impersonator_id")),
        destination=Destination(
            client=client,
            callback_url=_callback_of(client, _optional(more, "callback_url")),
            response_type=response_type,
            state=_optional(more, "state"),
        ),
        # They have no word for it.
        reason=_optional(more, "reason") or "",
    )


def _required(sent: dict[str, Any], name: str) -> str:
    value = _optional(sent, name)
    if not value:
        raise Invalid(f"{name} is missing.")
    return value


def _optional(sent: dict[str, Any], name: str) -> str | None:
    return bodies.text(sent, name) if sent.get(name) is not None else None


def _additional(value: Any) -> dict[str, Any]:
    # In a query or a form it is JSON text.
    try:
        value = read_json(value or "{}") if isinstance(value, str) else value or {}
    except BadRequest as error:
        raise Invalid("additionalParameters is not JSON.") from error
    if not isinstance(value, dict):
        raise Invalid("additionalParameters must be an object.")
    return value


def _client(client_id: str) -> APIKey:
    client: APIKey | None = g.db.get(APIKey, client_id)
    if client is None or Scope.AUTH0_CALLBACK not in client.scopes:
        raise Invalid("There is no such client.")
    return client


def _callback_of(client: APIKey, url: str | None) -> str:
    registered = client.callback_urls.split()
    if not url and len(registered) == 1:
        return registered[0]
    if not url or url not in registered:
        raise Invalid("callback_url must be one that is registered for the client.")
    return url


def _ours(user_id: str) -> str:
    """Return the id that theirs stands for; empty for one that cannot be."""
    return user_id.removeprefix(PREFIX) if user_id.startswith(PREFIX) else ""


def _target(user_id: str) -> Member:
    target: Member | None = g.db.get(Member, _ours(user_id))
    if target is None or not programs.api_key().covers(target.account_id):
        raise Absent("There is no such user.")
    return target


def _callback(followed: Followed) -> str:
    link, impersonation = followed.link, followed.impersonation
    parts = urlsplit(link.callback_url)
    state = {} if link.state is None else {"state": link.state}
    if followed.code is not None:
        told = urlencode({"code": followed.code} | state, quote_via=quote)
        return parts._replace(query=f"{parts.query}&{told}" if parts.query else told).geturl()
    token = {
        "access_token": tokens().issue(impersonation, now=g.now),
        "token_type": "Bearer",
        "expires_in": str(impersonation.seconds_left(g.now)),
    }
    return parts._replace(fragment=urlencode(token | state, quote_via=quote)).geturl()


def _answer(failure: Failure) -> Response:
    if isinstance(failure.error, Absent):
        return oauth_errors.error(failure.status, "inexistent_user", failure.sentence)
    response = oauth_errors.answer(failure, CODES)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


LINK = "/users/<user_id>/impersonate"
DIALECT = Dialect(
    "Auth0",
    ("/users", "/userinfo"),
    [
        Route("POST", LINK, make_link, Scope.AUTH0, either_slash=True),
        Route("GET", LINK, follow_link, Anyone.HOLDER, either_slash=True, changing=True),
        Route("GET", "/userinfo", show_profile, Anyone.HOLDER, either_slash=True, changing=True),
    ],
    _answer,
)
