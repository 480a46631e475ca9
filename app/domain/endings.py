"""How sessions end: once each, for one reason, with one event."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain import handoffs
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.policies import refusal_to_impersonate
from app.storage.admins import Admin, admin_email_keys
from app.storage.api_keys import APIKey
from app.storage.impersonations import (
    IMPERSONATIONS,
    EndReason,
    Impersonation,
    active_impersonation_of,
    hold,
    open_impersonations,
)
from app.storage.ready import ask

# A reload closes the page and opens it again; only a mark this old means that the tab is gone.
CLOSING_GRACE = timedelta(seconds=10)
# Browsers slow the timers of a hidden tab down to one a minute.
SILENCE = timedelta(minutes=3)


def end(
    db: Session,
    impersonation: Impersonation,
    *,
    why: EndReason,
    by: Admin | None = None,
    provenance: Provenance,
    now: datetime,
) -> bool:
    """End the session, once: of any number of racing callers one ends it and records it.

    Return whether this call did. `by` is the admin who wanted it, None when it came by itself.
    """
    # A session that was found to be over late was over in time, and none before it was last seen:
    # the clock may have been set back.
    ended_at = min(max(now, impersonation.last_seen_at), impersonation.expires_at)
    changed = ask(
        db,
        update(IMPERSONATIONS)
        .where(Impersonation.id == impersonation.id, Impersonation.ended_at.is_(None))
        .values(ended_at=ended_at, end_reason=why, ended_by_id=by.id if by else None)
        .returning(Impersonation.id),
    ).first()
    if changed is None:
        db.refresh(impersonation)
        return False
    ended = {"ended_at": ended_at, "end_reason": why.value, "ended_by_id": by.id if by else None}
    hold(impersonation, **ended, ended_by=by)
    append(
        db,
        event(
            AuditAction.IMPERSONATION_ENDED,
            now=now,
            provenance=provenance,
            impersonation=impersonation,
            actor=by,
            actor_kind=None if by else _kind_of_ender(why),
            details={
                "why": why,
                "seconds": (ended_at - impersonation.started_at) // timedelta(seconds=1),
            },
        ),
    )
    return True


def end_through(
    db: Session, impersonation: Impersonation, key: APIKey, *, provenance: Provenance, now: datetime
) -> bool:
    """End the session for a program, in the name of the admin whom its key acts for, if any."""
    why = EndReason.PROGRAM_ENDED
    return end(db, impersonation, why=why, by=key.admin, provenance=provenance, now=now)


def end_with_sign_in(
    db: Session,
    admin: Admin,
    *,
    programs_too: bool = True,
    provenance: Provenance,
    now: datetime,
) -> bool:
    """End the admin's running session, as a sign-in of theirs was ended; return whether one ran.

    Whichever sign-in started it: of a stolen one nobody knows what it did (S1, S10). One that a
    program started goes on where it is not for `programs_too`.
    """
    running = active_impersonation_of(db, admin.id)
    if running is None or (running.api_key_id is not None and not programs_too):
        return False
    if not still_live(db, running, provenance=provenance, now=now):
        return True
    return end(db, running, why=EndReason.SIGN_IN_ENDED, provenance=provenance, now=now)


def end_due(db: Session, *, provenance: Provenance, now: datetime) -> Sequence[Impersonation]:
    """End every session whose time or ground has gone; return those that this call ended.

    The worker asks each second, and each verb that can take a session's ground asks at once:
    there is at most one open session an admin, so looking at all of them costs nothing.
    """
    running = open_impersonations(db)
    admin_keys = admin_email_keys(db, [one.target.email for one in running])
    ended = []
    for impersonation in running:
        why = _why_over(impersonation, impersonation.target.email_key in admin_keys, now)
        if why and end(db, impersonation, why=why, provenance=provenance, now=now):
            ended.append(impersonation)
    return ended


def still_live(
    db: Session, impersonation: Impersonation, *, provenance: Provenance, now: datetime
) -> bool:
    """Whether the session runs on at `now`; one whose time or ground has gone is ended here."""
    if impersonation.ended_at is not None:
        return False
    why = _why_over(impersonation, _is_admin_too(db, impersonation), now)
    if why is None:
        return True
    end(db, impersonation, why=why, provenance=provenance, now=now)
    return False


def _why_over(
    impersonation: Impersonation, target_is_admin: bool, now: datetime
) -> EndReason | None:
    if impersonation.has_run_out(now):
        return EndReason.EXPIRED
    return _ground_gone(impersonation, target_is_admin) or _tab_gone(impersonation, now)


def _ground_gone(impersonation: Impersonation, target_is_admin: bool) -> EndReason | None:
    # A member who has moved is somebody else there: the session was about this account.
    if impersonation.target.account_id != impersonation.account_id:
        return EndReason.MEMBER_UNAVAILABLE
    refusal = refusal_to_impersonate(
        impersonator=impersonation.impersonator,
        target=impersonation.target,
        target_is_admin=target_is_admin,
    )
    return refusal.end_reason if refusal else None


def _tab_gone(impersonation: Impersonation, now: datetime) -> EndReason | None:
    closing = impersonation.closing_at
    if closing is not None and now >= closing + CLOSING_GRACE:
        return EndReason.TAB_CLOSED
    if impersonation.opened_at is None and now >= impersonation.started_at + handoffs.LIFETIME:
        return EndReason.NEVER_OPENED
    # A program that holds the token need not say anything for twenty minutes.
    silent = impersonation.is_in_a_tab and now >= impersonation.last_seen_at + SILENCE
    return EndReason.WENT_SILENT if silent else None


def _kind_of_ender(why: EndReason) -> str:
    return "program" if why is EndReason.PROGRAM_ENDED else "system"


def _is_admin_too(db: Session, impersonation: Impersonation) -> bool:
    return bool(admin_email_keys(db, [impersonation.target.email]))
