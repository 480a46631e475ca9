"""The Ed25519 keys that sign impersonation tokens, and nothing else (K3)."""

import base64
import hashlib
import json
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


class UnusableKey(Exception):
    """The key file cannot be used; the message says why in one line (K1)."""


@dataclass(frozen=True)
class SigningKey:
    """A private key and the name it goes by: its RFC 7638 thumbprint."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that anyone may have."""
        return self.private.public_key()

    @cached_property
    def kid(self) -> str:
        """The key's name in tokens and in the JWK set."""
        members = {name: self._jwk[name] for name in ("crv", "kty", "x")}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
        return _base64url(hashlib.sha256(canonical.encode()).digest())

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public key as RFC 8037 writes it; never the private member `d` (K6)."""
        return self._jwk | {"kid": self.kid, "use": "sig", "alg": "EdDSA"}

    @property
    def _jwk(self) -> dict[str, str]:
        raw = self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(raw)}


def create(path: Path) -> None:
    """Write a new private key to `path`, readable by its owner alone; FileExistsError if there."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)


def load(path: Path) -> SigningKey:
    """Return the key in `path`; raise UnusableKey if it is missing, open to others or unfit."""
    try:
        key = load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError) as error:
        raise UnusableKey(f"{path} holds no private key that can be read") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey(f"{path} holds another kind of key than Ed25519")
    return SigningKey(key)


def read_private(path: Path) -> bytes:
    """Return what a key file holds; raise UnusableKey if it is missing or open to others (K1)."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnusableKey(f"{path} can be read by others than its owner")
        return path.read_bytes()
    except OSError as error:
        raise UnusableKey(f"{path} cannot be read: {error.strerror}") from error


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
