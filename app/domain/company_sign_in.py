"""Signing in by the company's identity provider: what its word is worth here (S11)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from app.domain import admins, throttles
from app.domain.audit_trail import AuditAction, Outcome, Provenance, append, event
from app.domain.company_provider import Failure, Proof
from app.domain.company_rules import CompanyRules
from app.domain.errors import Throttled
from app.domain.secrets import hash_secret
from app.domain.sign_ins import HalfOpen, Method, SignedIn, begin, end_all, open_sign_in, renew
from app.domain.step_up import Rules
from app.storage import counters
from app.storage.admins import Admin, Role, SignIn
from app.storage.company_accounts import CompanyAccount
from app.storage.networks import network

# As long as somebody may take to find their password there.
ERRAND_LIFETIME = timedelta(minutes=10)
DETAIL_LENGTH = 200
PAUSE = timedelta(minutes=1)
TOO_MANY = "Too many company sign-ins from here were refused. Try again in a minute."


class Stranger(StrEnum):
    """Why somebody whom the provider has proved is not let in. The names never change."""

    STATE = "state"
    USED = "used"
    UNKNOWN = "unknown"
    DISABLED = "disabled"
    NO_ROLE = "no_role"
    NOT_STRONG = "not_strong"


@dataclass(frozen=True)
class Refused:
    """Why nobody is let in."""

    why: Failure | Stranger


def check(db: Session, *, address: str, now: datetime) -> None:
    """Raise Throttled when so many from this address were refused that the provider is not asked.

    Then it is asked for them once in a while: each refusal has us wait (S6).
    """
    name = _counter(address)
    run = counters.runs(db, [name], now=now).get(name)
    if run is None or run.count < throttles.FREE_FAILURES_PER_ADDRESS:
        return
    # When the clock has been set back, nobody waits until it is that late again (R5).
    wait = min(run.at + PAUSE - now, PAUSE)
    if wait > timedelta(0):
        raise Throttled(TOO_MANY, retry_after=wait)


def use(db: Session, state: str, *, now: datetime) -> bool:
    """Use an errand up; return whether this was the first time (H2)."""
    name = f"company sign-in {hash_secret(state)}"
    return counters.add(db, {name: 2 * ERRAND_LIFETIME}, now=now)[name].count == 1


def sign_in(
    db: Session, proof: Proof, *, rules: CompanyRules, provenance: Provenance, now: datetime
) -> SignedIn | HalfOpen | Refused:
    """Sign in the admin whose company account this is, if it is anybody's.

    A role that the provider gives is taken on first, with everything that a change of role ends.
    Without a second factor that the rules know of, ours is asked for.
    """
    account = db.get(CompanyAccount, (proof.issuer, proof.subject))
    if account is None:
        return refuse(db, Stranger.UNKNOWN, detail=proof.subject, provenance=provenance, now=now)
    admin = account.admin
    if admin.is_disabled:
        why = Stranger.DISABLED
        return refuse(db, why, admin=admin, provenance=provenance, now=now)
    if rules.role_claim and not _take_role(db, admin, proof, rules, provenance, now):
        return refuse(db, Stranger.NO_ROLE, admin=admin, provenance=provenance, now=now)
    proved_at = rules.proved_at(proof, now=now)
    if proved_at is None:
        return begin(db, admin, method=Method.COMPANY, provenance=provenance, now=now)
    return open_sign_in(
        db,
        admin,
        method=Method.COMPANY,
        verified_at=proved_at,
        provenance=provenance,
        now=now,
    )


def step_up(
    db: Session,
    row: SignIn,
    proof: Proof,
    *,
    company: CompanyRules,
    rules: Rules,
    provenance: Provenance,
    now: datetime,
) -> SignedIn | Refused:
    """Note that the provider has seen a second factor of the admin lately (S9).

    It counts from when it was seen, not from when we are told.
    """
    admin, account = row.admin, db.get(CompanyAccount, (proof.issuer, proof.subject))
    if account is None or account.admin_id != admin.id:
        why = Stranger.UNKNOWN
        return refuse(db, why, detail=proof.subject, provenance=provenance, now=now)
    proved_at = company.proved_at(proof, now=now)
    if proved_at is None or now > proved_at + rules.fresh_for:
        return refuse(db, Stranger.NOT_STRONG, admin=admin, provenance=provenance, now=now)
    succeeded = AuditAction.STEP_UP_SUCCEEDED
    details = {"factor": Method.COMPANY}
    append(db, event(succeeded, now=now, provenance=provenance, actor=admin, details=details))
    return renew(row, now=proved_at)


def refuse(
    db: Session,
    why: Failure | Stranger,
    *,
    admin: Admin | None = None,
    detail: str = "",
    provenance: Provenance,
    now: datetime,
) -> Refused:
    """Record that nobody was let in, and why; of many from one address the first, the tenth, …"""
    name = _counter(provenance.address)
    count = counters.add(db, {name: throttles.SIGN_IN_WINDOW}, now=now)[name].count
    if count <= throttles.FREE_FAILURES_PER_ADDRESS or throttles.is_told(count):
        append(
            db,
            event(
                AuditAction.COMPANY_SIGN_IN_REFUSED,
                now=now,
                provenance=provenance,
                actor_kind="stranger",
                outcome=Outcome.REFUSED,
                details={
                    "why": why,
                    "admin_id": admin.id if admin else "",
                    "detail": detail[:DETAIL_LENGTH],
                },
            ),
        )
    return Refused(why)


def _counter(address: str) -> str:
    return f"company sign-in from {network(address)}"


def _take_role(
    db: Session,
    admin: Admin,
    proof: Proof,
    rules: CompanyRules,
    provenance: Provenance,
    now: datetime,
) -> bool:
    """Give the admin the role that the provider says; return whether it says any.

    Whoever has lost every role there is an admin no longer: what they held as superadmin ends now.
    """
    role = rules.role_in(proof.claims)
    given = role or Role.ADMIN
    admins.change_role(db, admin, role=given, by=None, provenance=provenance, now=now)
    if role is None:
        end_all(db, admin, why="role_changed", by=None, provenance=provenance, now=now)
    return role is not None
