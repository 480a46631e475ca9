"""Access tokens: what a program gets for the secret of its API key, and sends instead of it.

One stands for the key, which is looked up at each use: it is never good for longer, or for more.
"""

import hashlib
from datetime import datetime, timedelta

from flask import g
from itsdangerous import BadSignature, Signer

from app.storage.api_keys import APIKey
from app.storage.clocks import CLOCKS_DIFFER_BY
from app.web.application_context import settings

LIFETIME = timedelta(minutes=10)


def issue(key: APIKey, *, now: datetime) -> str:
    """Return a new access token for the program with that key."""
    ends_at = int((now + LIFETIME).timestamp())
    return _signer(key).sign(f"{key.id}.{ends_at}").decode()


def find(token: str, *, now: datetime) -> APIKey | None:
    """Return the key that the token stands for, if both are good at `now`.

    A token that would be good for longer than any that is issued is none of ours (P1).
    """
    key_id, dot, _ = token.partition(".")
    # PostgreSQL cannot be asked for everything that a header may hold.
    can_be = bool(dot) and key_id.isascii() and key_id.isprintable()
    key: APIKey | None = g.db.get(APIKey, key_id) if can_be else None
    if key is None or not key.is_good(now):
        return None
    try:
        signed = _signer(key).unsign(token).decode()
    except BadSignature:
        return None
    left = int(signed.rpartition(".")[2]) - now.timestamp()
    return key if 0 < left <= (LIFETIME + CLOCKS_DIFFER_BY).total_seconds() else None


def _signer(key: APIKey) -> Signer:
    # Of our secret and of the hash of the key's own: whoever has only the settings, or only the
    # database, makes no token, and whoever has one key's makes none for another (K3).
    return Signer(
        settings().secret_key,
        salt=f"access token {key.secret_hash}",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )
