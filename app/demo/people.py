"""The demo's people, whose password everybody knows."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import admins
from app.domain.audit_trail import OPERATOR
from app.storage.admins import Admin, Role, admin_by_email

PASSWORD = "understudy-demo"  # noqa: S105 - it is printed for everybody to see
PEOPLE = (
    ("ada@example.com", "Ada Lindqvist", Role.SUPERADMIN),
    ("cy@example.com", "Cy Marlow", Role.SUPERADMIN),
    ("omar@example.com", "Omar Haddad", Role.ADMIN),
)


def are_here(db: Session) -> bool:
    """Whether the demo's people are here; production refuses to start among them (S12)."""
    return any(admin_by_email(db, email) for email, _, _ in PEOPLE)


def add(db: Session, *, now: datetime) -> None:
    """Add the demo's people as admins, at `now`."""
    for email, name, role in PEOPLE:
        admins.create(
            db,
            email=email,
            name=name,
            role=role,
            password=PASSWORD,
            by=None,
            provenance=OPERATOR,
            now=now,
        )


def superadmins(db: Session) -> list[Admin]:
    """Return the demo's superadmins."""
    return list(db.scalars(select(Admin).where(Admin.role == Role.SUPERADMIN).order_by(Admin.id)))
