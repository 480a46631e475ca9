"""Access tokens: what a program gets for the secret of its API key, and sends instead of it.

One stands for the key, which is looked up at each use: it is never good for longer, or for more.
"""

import hashlib
from datetime import datetime, timedelta

from flask import g
from itsdangerous import BadData, URLSafeSerializer

from app.storage.api_keys import APIKey
from app.web.application_context import settings

LIFETIME = timedelta(minutes=10)


def issue(key: APIKey, *, now: datetime) -> str:
    """Return a new access token for the program with that key."""
    return str(_serializer().dumps([key.id, int((now + LIFETIME).timestamp())]))


def find(token: str, *, now: datetime) -> APIKey | None:
    """Return the key that the token stands for, if both are good at `now`."""
    try:
        key_id, ends_at = _serializer().loads(token)
    except BadData:
        return None
    key: APIKey | None = g.db.get(APIKey, key_id) if now.timestamp() < ends_at else None
    return key if key is not None and key.is_good(now) else None


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(
        settings().secret_key,
        salt="access token",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
