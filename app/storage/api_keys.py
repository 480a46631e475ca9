"""API keys: how a program, such as a product app, proves who it is."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base, new_id


class APIKey(Base):
    """A key, known by the SHA-256 of its secret; `prefix` is what people may see of it."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    # Scopes, parted by single spaces, as in OAuth.
    scope: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    def allows(self, scope: str, *, now: datetime) -> bool:
        """Whether the key is good at `now` and was given `scope`."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired and scope in self.scope.split()


def api_key_by_secret_hash(db: Session, secret_hash: str) -> APIKey | None:
    """Return the key, good or not."""
    return db.scalar(select(APIKey).where(APIKey.secret_hash == secret_hash))
