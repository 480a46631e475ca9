"""What programs may have of the audit trail: checkpoints, and proofs that show no more."""

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from app.domain import audit_proofs
from app.domain.errors import Invalid
from app.storage.audit_checkpoints import latest_checkpoint
from app.storage.paging import LARGEST_KEY
from app.web.api import bodies
from app.web.application_context import checkpoints
from app.web.provenance import provenance

LONGEST_NUMBER = len(str(LARGEST_KEY))


def checkpoint() -> ResponseReturnValue:
    """The newest checkpoint, a signed note, for anyone to keep: it holds nobody's data."""
    newest = latest_checkpoint(g.db)
    if newest is None:
        return Response("No checkpoint has been signed yet.\n", 404, mimetype="text/plain")
    return Response(newest.note, mimetype="text/plain")


def prove() -> ResponseReturnValue:
    """The proof of one event, which is recorded, as it shows the event to somebody."""
    body = bodies.json_object()
    proof = audit_proofs.prove_event(
        g.db,
        bodies.number(body, "event", most=LARGEST_KEY),
        size=bodies.number(body, "size", most=LARGEST_KEY) if "size" in body else None,
        with_words=bodies.flag(body, "words", default=True),
        trail=checkpoints(),
        by=f"the API key {g.api_key.name}",
        provenance=provenance(),
        now=g.now,
    )
    return jsonify(proof), 201


def prove_consistency() -> ResponseReturnValue:
    """The proof that one signed trail begins with another: hashes alone."""
    new_size = _size("new") if "new" in request.args else None
    proof = audit_proofs.prove_consistency(g.db, _size("old"), new_size, trail=checkpoints())
    return jsonify(proof)


def _size(name: str) -> int:
    text = request.args.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
        raise Invalid(f"{name} must be the number of events of a checkpoint.")
    return int(text)
