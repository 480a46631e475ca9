"""Impersonation sessions for programs: the list, one of them, its start and its end."""

from typing import Any
from uuid import UUID

from flask import Response, g, jsonify, url_for
from flask.typing import ResponseReturnValue

from app.domain import endings, repeats
from app.domain import impersonations as verbs
from app.domain.audit_trail import Provenance
from app.domain.errors import Absent, Invalid
from app.domain.impersonations import Started
from app.domain.repeats import Repeated
from app.storage.accounts import Account
from app.storage.admins import Admin, admin_by_email
from app.storage.base import new_id
from app.storage.impersonations import Impersonation, past_impersonations
from app.storage.members import Member
from app.web.api import bodies, idempotency, lists, programs, visible
from app.web.application_context import start_limits
from app.web.end_sentences import end_sentence
from app.web.handoffs import landing_url
from app.web.provenance import provenance

# What an address calls the states, and what storage does.
STATES = {"active": "active", "ended": "ended", "any": ""}
FIELDS = ("actor", "subject", "reason", "ticket_url", "address", "user_agent")


def index() -> ResponseReturnValue:
    """The sessions that run, the newest first; with `state`, those that are over or all."""
    asked = lists.asked("state", "actor", "subject", "account")
    state = asked.filters.get("state", "active")
    if state not in STATES:
        raise Invalid(f"state must be one of {', '.join(STATES)}.")
    page = past_impersonations(
        g.db,
        cursor=asked.cursor,
        account_id=visible.account_id_in(asked.filters),
        target_id=visible.member_id_in(asked.filters),
        impersonator_id=visible.admin_id_in(asked.filters),
        state=STATES[state],
        now=g.now,
        size=asked.size,
    )
    return asked.answer("impersonations", page, [as_json(one) for one in page.rows])


def show(impersonation_id: UUID) -> ResponseReturnValue:
    """One session, live or over."""
    return jsonify(as_json(_found(impersonation_id)))


def create() -> ResponseReturnValue:
    """Start a session for a superadmin, and answer the address that opens it in a browser.

    A repeated request, by its Idempotency-Key, is answered with the session that it has started.
    """
    body, repeated_by = bodies.json_object(*FIELDS), idempotency.form_key()
    actor = _actor(body)
    programs.check_anybody(actor, programs.api_key().account)
    wanted: dict[str, Any] = {
        "impersonator": actor,
        "target": _subject(body),
        "reason": bodies.text(body, "reason", default=""),
        "ticket_url": bodies.text(body, "ticket_url", default=""),
        "form_key": repeated_by or new_id(),
        "provenance": _origin(body),
        "now": g.now,
    }
    if repeated_by and (repeated := repeats.repeat(g.db, **wanted)):
        return _started(repeated)
    key = programs.api_key()
    started = verbs.start(
        g.db,
        **wanted,
        reason_required=key.reason_required,
        limits=start_limits(),
        api_key=key,
    )
    response = _started(started)
    response.status_code = 201
    response.headers["Location"] = url_for(
        "api.impersonations.show", impersonation_id=started.impersonation.id
    )
    return response


def end(impersonation_id: UUID) -> ResponseReturnValue:
    """End the session; ending it again changes nothing and answers the same (I4)."""
    bodies.check_empty()
    impersonation = _found(impersonation_id)
    # One that was over already ends for its own reason.
    if endings.still_live(g.db, impersonation, provenance=provenance(), now=g.now):
        programs.end(impersonation)
    return jsonify(as_json(impersonation))


def _found(impersonation_id: UUID) -> Impersonation:
    impersonation = visible.impersonation(str(impersonation_id))
    if impersonation is None:
        raise Absent("There is no such session.")
    return impersonation


def _actor(body: dict[str, Any]) -> Admin:
    key, named = programs.api_key(), bodies.text(body, "actor", default="")
    if not named:
        if key.admin is None:
            raise Invalid("actor must be the id or the e-mail address of a superadmin.")
        return key.admin
    admin: Admin | None = g.db.get(Admin, named) or admin_by_email(g.db, named)
    return admin or programs.check_anybody(None, programs.api_key().account)


def _subject(body: dict[str, Any]) -> Member:
    member = visible.member(bodies.text(body, "subject"))
    if member is None:
        raise Invalid("subject must be the id of a member.")
    return member


def _origin(body: dict[str, Any]) -> Provenance:
    here = provenance()
    address = bodies.text(body, "address", default="")
    user_agent = bodies.text(body, "user_agent", default="")
    if not address and not user_agent:
        return here
    return here.claimed(address=address, user_agent=user_agent)


def _started(started: Started | Repeated) -> Response:
    session = as_json(started.impersonation)
    handoff = None
    if started.ticket is not None:
        handoff = {
            "url": landing_url(started.ticket),
            "expires_at": verbs.opens_until(started.impersonation).isoformat(),
        }
    return jsonify({"impersonation": session, "handoff": handoff})


def as_json(impersonation: Impersonation) -> dict[str, Any]:
    """Return what programs are told of a session."""
    one = impersonation
    # The account that it is about, should the member have moved to another meanwhile.
    account = g.db.get_one(Account, one.account_id)
    return {
        "id": one.id,
        "state": "active" if one.is_active(g.now) else "ended",
        "actor": _person(one.impersonator),
        "subject": _person(one.target),
        "account": {"id": account.id, "name": account.name},
        "reason": one.reason,
        "ticket_url": one.ticket_url or None,
        "started_at": one.started_at.isoformat(),
        "opened_at": one.opened_at.isoformat() if one.opened_at else None,
        "last_seen_at": one.last_seen_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "seconds_left": one.seconds_left(g.now),
        "ended": _ended(one),
    }


def _ended(one: Impersonation) -> dict[str, Any] | None:
    if one.ended_at is None:
        return None
    return {
        "at": one.ended_at.isoformat(),
        "why": one.end_reason,
        "by": _person(one.ended_by) if one.ended_by else None,
        "sentence": end_sentence(one),
    }


def _person(person: Admin | Member) -> dict[str, str]:
    return {"id": person.id, "name": person.name, "email": person.email}
