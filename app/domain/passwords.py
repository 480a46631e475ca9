"""Passwords: which are good enough, and how one is kept and compared (S7)."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, permutations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn_rs_py import zxcvbn

from app.domain.errors import Invalid
from app.domain.secrets import new_secret

LENGTH = range(12, 129)
# zxcvbn's "safely unguessable": more than 10^8 guesses, starting with its 30,000 common passwords.
LEAST_SCORE = 3
LOOKED_AT = 64
# How people join two of their names, of the first few pieces of each: the pairs grow by the square.
JOINTS = ("", " ", ".", "-", "_")
PIECES = 8

# RFC 9106 allows less memory for more speed: the 64 MiB of the library's default, times the
# sign-ins that a stranger can start at once, would be a way to exhaust the machine (S7).
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str, *, known: Sequence[str] = ()) -> str:
    """Return the argon2id hash of an acceptable password; raise Invalid for another.

    `known` is what whoever guesses tries first: the admin's name and address (ASVS V6.2).
    """
    if len(password) not in LENGTH:
        raise Invalid(f"Choose a password of {LENGTH[0]} to {LENGTH[-1]} characters.")
    # A password that is good so far is good; the longest would keep the process for half a second.
    if int(zxcvbn(password[:LOOKED_AT], _words(known)).score) < LEAST_SCORE:
        raise Invalid("This password is easy to guess. Four words that nobody connects are not.")
    return _hasher.hash(password)


def _words(known: Sequence[str]) -> list[str]:
    """Return what is known of somebody in one piece, in pieces, and in pairs joined anew.

    Each stands once, and what is tried first comes first: zxcvbn goes by the last place of a word.
    """
    pieces = [re.split(r"[\W_]+", one)[:PIECES] for one in known]
    pairs = (two for some in pieces for two in permutations(some, 2))
    joined = (joint.join(two) for two in pairs for joint in JOINTS)
    return list(dict.fromkeys(word.lower() for word in chain(known, *pieces, joined)))


def matches(password_hash: str, password: str) -> bool:
    """Whether this is the password."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def renewed(password_hash: str, password: str) -> str:
    """Return the hash of a password that matches, made anew if it was made another way."""
    if not _hasher.check_needs_rehash(password_hash):
        return password_hash
    return _hasher.hash(password)


@lru_cache
def nobodys_hash() -> str:
    """Return the hash of a password that nobody knows.

    It is for whoever has none, and to compare with when there is no admin, so that both take the
    same time (S5).
    """
    return _hasher.hash(new_secret())
