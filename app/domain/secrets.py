"""Random secrets, and the only form in which they are kept."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """Return 256 random bits as text that is safe in a URL (H2, P1)."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 under which a random secret is stored and looked up.

    A plain hash is enough, since nobody guesses 256 random bits; passwords go through argon2.
    Looking up by hash also compares in constant time what an attacker can vary (K5).
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
