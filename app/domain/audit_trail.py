"""The audit trail: what can happen, and the one way to write it down."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from app.storage import audit_chain
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent, canonical_json, new_words
from app.storage.impersonations import Impersonation
from app.storage.members import Member

USER_AGENT_LENGTH = 300
ADDRESS_LENGTH = 64


class AuditAction(StrEnum):
    """Everything that can be recorded. A name, once released, is never changed or reused."""

    SIGN_IN_BEGUN = "sign_in.begun"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_THROTTLED = "sign_in.throttled"
    SIGN_IN_ENDED = "sign_in.ended"
    STEP_UP_SUCCEEDED = "step_up.succeeded"
    STEP_UP_FAILED = "step_up.failed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - it says what happened
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    RECOVERY_CODES_MADE = "recovery_codes.made"
    RECOVERY_CODE_USED = "recovery_code.used"
    ACCESS_REFUSED = "access.refused"
    ADMIN_CREATED = "admin.created"
    ADMIN_ROLE_CHANGED = "admin.role_changed"
    ADMIN_DISABLED = "admin.disabled"
    ADMIN_ENABLED = "admin.enabled"
    ADMIN_FACTORS_RESET = "admin.factors_reset"
    ADMIN_PASSWORD_SET = "admin.password_set"  # noqa: S105 - it says what happened
    ACCOUNT_IMPERSONATION_SWITCHED = "account.impersonation_switched"
    ACCOUNT_ADDED = "account.added"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_REMOVED = "account.removed"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    SIGNING_KEY_ROTATED = "signing_key.rotated"
    SETTINGS_CHANGED = "settings.changed"
    DIRECTORY_LOAD_STARTED = "directory.load_started"
    DIRECTORY_IMPORTED = "directory.imported"
    DIRECTORY_SYNCED = "directory.synced"
    DIRECTORY_SYNC_FAILED = "directory.sync_failed"
    DIRECTORY_SYNC_RECOVERED = "directory.sync_recovered"
    IMPERSONATION_STARTED = "impersonation.started"
    IMPERSONATION_REFUSED = "impersonation.refused"
    IMPERSONATION_ENDED = "impersonation.ended"
    IMPERSONATION_LINK_MADE = "impersonation_link.made"
    IMPERSONATION_LINK_REFUSED = "impersonation_link.refused"
    HANDOFF_REDEEMED = "handoff.redeemed"
    HANDOFF_REFUSED = "handoff.refused"
    HANDOFF_RENEWED = "handoff.renewed"
    ACTION_RECORDED = "action.recorded"
    ACTION_FINISHED = "action.finished"
    ACTION_REFUSED = "action.refused"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_VERIFIED = "audit.verified"
    AUDIT_DOUBTED = "audit.doubted"
    AUDIT_DOUBT_ACKNOWLEDGED = "audit.doubt_acknowledged"
    AUDIT_WORDS_ERASED = "audit.words_erased"
    AUDIT_ARCHIVE_ORDERED = "audit.archive_ordered"
    AUDIT_ARCHIVED = "audit.archived"
    COMPANY_SIGN_IN_REFUSED = "company_sign_in.refused"
    COMPANY_ACCOUNT_LINKED = "company_account.linked"
    COMPANY_ACCOUNT_UNLINKED = "company_account.unlinked"
    ALERT_RAISED = "alert.raised"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"


@dataclass(frozen=True)
class Details:
    """The names of the details that an action is recorded with, exactly these.

    `facts` are in the chain as they stand: ids, numbers, names of ours. `words` may be personal:
    the chain holds their digest, and they can be erased.
    """

    facts: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


def _details(facts: str = "", *, words: str = "") -> Details:
    return Details(frozenset(facts.split()), frozenset(words.split()))


# A reader of the trail can rely on them being there. Who is named by `admin_id` is one of those
# whose words the event holds: they go when that admin's are erased.
DETAILS: dict[AuditAction, Details] = {
    AuditAction.SIGN_IN_BEGUN: _details("proof"),
    AuditAction.SIGN_IN_SUCCEEDED: _details("proof"),
    AuditAction.SIGN_IN_FAILED: _details("why admin_id", words="email"),
    AuditAction.SIGN_IN_THROTTLED: _details("count admin_id", words="email"),
    AuditAction.SIGN_IN_ENDED: _details("why admin_id count", words="admin"),
    AuditAction.STEP_UP_SUCCEEDED: _details("factor"),
    AuditAction.STEP_UP_FAILED: _details("why"),
    AuditAction.FACTOR_ADDED: _details("factor_id kind", words="name"),
    AuditAction.PASSWORD_CHANGED: _details(),
    AuditAction.FACTOR_REMOVED: _details("factor_id kind", words="name"),
    AuditAction.RECOVERY_CODES_MADE: _details("count"),
    AuditAction.RECOVERY_CODE_USED: _details("left"),
    AuditAction.ACCESS_REFUSED: _details("method permission", words="path"),
    AuditAction.ADMIN_CREATED: _details("admin_id role", words="admin"),
    AuditAction.ADMIN_ROLE_CHANGED: _details("admin_id before after", words="admin"),
    AuditAction.ADMIN_DISABLED: _details("admin_id", words="admin"),
    AuditAction.ADMIN_ENABLED: _details("admin_id", words="admin"),
    AuditAction.ADMIN_FACTORS_RESET: _details("admin_id count", words="admin"),
    AuditAction.ADMIN_PASSWORD_SET: _details("admin_id", words="admin"),
    AuditAction.ACCOUNT_IMPERSONATION_SWITCHED: _details("allowed"),
    AuditAction.ACCOUNT_ADDED: _details("by status"),
    AuditAction.ACCOUNT_CHANGED: _details("by status fields"),
    AuditAction.ACCOUNT_REMOVED: _details("by"),
    AuditAction.MEMBER_ADDED: _details("by status"),
    AuditAction.MEMBER_CHANGED: _details("by status fields"),
    AuditAction.MEMBER_REMOVED: _details("by"),
    AuditAction.API_KEY_CREATED: _details(
        "name prefix scope admin_id reason_required callback_urls expires_at", words="admin"
    ),
    AuditAction.API_KEY_REVOKED: _details("name prefix"),
    AuditAction.SIGNING_KEY_ROTATED: _details("kid starts_at retired"),
    AuditAction.SETTINGS_CHANGED: _details("names settings"),
    AuditAction.DIRECTORY_LOAD_STARTED: _details("source sha256"),
    AuditAction.DIRECTORY_IMPORTED: _details("source sha256 added changed missing skipped"),
    AuditAction.DIRECTORY_SYNCED: _details("source added changed missing skipped"),
    AuditAction.DIRECTORY_SYNC_FAILED: _details("source", words="problem"),
    AuditAction.DIRECTORY_SYNC_RECOVERED: _details("source"),
    AuditAction.IMPERSONATION_STARTED: _details("expires_at through claimed", words="ticket_url"),
    AuditAction.IMPERSONATION_REFUSED: _details("why through claimed"),
    AuditAction.IMPERSONATION_ENDED: _details("why seconds through claimed"),
    AuditAction.IMPERSONATION_LINK_MADE: _details(
        "client callback_url response_type expires_at through claimed"
    ),
    AuditAction.IMPERSONATION_LINK_REFUSED: _details("why"),
    AuditAction.HANDOFF_REDEEMED: _details("through claimed"),
    AuditAction.HANDOFF_REFUSED: _details("why"),
    AuditAction.HANDOFF_RENEWED: _details("through"),
    AuditAction.ACTION_RECORDED: _details("action_id method", words="path"),
    AuditAction.ACTION_FINISHED: _details("action_id status milliseconds"),
    AuditAction.ACTION_REFUSED: _details("method why", words="path"),
    AuditAction.AUDIT_READ: _details("page through", words="filters"),
    AuditAction.AUDIT_EXPORTED: _details("by format first last", words="filters"),
    AuditAction.AUDIT_VERIFIED: _details("by first last head checkpoints kept furthest_kept"),
    AuditAction.AUDIT_DOUBTED: _details("by kind first last"),
    AuditAction.AUDIT_DOUBT_ACKNOWLEDGED: _details("doubt"),
    AuditAction.AUDIT_WORDS_ERASED: _details("person_id events"),
    AuditAction.AUDIT_ARCHIVE_ORDERED: _details("last"),
    AuditAction.AUDIT_ARCHIVED: _details("first last file sha256"),
    AuditAction.COMPANY_SIGN_IN_REFUSED: _details("why admin_id", words="detail"),
    AuditAction.COMPANY_ACCOUNT_LINKED: _details("admin_id issuer", words="admin subject"),
    AuditAction.COMPANY_ACCOUNT_UNLINKED: _details("admin_id issuer", words="admin subject"),
    AuditAction.ALERT_RAISED: _details(
        "kind count minutes admin_id through claimed", words="email"
    ),
    AuditAction.ALERT_ACKNOWLEDGED: _details("alert"),
}


class Outcome(StrEnum):
    """How it went."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Provenance:
    """Where a request came from: its address, browser and id (L2).

    `through` names the API key of a program that asks, and `is_claimed` says that the address and
    the browser are what that program says of a person, which nobody has seen (P2).
    """

    address: str
    user_agent: str
    request_id: str
    through: str = ""
    is_claimed: bool = False

    def claimed(self, *, address: str, user_agent: str) -> "Provenance":
        """Return the provenance of a person whom a program speaks for, in the same request."""
        return replace(self, address=address, user_agent=user_agent, is_claimed=True)


OPERATOR = Provenance(address="", user_agent="command line", request_id="")
SITE = Provenance(address="", user_agent="site", request_id="")
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
    `actor_kind` says who it was: "system", "program" or "stranger". `through` and `claimed` come
    from the provenance. Raises ValueError when the details are not exactly those that the action
    is registered with.
    """
    registered = DETAILS[action]
    origin = {"through": provenance.through, "claimed": provenance.is_claimed}
    told = {name: value for name, value in origin.items() if name in registered.facts}
    details = {**(details or {}), **told}
    if details.keys() != registered.facts | registered.words:
        raise ValueError(f"{action} is recorded with {registered}")
    if impersonation is not None:
        actor = actor or (None if actor_kind else impersonation.impersonator)
        subject = subject or impersonation.target
    if subject is not None:
        account = account or subject.account
    words = {
        "actor_name": actor.name if actor else None,
        "actor_email": actor.email if actor else None,
        "subject_name": subject.name if subject else None,
        "subject_email": subject.email if subject else None,
        "account_name": account.name if account else None,
        "reason": reason,
        "address": provenance.address[:ADDRESS_LENGTH],
        "user_agent": provenance.user_agent[:USER_AGENT_LENGTH],
        "details": {name: details[name] for name in registered.words},
    }
    return AuditEvent(
        at=now,
        action=action,
        outcome=outcome,
        actor_kind="admin" if actor else (actor_kind or "system"),
        actor_id=actor.id if actor else None,
        subject_id=subject.id if subject else None,
        account_id=account.id if account else None,
        impersonation_id=impersonation.id if impersonation else None,
        request_id=provenance.request_id,
        facts=canonical_json({name: details[name] for name in registered.facts}),
        words_row=new_words({name: value for name, value in words.items() if value}),
    )


def append(db: Session, event: AuditEvent) -> None:
    """Let the event be recorded with the act, by its unit of work, which fails if it cannot (L3).

    This is the only place that adds to the trail.
    """
    audit_chain.add(db, event)
