"""Second factors: added, proved, removed and, for an admin who has lost them all, reset (S8)."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain import passkeys, recovery_codes, sign_ins, totp
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict, Invalid
from app.domain.factor_keys import FactorKey, NotSealed
from app.domain.passkey_challenges import Question
from app.domain.passkeys import NewPasskey, RelyingParty
from app.domain.sign_ins import SignedIn
from app.storage import locks
from app.storage.admins import Admin, SignIn
from app.storage.base import new_id
from app.storage.factors import (
    Factor,
    FactorKind,
    factors_of,
    has_factors,
    passkey,
    remove_factors,
    void_codes,
)

NAME_LENGTH = 60
MOST = 10
RECOVERY_CODE = "recovery_code"
NOT_GOOD = "This code is not good, or has been used. Wait for the next one."
PASSKEY_NOT_GOOD = "This passkey could not be verified. Try again."


@dataclass(frozen=True)
class Lock:
    """What factors are checked with: the key to their secrets, and the site that they are for."""

    key: FactorKey
    site: RelyingParty


@dataclass(frozen=True)
class Answer:
    """What somebody offers as proof: a code, or what a passkey has signed."""

    code: str = ""
    credential: str = ""

    def __bool__(self) -> bool:
        return bool(self.code or self.credential)

    @property
    def problem(self) -> str:
        """What to say when it is not good."""
        return PASSKEY_NOT_GOOD if self.credential else NOT_GOOD


def prove(
    db: Session,
    admin: Admin,
    answer: Answer,
    *,
    question: Question,
    lock: Lock,
    provenance: Provenance,
    now: datetime,
) -> str | None:
    """Return which kind of factor the answer proves to be the admin's, None if it proves none.

    Every good answer is good once.
    """
    if answer.credential:
        found = passkeys.proved(db, lock.site, question, answer.credential, now=now)
        if found is None or found.admin_id != admin.id:
            return None
        found.last_used_at = now
        return FactorKind.PASSKEY
    code = "".join(answer.code.split())
    if code.isascii() and code.isdigit():
        return FactorKind.TOTP if _prove_code(db, admin, code, lock=lock, now=now) else None
    if recovery_codes.use(db, admin, code, provenance=provenance, now=now):
        return RECOVERY_CODE
    return None


def _prove_code(db: Session, admin: Admin, code: str, *, lock: Lock, now: datetime) -> bool:
    for factor in factors_of(db, admin.id, FactorKind.TOTP):
        secret = _secret_of(factor, lock)
        step = totp.step_of(secret, code, now=now) if secret else None
        if step is not None and _take_step(db, factor, step, now=now):
            return True
    return False


def _is_known(db: Session, admin_id: str, secret: str, lock: Lock) -> bool:
    """Whether one of the admin's apps has this secret: each code would be good once for each."""
    return any(
        hmac.compare_digest(known, secret)
        for factor in factors_of(db, admin_id, FactorKind.TOTP)
        if (known := _secret_of(factor, lock)) is not None
    )


def _secret_of(factor: Factor, lock: Lock) -> str | None:
    try:
        return lock.key.open(factor.sealed_secret or "", owner=factor.id)
    except NotSealed:
        return None


def _take_step(db: Session, factor: Factor, step: int, *, now: datetime) -> bool:
    """Whether this code, or a later one, has not been used before: by another worker either."""
    taken = db.execute(
        update(Factor)
        .where(Factor.id == factor.id, Factor.last_step < step)
        .values(last_step=step, last_used_at=now)
        .returning(Factor.id)
        .execution_options(synchronize_session=False)
    ).first()
    db.refresh(factor)
    return taken is not None


def add_app(
    db: Session,
    row: SignIn,
    *,
    name: str,
    secret: str,
    code: str,
    lock: Lock,
    provenance: Provenance,
    now: datetime,
) -> SignedIn:
    """Add the authenticator app that shows this code for the secret; raise Invalid for another.

    The sign-in that adds it goes on under another id; the admin's others end (S1, S2).
    """
    name = _checked_name(name)
    step = totp.step_of(secret, "".join(code.split()), now=now)
    if step is None:
        raise Invalid("This is not the code that the app shows now. Look at it once more.")
    if _is_known(db, row.admin_id, secret, lock):
        raise Conflict("This app has been added already.")
    factor = Factor(
        id=new_id(),
        admin_id=row.admin_id,
        kind=FactorKind.TOTP,
        name=name,
        added_at=now,
        # The code that showed it is not good a second time.
        last_step=step,
    )
    factor.sealed_secret = lock.key.seal(secret, owner=factor.id)
    return _add(db, row, factor, provenance=provenance, now=now)


def add_passkey(
    db: Session,
    row: SignIn,
    *,
    name: str,
    made: NewPasskey,
    provenance: Provenance,
    now: datetime,
) -> SignedIn:
    """Add a passkey that the admin's browser has made; Conflict if it is known already.

    The sign-in that adds it goes on under another id; the admin's others end (S1, S2).
    """
    name = _checked_name(name)
    if passkey(db, made.credential_id) is not None:
        raise Conflict("This passkey has been added already.")
    factor = Factor(
        admin_id=row.admin_id,
        kind=FactorKind.PASSKEY,
        name=name,
        added_at=now,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
    )
    return _add(db, row, factor, provenance=provenance, now=now)


def remove(
    db: Session,
    row: SignIn,
    factor: Factor,
    *,
    required: bool,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Remove one of the admin's factors; Conflict for the last one where one is `required`."""
    # Of two that are removed at once each would find the other one left.
    admin = row.admin
    locks.take(db, f"factors of {admin.id}")
    if required and len(factors_of(db, admin.id)) == 1:
        raise Conflict("This is your last second factor. Add another one before you remove it.")
    if not remove_factors(db, admin.id, factor_id=factor.id, now=now):
        return
    _record(db, AuditAction.FACTOR_REMOVED, admin, factor, provenance, now)
    if not has_factors(db, admin.id):
        void_codes(db, admin.id, now=now)
    sign_ins.end_others(db, row, why="factors_changed", provenance=provenance, now=now)


def _add(
    db: Session, row: SignIn, factor: Factor, *, provenance: Provenance, now: datetime
) -> SignedIn:
    # Of two first factors at once, one may be somebody's who has learnt the password: the other
    # sign-in has ended by then.
    admin = row.admin
    locks.take(db, f"factors of {admin.id}")
    db.refresh(row)
    if row.ended_at is not None:
        raise Conflict("You have been signed out meanwhile. Sign in again.")
    if len(factors_of(db, admin.id)) >= MOST:
        raise Conflict(f"You have {MOST} second factors already. Remove one first.")
    db.add(factor)
    db.flush()
    _record(db, AuditAction.FACTOR_ADDED, admin, factor, provenance, now)
    sign_ins.end_others(db, row, why="factors_changed", provenance=provenance, now=now)
    return sign_ins.renew(row, now=now)


def _record(
    db: Session,
    action: AuditAction,
    admin: Admin,
    factor: Factor,
    provenance: Provenance,
    now: datetime,
) -> None:
    details = {"factor_id": factor.id, "kind": factor.kind, "name": factor.name}
    append(db, event(action, now=now, provenance=provenance, actor=admin, details=details))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid(f"Give it a name of at most {NAME_LENGTH} characters.")
    return name
