"""What any OAuth library asks: metadata, tokens for clients, and whether a token is good.

RFC 8414 metadata, RFC 6749 token endpoint, RFC 7662 introspection, RFC 7009 revocation. A client
is an API key, with its id and its secret.
"""

from http import HTTPStatus

from flask import Response, g, jsonify, url_for
from flask.typing import ResponseReturnValue

from app.domain import handoffs, impersonations
from app.domain.errors import Invalid
from app.domain.permissions import Scope
from app.storage.impersonations import Impersonation
from app.web import access_tokens
from app.web.api import bodies, oauth_errors, programs
from app.web.application_context import tokens
from app.web.dialects import Dialect, Failure
from app.web.parameters import parameters
from app.web.provenance import provenance
from app.web.routing import Anyone, Route

BEARER = "Bearer"
METHODS = ["client_secret_basic", "client_secret_post"]
# A person started the session here, and no program.
NO_PROGRAM = "admin-site"
CODES = {403: "unauthorized_client"}


def metadata() -> ResponseReturnValue:
    """Where everything is (RFC 8414). Every address is made from the settings."""
    issuer = tokens().issuer
    paths = {
        "jwks_uri": url_for("api.keys.index"),
        "token_endpoint": url_for("api.oauth.grant_token"),
        "introspection_endpoint": url_for("api.oauth.introspect"),
        "revocation_endpoint": url_for("api.oauth.revoke"),
    }
    return jsonify(
        {
            "issuer": issuer,
            **{name: issuer + path for name, path in paths.items()},
            # There is no authorization endpoint, but clients want to be told of one or of this.
            "response_types_supported": ["none"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": METHODS,
            "introspection_endpoint_auth_methods_supported": METHODS,
            "revocation_endpoint_auth_methods_supported": METHODS,
        }
    )


def grant_token() -> ResponseReturnValue:
    """Give the client a token: its own, or that of a session whose code it brings."""
    sent = parameters()
    grant = bodies.text(sent, "grant_type")
    if grant == "client_credentials":
        return _token(
            access_tokens.issue(programs.api_key(), now=g.now),
            seconds=int(access_tokens.LIFETIME.total_seconds()),
        )
    if grant != "authorization_code":
        return oauth_errors.error(
            HTTPStatus.BAD_REQUEST, "unsupported_grant_type", "There is no such grant here."
        )
    client = handoffs.Client(programs.api_key().id, bodies.text(sent, "redirect_uri"))
    impersonation = impersonations.redeem(
        g.db, ticket=bodies.text(sent, "code"), client=client, provenance=provenance(), now=g.now
    )
    if impersonation is None:
        return oauth_errors.error(
            HTTPStatus.FORBIDDEN, "invalid_grant", "This code is not good, or not any more."
        )
    token = tokens().issue(impersonation, now=g.now)
    return _token(token, seconds=impersonation.seconds_left(g.now))


def introspect() -> ResponseReturnValue:
    """Say whether the token is good, and whose; of any other nothing but that it is not."""
    impersonation = _session()
    if impersonation is None:
        return jsonify(active=False)
    return jsonify(
        active=True,
        token_type=BEARER,
        scope=Scope.IMPERSONATE,
        client_id=impersonation.api_key_id or NO_PROGRAM,
        username=impersonation.target.email,
        iss=tokens().issuer,
        aud=tokens().audience,
        sub=impersonation.target_id,
        act={"sub": impersonation.impersonator_id},
        jti=impersonation.token_id,
        iat=int(impersonation.started_at.timestamp()),
        exp=int(impersonation.expires_at.timestamp()),
    )


def revoke() -> ResponseReturnValue:
    """End the session of the token. Whoever asks is not told whether there was one."""
    impersonation = _session()
    if impersonation is not None:
        programs.end(impersonation)
    return Response(mimetype="text/plain")


def _session() -> Impersonation | None:
    token = parameters().get("token")
    if not isinstance(token, str) or not token:
        raise Invalid("token is missing.")
    impersonation = programs.find_by_token(token)
    return impersonation if impersonation and impersonation.is_active(g.now) else None


def _token(token: str, *, seconds: int) -> Response:
    response = jsonify(access_token=token, token_type=BEARER, expires_in=seconds)
    # RFC 6749, 5.1, asks for it beside no-store, which every answer has.
    response.headers["Pragma"] = "no-cache"
    return response


def _answer(failure: Failure) -> Response:
    if failure.status != HTTPStatus.UNAUTHORIZED:
        return oauth_errors.answer(failure, CODES)
    description = "No client has this id and this secret."
    response = oauth_errors.error(failure.status, "invalid_client", description)
    response.headers["WWW-Authenticate"] = 'Basic realm="Understudy"'
    return response


METADATA = "/.well-known/oauth-authorization-server"
DIALECT = Dialect(
    "OAuth",
    ("/oauth", "/.well-known/"),
    [
        Route("GET", METADATA, metadata, Anyone.ANYONE, either_slash=True),
        Route("POST", "/oauth/token", grant_token, Anyone.CLIENT, either_slash=True),
        Route(
            "POST",
            "/oauth/introspect",
            introspect,
            Scope.TOKENS,
            either_slash=True,
            as_client=True,
        ),
        Route("POST", "/oauth/revoke", revoke, Scope.TOKENS, either_slash=True, as_client=True),
    ],
    _answer,
)
