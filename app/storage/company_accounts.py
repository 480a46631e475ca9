"""Company accounts: as whom the company's identity provider knows an admin."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.storage.admins import Admin
from app.storage.base import Base


class CompanyAccount(Base):
    """What links an admin to one issuer's subject. An e-mail address links nobody (S11)."""

    __tablename__ = "company_accounts"
    __table_args__ = (UniqueConstraint("issuer", "admin_id"),)

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    admin_id: Mapped[str] = mapped_column(ForeignKey("admins.id"))
    linked_at: Mapped[datetime]

    admin: Mapped[Admin] = relationship(lazy="joined", innerjoin=True)


def company_account_of(db: Session, admin_id: str, issuer: str) -> CompanyAccount | None:
    """Return the admin's account at that issuer, if there is one."""
    query = select(CompanyAccount).where(
        CompanyAccount.issuer == issuer, CompanyAccount.admin_id == admin_id
    )
    return db.scalar(query)


def company_accounts_of(db: Session, admin_id: str) -> Sequence[CompanyAccount]:
    """Return the admin's accounts at all issuers; more than one where the provider was changed."""
    query = select(CompanyAccount).where(CompanyAccount.admin_id == admin_id)
    return db.scalars(query.order_by(CompanyAccount.issuer)).all()
