"""Who is asking: a member who signed in, or support impersonating one."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from flask import g, request, session
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, Unauthorized

from app.kit.impersonation import Impersonation
from app.kit.impersonation import current as current_impersonation
from app.product.clock import current_time
from app.product.models.members import Member, SignIn
from app.product.unit_of_work import db, start_over

SESSION_KEY = "sign_in"


@dataclass(frozen=True)
class Visitor:
    """The member a request acts for and, when it is not herself, who acts for her."""

    member: Member
    impersonation: Impersonation | None


def impersonation() -> Impersonation | None:
    """Set by the integration kit, and by nothing that a client can send."""
    return current_impersonation(request.environ)


def current() -> Visitor | None:
    """The visitor of this request, or None for a stranger."""
    if "visitor" not in g:
        g.visitor = _recognise(db(), current_time())
    visitor: Visitor | None = g.visitor
    return visitor


def required() -> Visitor:
    visitor = current()
    if visitor is None:
        raise Unauthorized
    return visitor


def required_editor() -> Visitor:
    visitor = required()
    if not visitor.member.may_edit:
        raise Forbidden("You are a viewer here: you can read templates but not change them.")
    return visitor


def remember_seen(now: datetime) -> None:
    """Note that the member was here. Support looking around is not the member."""
    visitor = current()
    if visitor is None or visitor.impersonation or visitor.member.was_seen_lately(now):
        return
    # A page is only read, as a rule; this time it writes, and must begin as a writer.
    start_over(writing=True)
    if visitor := current():
        visitor.member.last_seen_at = now


def sign_in(member: Member, *, now: datetime) -> None:
    """A new cookie for this browser; whatever it carried before is void."""
    token = secrets.token_urlsafe(32)
    db().add(SignIn(token_hash=_hash(token), member=member, created_at=now))
    member.last_seen_at = now
    session.clear()
    session[SESSION_KEY] = token


def sign_out() -> None:
    sign_in_row = _sign_in_row(db())
    if sign_in_row is not None:
        db().delete(sign_in_row)
    session.clear()


def _recognise(db: Session, now: datetime) -> Visitor | None:
    impersonated = impersonation()
    if impersonated is not None:
        member = db.get(Member, impersonated.subject.id)
        found = member if member and member.account_id == impersonated.account.id else None
    else:
        row = _sign_in_row(db)
        found = row.member if row and row.is_alive(now) else None
    if found is None or not found.may_sign_in:
        return None
    return Visitor(found, impersonated)


def _sign_in_row(db: Session) -> SignIn | None:
    token = session.get(SESSION_KEY)
    return db.get(SignIn, _hash(token)) if token else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
