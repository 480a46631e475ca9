"""Who may sign in to the admin site. Each change of standing acts at once."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import passwords, sign_ins
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.endings import end_due
from app.domain.errors import Conflict, Invalid
from app.storage import admins as stored
from app.storage.admins import Admin, Role
from app.storage.folding import fold


def create(
    db: Session,
    *,
    email: str,
    name: str,
    role: str,
    password: str | None,
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> Admin:
    """Add an admin; `by` is None for the operator's command. Conflict if the address is taken.

    `password` is None for somebody who is to have none. Raises Invalid for one that is no good.
    """
    email, name = email.strip(), name.strip()
    if not name or "@" not in email:
        raise Invalid("An admin needs a name and an e-mail address.")
    if stored.admin_by_email(db, email) is not None:
        raise Conflict("There is an admin with this e-mail address already.")
    admin = Admin(
        email=email,
        email_key=fold(email),
        name=name,
        role=_checked_role(role),
        password_hash=_hash(password, email=email, name=name),
        created_at=now,
    )
    db.add(admin)
    db.flush()
    append(
        db,
        event(
            AuditAction.ADMIN_CREATED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"admin_id": admin.id, "admin": admin.email, "role": admin.role},
        ),
    )
    # A member with this address may be under impersonation right now.
    end_due(db, provenance=provenance, now=now)
    return admin


def change_role(
    db: Session, admin: Admin, *, role: str, by: Admin | None, provenance: Provenance, now: datetime
) -> None:
    """Give the admin another role; sign-ins of the old role and what stood on it end (S2, A2).

    `by` is None for what the company's provider says, whoever that leaves.
    """
    role = _checked_role(role)
    if role == admin.role:
        return
    if role != Role.SUPERADMIN and by is not None:
        _check_replaceable(db, admin, by=by)
    before, admin.role = admin.role, role
    append(
        db,
        event(
            AuditAction.ADMIN_ROLE_CHANGED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"admin_id": admin.id, "admin": admin.email, "before": before, "after": role},
        ),
    )
    _end_everything(db, admin, why="role_changed", by=by, provenance=provenance, now=now)


def disable(db: Session, admin: Admin, *, by: Admin, provenance: Provenance, now: datetime) -> None:
    """Shut the admin out: sign-ins and the running session end in the same transaction."""
    if admin.is_disabled:
        return
    _check_replaceable(db, admin, by=by)
    admin.disabled_at = now
    append(
        db,
        event(
            AuditAction.ADMIN_DISABLED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"admin_id": admin.id, "admin": admin.email},
        ),
    )
    _end_everything(db, admin, why="disabled", by=by, provenance=provenance, now=now)


def enable(db: Session, admin: Admin, *, by: Admin, provenance: Provenance, now: datetime) -> None:
    """Let the admin sign in again."""
    if not admin.is_disabled:
        return
    admin.disabled_at = None
    append(
        db,
        event(
            AuditAction.ADMIN_ENABLED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"admin_id": admin.id, "admin": admin.email},
        ),
    )


def set_password(
    db: Session, admin: Admin, *, password: str, provenance: Provenance, now: datetime
) -> None:
    """Give an admin who has lost it another password: the operator's command alone does that.

    Their sign-ins and their running session end. Raises Invalid for one that is no good.
    """
    admin.password_hash = _hash(password, email=admin.email, name=admin.name)
    append(
        db,
        event(
            AuditAction.ADMIN_PASSWORD_SET,
            now=now,
            provenance=provenance,
            details={"admin_id": admin.id, "admin": admin.email},
        ),
    )
    sign_ins.end_all(db, admin, why="password_changed", by=None, provenance=provenance, now=now)


def _hash(password: str | None, *, email: str, name: str) -> str:
    if password is None:
        return passwords.nobodys_hash()
    return passwords.hash_password(password, known=(email, name))


def _end_everything(
    db: Session, admin: Admin, *, why: str, by: Admin | None, provenance: Provenance, now: datetime
) -> None:
    sign_ins.end_all(db, admin, why=why, by=by, provenance=provenance, now=now)
    end_due(db, provenance=provenance, now=now)


def _check_replaceable(db: Session, admin: Admin, *, by: Admin) -> None:
    if admin.id == by.id:
        raise Conflict("You cannot take your own access away. Ask another superadmin.")
    if admin.is_superadmin and not admin.is_disabled and stored.count_superadmins(db) == 1:
        raise Conflict("This is the last superadmin.")


def _checked_role(role: str) -> str:
    if role not in set(Role):
        raise Invalid("Choose one of the roles.")
    return role
