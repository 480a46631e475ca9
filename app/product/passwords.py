"""Members' passwords."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, two passes, one lane: strong enough, and many sign-ins at once cannot eat the memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_nobodys_hash = _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (InvalidHashError, VerificationError):
        return False


def pretend_to_check(password: str) -> None:
    """As much work for an unknown e-mail address as for a known one."""
    password_matches(_nobodys_hash, password)
