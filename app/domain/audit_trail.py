"""The audit trail: what can happen, and the one way to write it down."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.impersonations import Impersonation
from app.storage.members import Member

USER_AGENT_LENGTH = 300
ADDRESS_LENGTH = 64


class AuditAction(StrEnum):
    """Everything that can be recorded. A name, once released, is never changed or reused."""

    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_ENDED = "sign_in.ended"
    ACCESS_REFUSED = "access.refused"
    ADMIN_CREATED = "admin.created"
    ADMIN_ROLE_CHANGED = "admin.role_changed"
    ADMIN_DISABLED = "admin.disabled"
    ADMIN_ENABLED = "admin.enabled"
    ACCOUNT_IMPERSONATION_SWITCHED = "account.impersonation_switched"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    DIRECTORY_SYNCED = "directory.synced"
    IMPERSONATION_STARTED = "impersonation.started"
    IMPERSONATION_REFUSED = "impersonation.refused"
    IMPERSONATION_ENDED = "impersonation.ended"
    HANDOFF_REDEEMED = "handoff.redeemed"
    HANDOFF_REFUSED = "handoff.refused"
    ACTION_RECORDED = "action.recorded"
    ACTION_FINISHED = "action.finished"
    ACTION_REFUSED = "action.refused"


# The exact details of each action: a reader of the trail can rely on them being there.
DETAILS: dict[AuditAction, frozenset[str]] = {
    AuditAction.SIGN_IN_SUCCEEDED: frozenset(),
    AuditAction.SIGN_IN_FAILED: frozenset({"email", "why"}),
    AuditAction.SIGN_IN_ENDED: frozenset({"why", "admin", "count"}),
    AuditAction.ACCESS_REFUSED: frozenset({"method", "path", "permission"}),
    AuditAction.ADMIN_CREATED: frozenset({"admin", "role"}),
    AuditAction.ADMIN_ROLE_CHANGED: frozenset({"admin", "before", "after"}),
    AuditAction.ADMIN_DISABLED: frozenset({"admin"}),
    AuditAction.ADMIN_ENABLED: frozenset({"admin"}),
    AuditAction.ACCOUNT_IMPERSONATION_SWITCHED: frozenset({"allowed"}),
    AuditAction.API_KEY_CREATED: frozenset({"name", "prefix", "scope"}),
    AuditAction.API_KEY_REVOKED: frozenset({"name", "prefix"}),
    AuditAction.DIRECTORY_SYNCED: frozenset({"source", "added", "changed", "missing"}),
    AuditAction.IMPERSONATION_STARTED: frozenset({"ticket_url", "expires_at"}),
    AuditAction.IMPERSONATION_REFUSED: frozenset({"why"}),
    AuditAction.IMPERSONATION_ENDED: frozenset({"why", "seconds"}),
    AuditAction.HANDOFF_REDEEMED: frozenset(),
    AuditAction.HANDOFF_REFUSED: frozenset({"why"}),
    AuditAction.ACTION_RECORDED: frozenset({"method", "path"}),
    AuditAction.ACTION_FINISHED: frozenset({"action_id", "status", "milliseconds"}),
    AuditAction.ACTION_REFUSED: frozenset({"method", "path", "why"}),
}


class Outcome(StrEnum):
    """How it went."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Provenance:
    """Where a request came from: its address, browser and id (L2)."""

    address: str
    user_agent: str
    request_id: str

    def claimed(self, *, address: str, user_agent: str) -> "Provenance":
        """Return the provenance of a person whom a program speaks for, in the same request."""
        return replace(self, address=address, user_agent=user_agent[:USER_AGENT_LENGTH])


OPERATOR = Provenance(address="", user_agent="command line", request_id="")
WORKER = Provenance(address="", user_agent="worker", request_id="")


def event(
    action: AuditAction,
    *,
    now: datetime,
    provenance: Provenance,
    actor: Admin | None = None,
    actor_kind: str | None = None,
    subject: Member | None = None,
    account: Account | None = None,
    impersonation: Impersonation | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> AuditEvent:
    """Return the event, not yet recorded.

    From an impersonation the actor, the subject and the account follow. Without an actor,
    `actor_kind` says who it was: "system" or "stranger". Raises ValueError when the details
    are not exactly those that the action is registered with.
    """
    details = details or {}
    if details.keys() != DETAILS[action]:
        raise ValueError(f"{action} is recorded with {sorted(DETAILS[action])}")
    if impersonation is not None:
        actor = actor or (None if actor_kind else impersonation.impersonator)
        subject = subject or impersonation.target
    if subject is not None:
        account = account or subject.account
    return AuditEvent(
        at=now,
        action=action,
        outcome=outcome,
        actor_kind="admin" if actor else (actor_kind or "system"),
        actor_id=actor.id if actor else None,
        actor_name=actor.name if actor else None,
        actor_email=actor.email if actor else None,
        subject_id=subject.id if subject else None,
        subject_name=subject.name if subject else None,
        subject_email=subject.email if subject else None,
        account_id=account.id if account else None,
        account_name=account.name if account else None,
        impersonation_id=impersonation.id if impersonation else None,
        reason=reason,
        address=provenance.address[:ADDRESS_LENGTH],
        user_agent=provenance.user_agent[:USER_AGENT_LENGTH],
        request_id=provenance.request_id,
        details=details,
    )


def append(db: Session, event: AuditEvent) -> None:
    """Record the event in the act's own transaction, which fails when this does (L3).

    This is the only place that adds to the trail: what every event must carry goes here.
    """
    db.add(event)
    db.flush()
