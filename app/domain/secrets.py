"""Random secrets, and the only form in which they are kept."""

import hashlib
import secrets
import string

SECRET_BYTES = 32
LETTERS_AND_DIGITS = string.ascii_letters + string.digits
# So many of them hold 256 bits.
PLAIN_LENGTH = 43


def new_secret() -> str:
    """Return 256 random bits as text that is safe in a URL (H2, P1)."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_plain_secret() -> str:
    """Return 256 random bits as ASCII letters and digits alone (P1)."""
    return "".join(secrets.choice(LETTERS_AND_DIGITS) for _ in range(PLAIN_LENGTH))


def hash_secret(secret: str) -> str:
    """Return the SHA-256 under which a random secret is stored and looked up.

    A plain hash is enough, since nobody guesses 256 random bits; passwords go through argon2.
    Looking up by hash also compares in constant time what an attacker can vary (K5).
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
