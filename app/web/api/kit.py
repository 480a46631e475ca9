"""What a product app's integration kit asks: redeem, may I, how it went, still there, the end."""

from datetime import timedelta
from typing import Any

from flask import Response, g, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from app.domain import activity, endings, impersonations
from app.domain.activity import Dead
from app.domain.audit_trail import Provenance
from app.domain.errors import Invalid
from app.storage.impersonations import EndReason, Impersonation
from app.web import authentication
from app.web.api import bodies, programs
from app.web.application_context import tokens
from app.web.end_sentences import end_sentence
from app.web.errors import problem
from app.web.provenance import provenance

HIGHEST_STATUS = 599
LONGEST_UNNOTICED = timedelta(seconds=1)
LONGEST_MILLISECONDS = 24 * 60 * 60 * 1000

# What each may say, spelt for ever: kits of any age ask, and what is not here is refused.
ORIGIN = ("address", "user_agent")
REDEMPTION = ("ticket", *ORIGIN)
ACTION = ("token", "method", "path", "request_id", *ORIGIN)
OUTCOME = ("action_id", "status", "duration_ms")
PRESENCE = ("token", "page_id", "state", *ORIGIN)
END = ("token", *ORIGIN)

TICKET_REFUSED = "This link has been used, or it is too old. Start again from the admin site."
NO_GOOD = "This impersonation token is not good."


def redeem() -> ResponseReturnValue:
    """Exchange a hand-off ticket, once, for the session's token."""
    body = bodies.json_object(*REDEMPTION)
    impersonation = impersonations.redeem(
        g.db, ticket=bodies.text(body, "ticket"), provenance=_claimed(body), now=g.now
    )
    if impersonation is None:
        return problem(400, TICKET_REFUSED, code="ticket_refused")
    if not programs.api_key().covers(impersonation.account_id):
        # What was done is undone: to anybody else the ticket stays as it is.
        raise BadRequest(TICKET_REFUSED)
    token = tokens().issue(impersonation, now=g.now)
    return jsonify(token=token, impersonation=_as_json(impersonation)), 201


def record_action() -> ResponseReturnValue:
    """Check the token and record the action that the product app is about to carry out."""
    body = bodies.json_object(*ACTION)
    # The product's own name for the request, which the trail does not keep.
    bodies.text(body, "request_id", default="")
    what = {"method": bodies.text(body, "method"), "path": bodies.text(body, "path")}
    found = _find(body)
    if isinstance(found, Dead):
        if found.impersonation is not None:
            activity.refuse_action(
                g.db, found.impersonation, **what, provenance=_claimed(body), now=g.now
            )
        return _ended(found)
    action_id = activity.record_action(g.db, found, **what, provenance=_claimed(body), now=g.now)
    return jsonify(action_id=action_id, impersonation=_as_json(found)), 201


def finish_action() -> ResponseReturnValue:
    """Record how an action went."""
    body = bodies.json_object(*OUTCOME)
    activity.finish_action(
        g.db,
        action_id=bodies.text(body, "action_id"),
        status=bodies.number(body, "status", most=HIGHEST_STATUS),
        milliseconds=bodies.number(body, "duration_ms", most=LONGEST_MILLISECONDS),
        provenance=provenance(),
        now=g.now,
    )
    return Response(status=204)


def note_presence() -> ResponseReturnValue:
    """Note that a page of the session is open, or that it is closing."""
    body = bodies.json_object(*PRESENCE)
    state, page_id = bodies.text(body, "state"), bodies.text(body, "page_id")
    if state not in ("open", "closing"):
        raise Invalid("state must be open or closing.")
    found = _find(body)
    if isinstance(found, Dead):
        return _ended(found)
    note = activity.note_open_page if state == "open" else activity.note_closing_page
    note(found, page_id=page_id, now=g.now)
    return jsonify(impersonation=_as_json(found))


def end() -> ResponseReturnValue:
    """End the session from its own banner. Ending it again answers the same."""
    body = bodies.json_object(*END)
    found = _find(body)
    impersonation = found.impersonation if isinstance(found, Dead) else found
    if impersonation is None:
        return _ended(Dead(None))
    endings.end(
        g.db,
        impersonation,
        why=EndReason.IMPERSONATOR_ENDED,
        by=impersonation.impersonator,
        provenance=_claimed(body),
        now=g.now,
    )
    return jsonify(ended=_end_as_json(impersonation))


def _find(body: dict[str, Any]) -> Impersonation | Dead:
    found = _looked_up(body)
    waited = authentication.clock() - g.now
    if waited < LONGEST_UNNOTICED:
        return found
    # On PostgreSQL it is only now our turn with this session: what has run out meanwhile is over
    # (I1). On SQLite all the waiting came before.
    g.now += waited
    return _looked_up(body)


def _looked_up(body: dict[str, Any]) -> Impersonation | Dead:
    found = activity.find(
        g.db,
        token=bodies.text(body, "token"),
        tokens=tokens(),
        provenance=_claimed(body),
        now=g.now,
    )
    impersonation = found.impersonation if isinstance(found, Dead) else found
    if impersonation is None or programs.api_key().covers(impersonation.account_id):
        return found
    return Dead(None)


def _claimed(body: dict[str, Any]) -> Provenance:
    # The product app tells where its own caller came from; the request id is the product's too.
    here = provenance()
    return here.claimed(
        address=bodies.text(body, "address", default=here.address),
        user_agent=bodies.text(body, "user_agent", default=here.user_agent),
    )


def _ended(dead: Dead) -> Response:
    impersonation = dead.impersonation
    if impersonation is None:
        return problem(401, NO_GOOD, code="impersonation_ended", ended=None)
    ended = _end_as_json(impersonation)
    return problem(401, ended["sentence"], code="impersonation_ended", ended=ended)


def _end_as_json(impersonation: Impersonation) -> dict[str, str]:
    return {"why": impersonation.end_reason or "", "sentence": end_sentence(impersonation)}


def _as_json(impersonation: Impersonation) -> dict[str, Any]:
    target, actor = impersonation.target, impersonation.impersonator
    return {
        "id": impersonation.id,
        "subject": {"id": target.id, "name": target.name, "email": target.email},
        "account": {"id": target.account.id, "name": target.account.name},
        "actor": {"id": actor.id, "name": actor.name, "email": actor.email},
        "started_at": impersonation.started_at.isoformat(),
        "expires_at": impersonation.expires_at.isoformat(),
        "seconds_left": impersonation.seconds_left(g.now),
    }
