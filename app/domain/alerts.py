"""Alerts: what a colleague should look at, told once for each time it begins.

The rules are a closed list. Each counts what happens, by whom, in the transaction of the act; the
one that reaches the rule's number raises the alert, in that transaction too, so of any number of
racing acts exactly one does. What the trail itself is doubted for is told elsewhere
(app.domain.doubts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain.audit_facts import parsed
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Absent, Conflict
from app.domain.start_limits import StartLimits
from app.storage import audit_chain, counters, locks
from app.storage.accounts import Account
from app.storage.admins import Admin, has_other_admins
from app.storage.audit_trail import AuditEvent, latest_numbers
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.storage.networks import network

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
# What whoever is told of alerts is told of.
ALERTS = frozenset({AuditAction.ALERT_RAISED.value, AuditAction.AUDIT_DOUBTED.value})
# Of each side, those about an admin and the rest, which strangers can raise at will: of older ones
# nobody is reminded, they are in the trail.
MOST_STANDING = 100

ABOUT_ONESELF = "This alert is about you: somebody else has to acknowledge it."


class AlertKind(StrEnum):
    """What an alert is about. The names are part of the audit trail: they never change."""

    MANY_STARTS = "many_starts"
    MANY_STARTS_IN_A_DAY = "many_starts_in_a_day"
    UNUSUAL_HOUR = "unusual_hour"
    MANY_ACCOUNTS = "many_accounts"
    SAME_MEMBER = "same_member"
    STARTS_THROTTLED = "starts_throttled"
    TICKET_REUSED = "ticket_reused"
    MANY_REFUSALS = "many_refusals"
    FAILED_SIGN_INS = "failed_sign_ins"
    FAILED_SIGN_INS_FROM_ONE_ADDRESS = "failed_sign_ins_from_one_address"
    FAILED_API_KEYS = "failed_api_keys"
    API_KEY_THROTTLED = "api_key_throttled"
    WRONG_FACTORS = "wrong_factors"
    SIGN_INS_BEGUN = "sign_ins_begun"
    FAILED_STEP_UPS = "failed_step_ups"


@dataclass(frozen=True)
class Rule:
    """How often something may happen within a while before it is an alert.

    Within the same while it is not told again.
    """

    times: int
    within: timedelta


RULES: dict[AlertKind, Rule] = {
    AlertKind.MANY_STARTS: Rule(20, HOUR),
    AlertKind.MANY_STARTS_IN_A_DAY: Rule(60, DAY),
    AlertKind.UNUSUAL_HOUR: Rule(1, 8 * HOUR),
    # By one admin.
    AlertKind.MANY_ACCOUNTS: Rule(10, HOUR),
    AlertKind.SAME_MEMBER: Rule(5, DAY),
    AlertKind.STARTS_THROTTLED: Rule(1, HOUR),
    AlertKind.TICKET_REUSED: Rule(1, HOUR),
    AlertKind.MANY_REFUSALS: Rule(10, HOUR),
    AlertKind.FAILED_SIGN_INS: Rule(10, QUARTER),
    AlertKind.FAILED_SIGN_INS_FROM_ONE_ADDRESS: Rule(30, QUARTER),
    AlertKind.FAILED_API_KEYS: Rule(100, QUARTER),
    AlertKind.API_KEY_THROTTLED: Rule(1, HOUR),
    AlertKind.WRONG_FACTORS: Rule(5, HOUR),
    # One after another, none of which went further.
    AlertKind.SIGN_INS_BEGUN: Rule(5, DAY),
    AlertKind.FAILED_STEP_UPS: Rule(5, HOUR),
}


@dataclass(frozen=True)
class About:
    """What an alert tells beside its kind: what its event is made of.

    `email` is what a stranger typed, `admin_id` whose address that is, if anybody's.
    """

    provenance: Provenance
    actor: Admin | None = None
    actor_kind: str | None = None
    subject: Member | None = None
    account: Account | None = None
    impersonation: Impersonation | None = None
    email: str = ""
    admin_id: str = ""


def counter(kind: AlertKind, who: str) -> str:
    """Return the name under which this is counted."""
    return f"{kind} {who}"


def watch(
    db: Session,
    happened: Mapping[AlertKind, str],
    about: About,
    *,
    rules: Mapping[AlertKind, Rule] = RULES,
    now: datetime,
) -> None:
    """Count what has happened, by kind who did it; raise the alerts that this makes due."""
    named = {counter(kind, who): kind for kind, who in happened.items()}
    if not named:
        return
    windows = {name: rules[kind].within for name, kind in named.items()}
    for name, run in counters.add(db, windows, now=now).items():
        rule = rules[named[name]]
        if run.count == rule.times:
            _raise(db, named[name], rule, about, now)


def watch_start(
    db: Session,
    impersonation: Impersonation,
    *,
    limits: StartLimits,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Watch a session that starts: how many there are, when, in which accounts and as whom."""
    admin_id = impersonation.impersonator_id
    happened = {
        AlertKind.MANY_STARTS: admin_id,
        AlertKind.MANY_STARTS_IN_A_DAY: admin_id,
        AlertKind.SAME_MEMBER: f"{admin_id} {impersonation.target_id}",
    }
    if limits.is_unusual(now):
        happened[AlertKind.UNUSUAL_HOUR] = admin_id
    if _is_first_in(db, impersonation, now):
        happened[AlertKind.MANY_ACCOUNTS] = admin_id
    about = About(provenance, impersonation=impersonation)
    watch(db, happened, about, rules=_rules(limits), now=now)


def watch_reuse(
    db: Session, impersonation: Impersonation, *, provenance: Provenance, now: datetime
) -> None:
    """Watch a session whose ticket or link was used a second time (H3)."""
    # Whoever brought it, it need not be the admin.
    about = About(provenance, actor_kind="stranger", impersonation=impersonation)
    watch(db, {AlertKind.TICKET_REUSED: impersonation.id}, about, now=now)


def watch_failed_sign_in(
    db: Session, *, email: str, admin_id: str, provenance: Provenance, now: datetime
) -> None:
    """Watch an attempt to sign in that failed: `email` is what was typed, `admin_id` whose it is.

    What is nobody's counts for where it came from alone: each made-up address would be an alert.
    """
    about = About(provenance, actor_kind="stranger", email=email, admin_id=admin_id)
    happened = {AlertKind.FAILED_SIGN_INS_FROM_ONE_ADDRESS: network(provenance.address)}
    if admin_id:
        happened[AlertKind.FAILED_SIGN_INS] = admin_id
    watch(db, happened, about, now=now)


def watch_refusal(
    db: Session, refused: AuditEvent, *, provenance: Provenance, now: datetime
) -> None:
    """Watch a refusal that has just been recorded: repeated ones are an alert.

    A program without an admin is known by its key, which the provenance names.
    """
    about = About(
        provenance,
        actor=db.get(Admin, refused.actor_id) if refused.actor_id else None,
        actor_kind=refused.actor_kind,
        subject=db.get(Member, refused.subject_id) if refused.subject_id else None,
    )
    who = refused.actor_id or provenance.through or provenance.address
    happened = {AlertKind.MANY_REFUSALS: who}
    if parsed(refused.facts).get("why") == AlertKind.STARTS_THROTTLED:
        happened[AlertKind.STARTS_THROTTLED] = who
    watch(db, happened, about, now=now)


def standing(db: Session) -> Sequence[int]:
    """Return the numbers of the alerts that nobody has acknowledged yet.

    First those about an admin, so that nobody pushes theirs away by raising others; of each side
    the newest first.
    """
    numbers = [
        number
        for of_an_admin in (True, False)
        for number in latest_numbers(
            db, AuditAction.ALERT_RAISED, of_an_admin=of_an_admin, limit=MOST_STANDING
        )
    ]
    known = _acknowledged(db, after=min(numbers)) if numbers else frozenset()
    return [number for number in numbers if number not in known]


def is_for_others(db: Session, alert: AuditEvent, admin: Admin) -> bool:
    """Whether the alert is about the admin, and there is somebody else to acknowledge it."""
    return alert.actor_id == admin.id and has_other_admins(db, admin.id)


def acknowledge(
    db: Session, number: int, *, by: Admin, provenance: Provenance, now: datetime
) -> None:
    """Record that an admin knows of the alert that this event is.

    Raises Absent for one that never was, Conflict for one that somebody has acknowledged before,
    or that is about the admin, unless there is nobody else.
    """
    locks.take(db, f"alert {number}")
    alert = db.get(AuditEvent, number) if number <= audit_chain.LAST_NUMBER else None
    if alert is None or alert.action != AuditAction.ALERT_RAISED:
        raise Absent("There is no such alert.")
    # It may be older than what stands.
    if number in _acknowledged(db, after=number):
        raise Conflict("This alert has been acknowledged already.")
    if is_for_others(db, alert, by):
        raise Conflict(ABOUT_ONESELF)
    append(
        db,
        event(
            AuditAction.ALERT_ACKNOWLEDGED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"alert": number},
        ),
    )


def _acknowledged(db: Session, *, after: int) -> frozenset[object]:
    """Return the numbers of the alerts that somebody has acknowledged after that event."""
    acknowledged = audit_chain.stored_facts(db, AuditAction.ALERT_ACKNOWLEDGED, after=after)
    return frozenset(parsed(facts).get("alert") for _, facts in acknowledged)


def _rules(limits: StartLimits) -> Mapping[AlertKind, Rule]:
    hourly, daily = RULES[AlertKind.MANY_STARTS], RULES[AlertKind.MANY_STARTS_IN_A_DAY]
    return RULES | {
        AlertKind.MANY_STARTS: replace(hourly, times=limits.unusual_per_hour),
        AlertKind.MANY_STARTS_IN_A_DAY: replace(daily, times=limits.unusual_per_day),
    }


def _is_first_in(db: Session, impersonation: Impersonation, now: datetime) -> bool:
    """Whether the admin has not been in this account for the while that such a rule counts."""
    name = f"in account {impersonation.impersonator_id} {impersonation.account_id}"
    within = RULES[AlertKind.MANY_ACCOUNTS].within
    return counters.add(db, {name: within}, now=now)[name].count == 1


def _raise(db: Session, kind: AlertKind, rule: Rule, about: About, now: datetime) -> None:
    append(
        db,
        event(
            AuditAction.ALERT_RAISED,
            now=now,
            provenance=about.provenance,
            actor=about.actor,
            actor_kind=about.actor_kind,
            subject=about.subject,
            account=about.account,
            impersonation=about.impersonation,
            details={
                "kind": kind,
                "count": rule.times,
                "minutes": rule.within // timedelta(minutes=1),
                "admin_id": about.admin_id,
                "email": about.email,
            },
        ),
    )
