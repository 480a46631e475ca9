"""What happens inside a running session: each request checked and recorded before it is done."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.endings import end, still_live
from app.domain.errors import Invalid
from app.domain.tokens import Claims, ExpiredToken, InvalidToken, Tokens
from app.storage.audit_trail import has_event
from app.storage.impersonations import EndReason, Impersonation, note_seen

METHOD_LENGTH = 20
PATH_LENGTH = 500
REFUSED_STATUS = 400
FAILED_STATUS = 500


@dataclass(frozen=True)
class Dead:
    """A token that opens nothing. `impersonation` is None for one that never was good."""

    impersonation: Impersonation | None


def find(
    db: Session, *, token: str, tokens: Tokens, provenance: Provenance, now: datetime
) -> Impersonation | Dead:
    """Return the live session of the token. The signature is only the first of the checks (T5)."""
    try:
        impersonation = _session_of(db, tokens.verify(token, now=now))
    except ExpiredToken as expired:
        # Whoever still holds it may know how its session ended; it opens nothing.
        impersonation = _session_of(db, expired.claims)
        if impersonation is not None:
            end(db, impersonation, why=EndReason.EXPIRED, provenance=provenance, now=now)
        return Dead(impersonation)
    except InvalidToken:
        return Dead(None)
    if impersonation is None or not still_live(db, impersonation, provenance=provenance, now=now):
        return Dead(impersonation)
    return impersonation


def record_action(
    db: Session,
    impersonation: Impersonation,
    *,
    method: str,
    path: str,
    provenance: Provenance,
    now: datetime,
) -> str:
    """Record what is about to be done; if this fails, it must not be done (L3).

    Return the id by which the product app reports how it went.
    """
    note_seen(db, impersonation, now=now)
    action_id = f"{impersonation.id}.{secrets.token_hex(8)}"
    append(
        db,
        event(
            AuditAction.ACTION_RECORDED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            details={
                "action_id": action_id,
                "method": method[:METHOD_LENGTH],
                "path": path[:PATH_LENGTH],
            },
        ),
    )
    return action_id


def refuse_action(
    db: Session,
    impersonation: Impersonation,
    *,
    method: str,
    path: str,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Record that somebody asked for something after the end of the session."""
    append(
        db,
        event(
            AuditAction.ACTION_REFUSED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            outcome=Outcome.REFUSED,
            details={
                "method": method[:METHOD_LENGTH],
                "path": path[:PATH_LENGTH],
                "why": impersonation.end_reason,
            },
        ),
    )


def finish_action(
    db: Session,
    *,
    action_id: str,
    status: int,
    milliseconds: int,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Record how a recorded action went, once, however often the product app reports it.

    `status` is the HTTP status that the product app answered, `milliseconds` how long it took.
    Raises Invalid for an action that was never recorded.
    """
    # The row is locked, so that of two who report the same action one waits for the other.
    session_id = action_id.partition(".")[0]
    impersonation = db.get(Impersonation, session_id, with_for_update={"of": Impersonation})
    if impersonation is None or not _has_event(db, AuditAction.ACTION_RECORDED, action_id):
        raise Invalid("action_id must be one that was given for an action.")
    if _has_event(db, AuditAction.ACTION_FINISHED, action_id):
        return
    append(
        db,
        event(
            AuditAction.ACTION_FINISHED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            outcome=outcome_of(status),
            details={"action_id": action_id, "status": status, "milliseconds": milliseconds},
        ),
    )


def note_open_page(impersonation: Impersonation, *, page_id: str, now: datetime) -> None:
    """Note that a page of the session is open: whatever was closing has come back.

    A page that has said it is closing does not: its heartbeat was overtaken on the way.
    """
    if impersonation.closing_at is not None and impersonation.page_id == page_id:
        return
    impersonation.page_id = page_id
    impersonation.closing_at = None
    impersonation.last_seen_at = impersonation.last_sign(now)


def note_closing_page(impersonation: Impersonation, *, page_id: str, now: datetime) -> None:
    """Mark the session as closing, unless another page of it has opened since.

    A reload closes the old page and opens the new one; their two messages may arrive in either
    order.
    """
    if impersonation.page_id == page_id:
        impersonation.closing_at = now


def _session_of(db: Session, claims: Claims) -> Impersonation | None:
    row = db.get(Impersonation, claims.session_id, with_for_update={"of": Impersonation})
    return row if row is not None and _is_of(claims, row) else None


def _is_of(claims: Claims, impersonation: Impersonation) -> bool:
    return (
        claims.token_id == impersonation.token_id
        and claims.target_id == impersonation.target_id
        and claims.account_id == impersonation.account_id
        and claims.impersonator_id == impersonation.impersonator_id
    )


def _has_event(db: Session, action: AuditAction, action_id: str) -> bool:
    session_id = action_id.partition(".")[0]
    return has_event(db, session_id, action=action, fact=("action_id", action_id))


def outcome_of(status: int) -> Outcome:
    if status >= FAILED_STATUS:
        return Outcome.FAILED
    return Outcome.REFUSED if status >= REFUSED_STATUS else Outcome.SUCCEEDED
