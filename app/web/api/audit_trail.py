"""What programs may have of the audit trail: events, checkpoints, and proofs that show no more."""

from typing import Any

from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from app.domain import audit_proofs
from app.domain.audit_filters import READERS, filters_of
from app.domain.errors import Invalid
from app.storage.audit_checkpoints import latest_checkpoint
from app.storage.audit_search import search_events
from app.storage.audit_trail import AuditEvent
from app.storage.paging import LARGEST_KEY
from app.web.api import bodies, lists, programs
from app.web.application_context import checkpoints
from app.web.event_sentences import Line
from app.web.provenance import provenance

LONGEST_NUMBER = len(str(LARGEST_KEY))
WORDS = ("actor", "subject", "account", "reason", "address", "user_agent", "details")


def events() -> ResponseReturnValue:
    """The events, the newest first, by the filters of the trail's page.

    A page looks through so many events at most: it may be short, or empty, and still have a next.
    """
    asked = lists.asked(*READERS)
    filters = filters_of(g.db, asked.filters, account_id=programs.api_key().account_id)
    if filters.wrong:
        raise Invalid(" ".join(filters.wrong.values()))
    page = search_events(g.db, cursor=asked.cursor, filters=filters.wanted, size=asked.size)
    return asked.answer("events", page, [_as_json(one) for one in page.rows])


def checkpoint() -> ResponseReturnValue:
    """The newest checkpoint, a signed note, for anyone to keep: it holds nobody's data."""
    newest = latest_checkpoint(g.db)
    if newest is None:
        return Response("No checkpoint has been signed yet.\n", 404, mimetype="text/plain")
    return Response(newest.note, mimetype="text/plain")


def prove() -> ResponseReturnValue:
    """The proof of one event, which is recorded, as it shows the event to somebody."""
    body = bodies.json_object("event", "size", "words")
    proof = audit_proofs.prove_event(
        g.db,
        bodies.number(body, "event", most=LARGEST_KEY),
        size=bodies.number(body, "size", most=LARGEST_KEY) if "size" in body else None,
        with_words=bodies.flag(body, "words", default=True),
        trail=checkpoints(),
        by=f"the API key {g.api_key.name}",
        account_id=programs.api_key().account_id,
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


def _as_json(event: AuditEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at.isoformat(),
        "action": event.action,
        "outcome": event.outcome,
        "sentence": Line(event).plain,
        "impersonation_id": event.impersonation_id,
        "request_id": event.request_id,
        "words_erased": event.is_erased,
        **_words(event),
    }


def _words(event: AuditEvent) -> dict[str, Any]:
    """Return what is kept as JSON; of an event that somebody has rewritten it may be unreadable."""
    try:
        subject, account = event.subject_id, event.account_id
        return {
            "actor": {
                "kind": event.actor_kind,
                "id": event.actor_id,
                "name": event.actor_name,
                "email": event.actor_email,
            },
            "subject": subject
            and {"id": subject, "name": event.subject_name, "email": event.subject_email},
            "account": account and {"id": account, "name": event.account_name},
            "reason": event.reason,
            "address": event.address,
            "user_agent": event.user_agent,
            "details": dict(event.details),
        }
    except (ValueError, TypeError, AttributeError):
        return dict.fromkeys(WORDS)
