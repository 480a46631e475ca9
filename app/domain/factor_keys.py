"""The key that seals the secrets of authenticator apps in the database, and nothing else (K3)."""

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.domain.signing_keys import UnusableKey, read_private

KEY_BYTES = 32
NONCE_BYTES = 12


class NotSealed(Exception):
    """What is to be opened was not sealed by this key for this purpose."""


@dataclass(frozen=True)
class FactorKey:
    """AES-256 in GCM (NIST SP 800-38D). What is sealed opens only for whom it was sealed."""

    key: bytes = field(repr=False)

    def seal(self, secret: str, *, owner: str) -> str:
        """Return `secret` as text that only this key opens, and only for the same `owner`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, secret.encode(), owner.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, owner: str) -> str:
        """Return what was sealed; raise NotSealed for anything else, another's for instance."""
        try:
            data = base64.urlsafe_b64decode(sealed.encode("ascii"))
            nonce, rest = data[:NONCE_BYTES], data[NONCE_BYTES:]
            return AESGCM(self.key).decrypt(nonce, rest, owner.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise NotSealed from error


def create(path: Path) -> None:
    """Write a new key to `path`, readable by its owner alone; FileExistsError if there."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(base64.b64encode(AESGCM.generate_key(KEY_BYTES * 8)) + b"\n")


def load(path: Path) -> FactorKey:
    """Return the key in `path`; raise UnusableKey if it is missing, open to others or unfit."""
    try:
        key = base64.b64decode(read_private(path).strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableKey(f"{path} holds no key that can be read") from error
    if len(key) != KEY_BYTES:
        raise UnusableKey(f"{path} holds another kind of key than {KEY_BYTES} bytes in base64")
    return FactorKey(key)
