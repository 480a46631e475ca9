"""The public keys that check our tokens."""

from flask import jsonify
from flask.typing import ResponseReturnValue

from app.web.application_context import tokens


def index() -> ResponseReturnValue:
    """The JWK set (RFC 7517): public keys only."""
    return jsonify(keys=[tokens().key.public_jwk])
