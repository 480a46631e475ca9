"""Linking admins to the accounts that the company's identity provider knows them by (S11).

People are matched by issuer and subject, which never change and are never given to somebody else;
an e-mail address can be, so that it links nobody.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict, Invalid
from app.domain.sign_ins import end_all
from app.storage.admins import Admin, SignIn
from app.storage.company_accounts import CompanyAccount, company_account_of, company_accounts_of

SUBJECT_LENGTH = 255


def link(
    db: Session,
    admin: Admin,
    *,
    issuer: str,
    subject: str,
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> CompanyAccount:
    """Let whoever the issuer calls `subject` sign in as this admin; `by` is None for the operator.

    Raises Invalid for a subject that cannot be one, Conflict when the admin has an account already,
    or the account an admin.
    """
    if not 0 < len(subject) <= SUBJECT_LENGTH or not subject.isprintable():
        raise Invalid("A subject is what the provider calls a person: 1 to 255 characters.")
    if company_account_of(db, admin.id, issuer) is not None:
        raise Conflict("This admin has a company account already. Unlink that one first.")
    if db.get(CompanyAccount, (issuer, subject)) is not None:
        raise Conflict("This company account belongs to another admin.")
    account = CompanyAccount(issuer=issuer, subject=subject, admin=admin, linked_at=now)
    db.add(account)
    _record(db, AuditAction.COMPANY_ACCOUNT_LINKED, account, by, provenance, now)
    return account


def unlink(
    db: Session,
    admin: Admin,
    *,
    issuer: str,
    by: Admin | None,
    here: SignIn | None = None,
    provenance: Provenance,
    now: datetime,
) -> None:
    """Let nobody sign in as this admin by their company account, or stay in who has.

    Every sign-in of theirs ends but `here`, the one in which they do it themselves (S10). Raises
    Conflict for an admin without an account.
    """
    account = company_account_of(db, admin.id, issuer)
    if account is None:
        raise Conflict("This admin has no company account.")
    _unlink(db, account, by, provenance, now)
    end_all(db, admin, but=here, why="unlinked", by=by, provenance=provenance, now=now)


def unlink_all(
    db: Session, admin: Admin, *, by: Admin | None, provenance: Provenance, now: datetime
) -> None:
    """Unlink whatever accounts the admin has, at any issuer; their sign-ins are the caller's."""
    for account in company_accounts_of(db, admin.id):
        _unlink(db, account, by, provenance, now)


def _unlink(
    db: Session, account: CompanyAccount, by: Admin | None, provenance: Provenance, now: datetime
) -> None:
    db.delete(account)
    _record(db, AuditAction.COMPANY_ACCOUNT_UNLINKED, account, by, provenance, now)


def _record(
    db: Session,
    action: AuditAction,
    account: CompanyAccount,
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> None:
    append(
        db,
        event(
            action,
            now=now,
            provenance=provenance,
            actor=by,
            details={
                "admin_id": account.admin.id,
                "admin": account.admin.email,
                "issuer": account.issuer,
                "subject": account.subject,
            },
        ),
    )
