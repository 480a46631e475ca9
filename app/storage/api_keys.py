"""API keys: how a program, such as a product app, proves who it is."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.base import Base


def new_client_id() -> str:
    """A fresh id of letters and digits alone, as OAuth clients spell others in several ways."""
    return uuid.uuid4().hex


class APIKey(Base):
    """A key, known by the SHA-256 of its secret; `prefix` is what people may see of it.

    Its id is the `client_id` of OAuth. `account` is the one account that it is limited to, if any,
    `admin` the one whom it acts for. A key that may start sessions without such an admin acts for
    whomever its caller names.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_client_id)
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    # Scopes, parted by single spaces, as in OAuth.
    scope: Mapped[str]
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    admin_id: Mapped[str | None] = mapped_column(ForeignKey("admins.id"))
    # Whether a session started with it needs a reason, as one started by a person does.
    reason_required: Mapped[bool] = mapped_column(default=True)
    # Where a browser may be sent with a session, parted by single spaces.
    callback_urls: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("admins.id"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    # Only asked for when needed: the product app's own key, of every action, has none of these.
    account: Mapped[Account | None] = relationship()
    admin: Mapped[Admin | None] = relationship(foreign_keys=admin_id)
    created_by: Mapped[Admin | None] = relationship(foreign_keys=created_by_id)

    @property
    def title(self) -> str:
        """What people see of it: its name, and how its secret begins."""
        return f"{self.name} ({self.prefix}…)"

    @property
    def scopes(self) -> list[str]:
        """What it may be used for."""
        return self.scope.split()

    def state(self, now: datetime) -> str:
        """Whether it is "good", or why it opens nothing."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        # What an admin can no longer do, nobody does in that name.
        return "admin disabled" if self.admin and self.admin.is_disabled else "good"

    def is_good(self, now: datetime) -> bool:
        """Whether it opens what it is for."""
        return self.state(now) == "good"

    def covers(self, account_id: str) -> bool:
        """Whether it may be used for what belongs to that account."""
        return self.account_id is None or self.account_id == account_id

    def acts_for(self, admin_id: str) -> bool:
        """Whether it may be used in the name of that admin."""
        return self.admin_id is None or self.admin_id == admin_id


BY_SECRET_HASH = select(APIKey).where(APIKey.secret_hash == bindparam("secret_hash"))


def api_key_by_secret_hash(db: Session, secret_hash: str) -> APIKey | None:
    """Return the key, good or not."""
    return db.scalar(BY_SECRET_HASH, {"secret_hash": secret_hash})


def api_keys_by_age(db: Session) -> Sequence[APIKey]:
    """Return all keys, the newest first; there are never many."""
    query = select(APIKey).order_by(APIKey.created_at.desc(), APIKey.id)
    query = query.options(selectinload(APIKey.account), selectinload(APIKey.admin))
    return db.scalars(query).all()
