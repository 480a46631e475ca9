"""One-time links: asked for by a program, and a session starts when a browser follows them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain import alerts, endings, handoffs, impersonations
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.errors import Invalid
from app.domain.secrets import hash_secret, new_secret
from app.domain.start_limits import USUAL, StartLimits
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.impersonation_links import ImpersonationLink
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member

LIFETIME = timedelta(minutes=20)


@dataclass(frozen=True)
class Destination:
    """Where a link leads: to a callback of a client, with a "code" or the "token" itself.

    `state` goes with it unchanged; None for none.
    """

    client: APIKey
    callback_url: str
    response_type: str
    state: str | None


@dataclass(frozen=True)
class Followed:
    """A session that a link has started; `code` is what its client redeems, where it gets one."""

    link: ImpersonationLink
    impersonation: Impersonation
    code: str | None


def make(
    db: Session,
    *,
    impersonator: Admin,
    target: Member,
    api_key: APIKey,
    destination: Destination,
    reason: str,
    limits: StartLimits = USUAL,
    provenance: Provenance,
    now: datetime,
) -> str:
    """Return the secret of a new link, which is kept nowhere.

    Nothing starts yet, but what could not start is refused now: it raises what
    `impersonations.start` raises, and Invalid for a client that is not to have this session.
    """
    reason = impersonations.checked_reason(reason, required=api_key.reason_required)
    impersonations.check_policy(
        db,
        impersonator=impersonator,
        target=target,
        api_key=api_key,
        reason=reason,
        limits=limits,
        provenance=provenance,
        now=now,
    )
    if not _may_have(destination.client, impersonator, target, now):
        raise Invalid("The client is not for this session.")
    secret = new_secret()
    link = ImpersonationLink(
        secret_hash=hash_secret(secret),
        impersonator=impersonator,
        target=target,
        api_key=api_key,
        client=destination.client,
        reason=reason,
        callback_url=destination.callback_url,
        response_type=destination.response_type,
        state=destination.state,
        expires_at=now + LIFETIME,
    )
    db.add(link)
    append(
        db,
        event(
            AuditAction.IMPERSONATION_LINK_MADE,
            now=now,
            provenance=provenance,
            actor=impersonator,
            subject=target,
            reason=reason,
            details={
                "client": destination.client.title,
                "callback_url": destination.callback_url,
                "response_type": destination.response_type,
                "expires_at": link.expires_at.isoformat(),
            },
        ),
    )
    return secret


def follow(
    db: Session,
    *,
    secret: str,
    impersonator_id: str,
    limits: StartLimits = USUAL,
    provenance: Provenance,
    now: datetime,
) -> Followed | None:
    """Start the session of the link; None if the link is no good, whatever why.

    `impersonator_id` is whom the address names, and has to be the link's. A link that is followed
    twice has been seen by somebody else: its session ends, as with a ticket (H3). Raises Refused
    when the policy forbids the session by now; the link stays good for when it does not.
    """
    link = db.get(ImpersonationLink, hash_secret(secret))
    if link is None or link.impersonator_id != impersonator_id:
        return None
    if not _use(db, link, now):
        why = "used" if link.used_at else "expired"
        _refuse(db, link, why, provenance, now)
        if link.impersonation is not None:
            reused = EndReason.TICKET_REUSED
            endings.end(db, link.impersonation, why=reused, provenance=provenance, now=now)
            alerts.watch_reuse(db, link.impersonation, provenance=provenance, now=now)
        return None
    if not _is_backed(link, now):
        _refuse(db, link, "key_not_good", provenance, now)
        return None
    return _start(db, link, limits, replace(provenance, through=link.api_key.title), now)


def _use(db: Session, link: ImpersonationLink, now: datetime) -> bool:
    # One statement decides between any number of racing callers, as with tickets.
    won = db.scalar(
        update(ImpersonationLink)
        .where(
            ImpersonationLink.secret_hash == link.secret_hash,
            ImpersonationLink.used_at.is_(None),
            ImpersonationLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(ImpersonationLink.secret_hash)
        .execution_options(synchronize_session=False)
    )
    db.refresh(link)
    return won is not None


def _is_backed(link: ImpersonationLink, now: datetime) -> bool:
    return link.api_key.is_good(now) and _may_have(link.client, link.impersonator, link.target, now)


def _may_have(client: APIKey, impersonator: Admin, target: Member, now: datetime) -> bool:
    limits = client.covers(target.account_id) and client.acts_for(impersonator.id)
    return limits and client.is_good(now)


def _start(
    db: Session,
    link: ImpersonationLink,
    limits: StartLimits,
    provenance: Provenance,
    now: datetime,
) -> Followed:
    client = None
    if link.response_type == "code":
        client = handoffs.Client(link.client_id, link.callback_url)
    started = impersonations.start(
        db,
        impersonator=link.impersonator,
        target=link.target,
        reason=link.reason,
        ticket_url="",
        # No mistake of ours starts two sessions by one link.
        form_key=link.secret_hash,
        reason_required=link.api_key.reason_required,
        limits=limits,
        api_key=link.api_key,
        client=client,
        provenance=provenance,
        now=now,
    )
    link.impersonation = started.impersonation
    if client is not None:
        return Followed(link, started.impersonation, started.ticket)
    impersonations.redeem(db, ticket=started.ticket, provenance=provenance, now=now)
    return Followed(link, started.impersonation, None)


def _refuse(
    db: Session, link: ImpersonationLink, why: str, provenance: Provenance, now: datetime
) -> None:
    append(
        db,
        event(
            AuditAction.IMPERSONATION_LINK_REFUSED,
            now=now,
            provenance=provenance,
            # Whoever has the link, it need not be the admin.
            actor_kind="stranger",
            subject=link.target,
            impersonation=link.impersonation,
            outcome=Outcome.REFUSED,
            details={"why": why},
        ),
    )
