"""API keys: made once, shown once, revoked at once (P1)."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Invalid
from app.domain.permissions import Scope
from app.domain.secrets import hash_secret, new_secret
from app.storage.admins import Admin
from app.storage.api_keys import APIKey, api_key_by_secret_hash

PREFIX = "us_"
VISIBLE_LENGTH = 10


def create(
    db: Session,
    *,
    name: str,
    scopes: list[str],
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> tuple[APIKey, str]:
    """Return the new key and its secret, which nobody can ask for a second time."""
    if not name.strip() or not scopes or not set(scopes) <= set(Scope):
        raise Invalid(f"An API key needs a name and scopes out of: {', '.join(Scope)}.")
    secret = PREFIX + new_secret()
    key = APIKey(
        name=name.strip(),
        prefix=secret[:VISIBLE_LENGTH],
        secret_hash=hash_secret(secret),
        scope=" ".join(sorted(set(scopes))),
        created_at=now,
    )
    db.add(key)
    append(
        db,
        event(
            AuditAction.API_KEY_CREATED,
            now=now,
            provenance=provenance,
            actor=by,
            details={"name": key.name, "prefix": key.prefix, "scope": key.scope},
        ),
    )
    return key, secret


def find(db: Session, secret: str, *, scope: Scope, now: datetime) -> APIKey | None:
    """Return the key with that secret if it may be used for `scope` at `now`."""
    key = api_key_by_secret_hash(db, hash_secret(secret))
    return key if key is not None and key.allows(scope, now=now) else None
