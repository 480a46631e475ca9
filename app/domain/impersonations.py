"""Impersonation sessions: how they start, and how the product app opens them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.domain import alerts, doubts, endings, handoffs, sign_ins, throttles
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.errors import Conflict, Halted, Invalid, Refused, Throttled
from app.domain.handoffs import Client
from app.domain.policies import (
    Refusal,
    refusal_of_anybody,
    refusal_of_key,
    refusal_to_impersonate,
)
from app.domain.start_limits import USUAL, StartLimits
from app.storage.accounts import Account
from app.storage.admins import Admin, SignIn, admin_email_keys, lock_admin
from app.storage.api_keys import APIKey
from app.storage.impersonations import (
    LIFETIME,
    EndReason,
    Impersonation,
    active_impersonation_of,
    impersonation_with_form_key,
    note_opened,
)
from app.storage.members import Member

REASON_LENGTH = 500
TICKET_URL_LENGTH = 500


@dataclass(frozen=True)
class Started:
    """A new session and the single-use ticket that opens it; the ticket is nowhere else."""

    impersonation: Impersonation
    ticket: str


def start(
    db: Session,
    *,
    impersonator: Admin,
    target: Member,
    reason: str,
    ticket_url: str,
    form_key: str,
    reason_required: bool,
    limits: StartLimits = USUAL,
    sign_in: SignIn | None = None,
    api_key: APIKey | None = None,
    kept: str | None = None,
    client: Client | None = None,
    provenance: Provenance,
    now: datetime,
) -> Started:
    """Start a session, ending the impersonator's earlier one.

    `form_key` names the form that was sent: the same form cannot start two sessions. A person
    starts one in a `sign_in`, which must still be open once it is their turn; a program
    starts one with its `api_key`, and gets `kept` back with it, which is JSON; `client` is the
    one that has to redeem the ticket, where that is not the product app. Raises
    Invalid for a bad reason or link, Refused when the policy forbids it, Halted while a finding
    about the audit trail waits to be acknowledged (F10), Throttled for more than `limits` allow
    in an hour, Conflict for a form sent twice or a sign-in that was ended.
    """
    reason = checked_reason(reason, required=reason_required)
    ticket_url = _checked_ticket_url(ticket_url)
    lock(db, impersonator)
    if sign_in is not None:
        sign_ins.hold(db, sign_in)
    check_policy(
        db,
        impersonator=impersonator,
        target=target,
        api_key=api_key,
        reason=reason,
        limits=limits,
        provenance=provenance,
        now=now,
    )
    if impersonation_with_form_key(db, impersonator_id=impersonator.id, form_key=form_key):
        raise Conflict("This form has started a session already. It is in another tab.")
    earlier = active_impersonation_of(db, impersonator.id)
    # One that was over already ends for its own reason, and by nobody.
    if earlier is not None and endings.still_live(db, earlier, provenance=provenance, now=now):
        why = EndReason.REPLACED
        endings.end(db, earlier, why=why, by=impersonator, provenance=provenance, now=now)
    impersonation = Impersonation(
        impersonator=impersonator,
        target=target,
        account_id=target.account_id,
        reason=reason,
        ticket_url=ticket_url,
        form_key=form_key,
        address=provenance.address,
        user_agent=provenance.user_agent,
        started_at=now,
        last_seen_at=now,
        expires_at=now + LIFETIME,
        api_key_id=api_key.id if api_key else None,
        kept=kept,
    )
    db.add(impersonation)
    db.flush()
    append(
        db,
        event(
            AuditAction.IMPERSONATION_STARTED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            reason=reason,
            details={
                "ticket_url": ticket_url,
                "expires_at": impersonation.expires_at.isoformat(),
            },
        ),
    )
    alerts.watch_start(db, impersonation, limits=limits, provenance=provenance, now=now)
    return Started(impersonation, handoffs.issue(db, impersonation, client=client, now=now))


def redeem(
    db: Session,
    *,
    ticket: str,
    client: Client | None = None,
    provenance: Provenance,
    now: datetime,
) -> Impersonation | None:
    """Open the session that the ticket belongs to; None if the ticket is no good, whatever why.

    A ticket handed in twice has been seen by somebody else: its session ends (H3), as it does when
    another ticket is handed in once it is open. One that was meant for a `client` is good for
    nobody else.
    """
    consumed = handoffs.consume(db, ticket, client=client, now=now)
    impersonation = (
        db.get(Impersonation, consumed.impersonation_id, with_for_update={"of": Impersonation})
        if consumed.impersonation_id
        else None
    )
    if impersonation is None:
        return None
    if consumed.used or (consumed.good and impersonation.opened_at is not None):
        _refuse_handoff(db, impersonation, "used", provenance, now)
        endings.end(db, impersonation, why=EndReason.TICKET_REUSED, provenance=provenance, now=now)
        alerts.watch_reuse(db, impersonation, provenance=provenance, now=now)
        return None
    if not consumed.good:
        _refuse_handoff(db, impersonation, "expired", provenance, now)
        return None
    if not endings.still_live(db, impersonation, provenance=provenance, now=now):
        _refuse_handoff(db, impersonation, "ended", provenance, now)
        return None
    note_opened(db, impersonation, now=now)
    append(
        db,
        event(
            AuditAction.HANDOFF_REDEEMED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            details={},
        ),
    )
    return impersonation


def opens_until(impersonation: Impersonation) -> datetime:
    """Return until when a ticket can open the session; after that it ends by itself."""
    return impersonation.started_at + handoffs.LIFETIME


def check_anybody(
    key: APIKey,
    *,
    impersonator: Admin | None,
    account: Account | None,
    provenance: Provenance,
    now: datetime,
) -> Admin:
    """Return the impersonator; raise Refused when the program may start no session there at all.

    Its caller is told so before it is told whether a member is there. An `impersonator` whom
    nobody knows is None, and told the same as one who is no superadmin (P3); `account` is None
    for a key that is limited to none.
    """
    why = Refusal.NOT_SUPERADMIN
    if impersonator is not None:
        refusal = refusal_of_anybody(key, impersonator=impersonator, account=account)
        if refusal is None:
            return impersonator
        why = refusal
    raise refused(why, impersonator=impersonator, account=account, provenance=provenance, now=now)


def refused(
    why: Refusal,
    *,
    impersonator: Admin | None,
    account: Account | None = None,
    provenance: Provenance,
    now: datetime,
) -> Refused:
    """Return what to raise for a start that names no member; it is recorded with its event.

    An `impersonator` whom nobody knows is None: it is the program's then.
    """
    recorded = event(
        AuditAction.IMPERSONATION_REFUSED,
        now=now,
        provenance=provenance,
        actor=impersonator,
        actor_kind="program",
        account=account,
        outcome=Outcome.REFUSED,
        details={"why": why},
    )
    return Refused(f"{why.sentence}.", code=why, event=recorded)


def lock(db: Session, impersonator: Admin) -> None:
    """Let nobody else start or end a session of this admin until the transaction is over (R4)."""
    lock_admin(db, impersonator.id)


def check_policy(
    db: Session,
    *,
    impersonator: Admin,
    target: Member,
    api_key: APIKey | None,
    reason: str,
    limits: StartLimits,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Raise Refused, Halted or Throttled when the session that is asked for may not start."""
    refusal = refusal_to_impersonate(
        impersonator=impersonator,
        target=target,
        target_is_admin=bool(admin_email_keys(db, [target.email])),
    )
    kind: type[Refused] = Refused
    if refusal is None and api_key is not None:
        refusal = refusal_of_key(api_key, impersonator=impersonator, target=target)
    if refusal is None and doubts.unacknowledged(db):
        refusal, kind = Refusal.TRAIL_DOUBTED, Halted
    wait = timedelta(0)
    if refusal is None:
        # Whoever asks has locked the admin: of two who start at once one counts the other's.
        wait = throttles.start_wait(db, impersonator.id, limits=limits, now=now)
        refusal = Refusal.STARTS_THROTTLED if wait else None
    if refusal is None:
        return
    refused = event(
        AuditAction.IMPERSONATION_REFUSED,
        now=now,
        provenance=provenance,
        actor=impersonator,
        subject=target,
        outcome=Outcome.REFUSED,
        reason=reason,
        details={"why": refusal},
    )
    if wait:
        sentence = f"{throttles.start_sentence(wait)}."
        raise Throttled(sentence, retry_after=wait, code=refusal, event=refused)
    raise kind(f"{refusal.sentence}.", code=refusal, event=refused)


def _refuse_handoff(
    db: Session, impersonation: Impersonation, why: str, provenance: Provenance, now: datetime
) -> None:
    append(
        db,
        event(
            AuditAction.HANDOFF_REFUSED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            # Whoever holds the ticket, it need not be the admin.
            actor_kind="stranger",
            outcome=Outcome.REFUSED,
            details={"why": why},
        ),
    )


def checked_reason(reason: str, *, required: bool) -> str:
    """Return the reason as it is kept; raise Invalid for one that is too long, or missing."""
    reason = reason.strip()
    if required and not reason:
        raise Invalid("Say why you need to see this account.")
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"Keep the reason under {REASON_LENGTH} characters.")
    return reason


def _checked_ticket_url(url: str) -> str:
    url = url.strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid("The ticket link is not a web address.") from error
    # The link is shown to be clicked: anything but a web address could run as a script.
    if parts.scheme not in ("http", "https") or not parts.netloc or len(url) > TICKET_URL_LENGTH:
        raise Invalid("The ticket link is not a web address.")
    return url
