"""One-time links that start a session when they are followed, for programs that ask for them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.base import Base
from app.storage.impersonations import Impersonation
from app.storage.members import Member


class ImpersonationLink(Base):
    """A link that was given to a program, known only by the SHA-256 of its secret.

    `api_key` is that of the program that asked for it, `client` that of the application whose
    callback the browser is sent to, with what `response_type` says: a code or the token itself.
    """

    __tablename__ = "impersonation_links"
    __table_args__ = (
        CheckConstraint("response_type IN ('code', 'token')", name="response_type"),
        CheckConstraint("impersonation_id IS NULL OR used_at IS NOT NULL", name="use"),
    )

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    impersonator_id: Mapped[str] = mapped_column(ForeignKey("admins.id"))
    target_id: Mapped[str] = mapped_column(ForeignKey("members.id"))
    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    reason: Mapped[str]
    callback_url: Mapped[str]
    response_type: Mapped[str]
    # What the program wants to have back unchanged.
    state: Mapped[str | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # The session that it started: who follows it again ends that.
    impersonation_id: Mapped[str | None] = mapped_column(ForeignKey("impersonations.id"))

    impersonator: Mapped[Admin] = relationship()
    target: Mapped[Member] = relationship()
    api_key: Mapped[APIKey] = relationship(foreign_keys=api_key_id)
    client: Mapped[APIKey] = relationship(foreign_keys=client_id)
    impersonation: Mapped[Impersonation | None] = relationship()
