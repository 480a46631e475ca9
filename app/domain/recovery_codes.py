"""Ten codes for the day when the telephone is lost: shown once, kept as hashes, each good once."""

import secrets
from datetime import datetime
from string import ascii_uppercase, digits

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.secrets import hash_secret
from app.storage.admins import Admin
from app.storage.factors import RecoveryCode, codes_left, void_codes

COUNT = 10
# Nobody takes one of these for another: no 0 and O, no 1, I and L.
LETTERS = "".join(one for one in ascii_uppercase + digits if one not in "0O1IL")
GROUP, GROUPS = 4, 4


def make(db: Session, admin: Admin, *, provenance: Provenance, now: datetime) -> list[str]:
    """Return ten new codes; the ones before are good no more."""
    void_codes(db, admin.id, now=now)
    codes = [_new() for _ in range(COUNT)]
    db.add_all(
        RecoveryCode(code_hash=_hash(admin, code), admin_id=admin.id, made_at=now) for code in codes
    )
    db.flush()
    made = AuditAction.RECOVERY_CODES_MADE
    details = {"count": COUNT}
    append(db, event(made, now=now, provenance=provenance, actor=admin, details=details))
    return codes


def use(db: Session, admin: Admin, code: str, *, provenance: Provenance, now: datetime) -> bool:
    """Whether the code was good; it is not from now on."""
    used = db.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.code_hash == _hash(admin, code),
            RecoveryCode.used_at.is_(None),
            RecoveryCode.void_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.code_hash)
        .execution_options(synchronize_session=False)
    ).first()
    if used is None:
        return False
    was_used = AuditAction.RECOVERY_CODE_USED
    details = {"left": codes_left(db, admin.id)}
    append(db, event(was_used, now=now, provenance=provenance, actor=admin, details=details))
    return True


def _new() -> str:
    # 79 bits, so that a plain hash of them is enough.
    letters = [secrets.choice(LETTERS) for _ in range(GROUP * GROUPS)]
    groups = ["".join(letters[start : start + GROUP]) for start in range(0, len(letters), GROUP)]
    return "-".join(groups)


def _hash(admin: Admin, code: str) -> str:
    """Return what is kept of a code, however it was typed."""
    plain = "".join(letter for letter in code.upper() if letter in LETTERS)
    return hash_secret(f"{admin.id} {plain}")
