"""The public keys that check our tokens and our checkpoints."""

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from app.web.application_context import checkpoints, tokens


def index() -> ResponseReturnValue:
    """The JWK set (RFC 7517): public keys only."""
    return jsonify(keys=[tokens().key.public_jwk])


def checkpoint_key() -> ResponseReturnValue:
    """The public key of the audit trail, as C2SP's signed notes write it: name, hash, key."""
    return Response(f"{checkpoints().key.verifier}\n", mimetype="text/plain")
