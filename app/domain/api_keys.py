"""API keys: made once, shown once, revoked at once (P1)."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.errors import Conflict, Invalid
from app.domain.permissions import Scope
from app.domain.secrets import hash_secret, new_plain_secret
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey, api_key_by_secret_hash

# Letters and digits alone: OAuth clients disagree about how to spell others.
PREFIX = "usk"
VISIBLE_LENGTH = 10
NAME_LENGTH = 100
MOST_CALLBACKS = 10
CALLBACK_LENGTH = 500
# How exactly it is known when a key was last used: it is not written down at each request.
LAST_USED_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Limits:
    """What a key is limited to, beside its scopes.

    Without an `admin`, a key that may start sessions acts for whomever its caller names.
    `expires_at` is a point in time, None for a key that lasts until it is revoked.
    """

    account: Account | None = None
    admin: Admin | None = None
    reason_required: bool = True
    callback_urls: tuple[str, ...] = ()
    expires_at: datetime | None = None


def create(
    db: Session,
    *,
    name: str,
    scopes: Collection[str],
    limits: Limits = Limits(),
    by: Admin | None,
    provenance: Provenance,
    now: datetime,
) -> tuple[APIKey, str]:
    """Return the new key and its secret, which nobody can ask for a second time.

    Raises Invalid for a name, a scope or a limit that cannot be.
    """
    name = _checked_name(name)
    scopes = _checked_scopes(scopes)
    _check_limits(limits, scopes, now)
    secret = PREFIX + new_plain_secret()
    key = APIKey(
        name=name,
        prefix=secret[:VISIBLE_LENGTH],
        secret_hash=hash_secret(secret),
        scope=" ".join(scopes),
        account=limits.account,
        admin=limits.admin,
        reason_required=limits.reason_required,
        callback_urls=" ".join(limits.callback_urls),
        created_at=now,
        created_by=by,
        expires_at=limits.expires_at,
    )
    db.add(key)
    db.flush()
    append(
        db,
        event(
            AuditAction.API_KEY_CREATED,
            now=now,
            provenance=provenance,
            actor=by,
            account=limits.account,
            details={
                "name": key.name,
                "prefix": key.prefix,
                "scope": key.scope,
                "admin_id": key.admin_id or "",
                "reason_required": key.reason_required,
                "callback_urls": key.callback_urls,
                "expires_at": key.expires_at.isoformat() if key.expires_at else "",
                "admin": limits.admin.name if limits.admin else "",
            },
        ),
    )
    return key, secret


def revoke(
    db: Session, key: APIKey, *, by: Admin | None, provenance: Provenance, now: datetime
) -> None:
    """Let the key open nothing any more. Raises Conflict if it has been revoked before."""
    revoked = db.scalar(
        update(APIKey)
        .where(APIKey.id == key.id, APIKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(APIKey.id)
        .execution_options(synchronize_session=False)
    )
    if revoked is None:
        raise Conflict("This key has been revoked already.")
    db.refresh(key)
    append(
        db,
        event(
            AuditAction.API_KEY_REVOKED,
            now=now,
            provenance=provenance,
            actor=by,
            account=key.account,
            details={"name": key.name, "prefix": key.prefix},
        ),
    )


def find(db: Session, secret: str, *, now: datetime) -> APIKey | None:
    """Return the key with that secret if it is good at `now`, whatever for."""
    key = api_key_by_secret_hash(db, hash_secret(secret))
    return key if key is not None and key.is_good(now) else None


def find_client(db: Session, client_id: str, secret: str, *, now: datetime) -> APIKey | None:
    """Return the key with that secret if it is good at `now` and `client_id` is its id."""
    key = find(db, secret, now=now)
    if key is None:
        return None
    # Neither is found out by how long this takes (K5).
    same = hmac.compare_digest(hash_secret(key.id), hash_secret(client_id))
    return key if same else None


def is_stale(key: APIKey, *, now: datetime) -> bool:
    """Whether it is time to write down that the key is in use."""
    return key.last_used_at is None or now - key.last_used_at >= LAST_USED_WITHIN


def note_use(db: Session, key_id: str, *, now: datetime) -> None:
    """Write down that the key was used at `now`."""
    db.execute(update(APIKey).where(APIKey.id == key_id).values(last_used_at=now))


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid(f"An API key needs a name of at most {NAME_LENGTH} characters.")
    return name


def _checked_scopes(scopes: Collection[str]) -> list[str]:
    if not scopes or not set(scopes) <= set(Scope):
        raise Invalid(f"An API key needs scopes out of: {', '.join(Scope)}.")
    return sorted(set(scopes))


def _check_limits(limits: Limits, scopes: Collection[str], now: datetime) -> None:
    admin = limits.admin
    if limits.expires_at is not None and limits.expires_at <= now:
        raise Invalid("An API key has to expire later than now.")
    if admin is not None and admin.is_disabled:
        raise Invalid("The admin has been disabled.")
    # SCIM's accounts and members lie side by side: whoever pushes some can push all.
    if Scope.DIRECTORY in scopes and limits.account is not None:
        raise Invalid("A key for the directory cannot be limited to one account.")
    if len(limits.callback_urls) > MOST_CALLBACKS or not all(
        map(_is_callback, limits.callback_urls)
    ):
        raise Invalid(
            f"A callback is a whole web address without a fragment; at most {MOST_CALLBACKS}."
        )
    if Scope.AUTH0_CALLBACK in scopes and not limits.callback_urls:
        raise Invalid("A key that browsers are sent back to needs a callback.")


def _is_callback(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= CALLBACK_LENGTH
    # RFC 6749, 3.1.2: an absolute address without a fragment.
    whole = parts.scheme in ("http", "https") and bool(parts.netloc) and "#" not in url
    return plain and whole and "@" not in parts.netloc
