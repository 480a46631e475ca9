"""The public keys that check our tokens and our checkpoints."""

from flask import Response, g, jsonify
from flask.typing import ResponseReturnValue

from app.web.application_context import checkpoints, tokens


def index() -> ResponseReturnValue:
    """The JWK set (RFC 7517): public keys only, those yet to sign among them (K2)."""
    return jsonify(keys=[key.public_jwk for key in tokens().keys().public(g.now).values()])


def checkpoint_key() -> ResponseReturnValue:
    """The public key of the audit trail, as C2SP's signed notes write it: name, hash, key."""
    return Response(f"{checkpoints().key.verifier}\n", mimetype="text/plain")
