"""What people prove themselves with in tests: an authenticator app, and a passkey."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session
from webauthn.helpers import bytes_to_base64url

from app.domain.factors import Lock
from app.storage.base import new_id
from app.storage.factors import Factor, FactorKind

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass(frozen=True)
class App:
    """An authenticator app that has read a secret."""

    secret: str

    def code(self, at: datetime) -> str:
        """Return what it shows then."""
        return pyotp.TOTP(self.secret).at(at)


def add_app(db: Session, admin_id: str, *, lock: Lock, now: datetime) -> App:
    """Give an admin an app, without any sign-in."""
    app, id_ = App(pyotp.random_base32()), new_id()
    db.add(
        Factor(
            id=id_,
            admin_id=admin_id,
            kind=FactorKind.TOTP,
            name="Telephone",
            added_at=now,
            sealed_secret=lock.key.seal(app.secret, owner=id_),
            last_step=0,
        )
    )
    db.flush()
    return app


@dataclass
class Passkey:
    """An authenticator with one resident key, which answers as a browser passes it on.

    A test turns one of the public fields to let it answer wrongly.
    """

    origin: str
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    id: bytes = field(default_factory=lambda: new_id().encode())
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: str) -> str:
        """Answer `navigator.credentials.create`."""
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + self.public_key()
        data = self._authenticator_data(self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": bytes_to_base64url(attestation)}
        return self._answer("webauthn.create", options, response)

    def prove(self, options: str) -> str:
        """Answer `navigator.credentials.get`."""
        self.count += 1
        data = self._authenticator_data(self.flags)
        client = self._client_data("webauthn.get", options)
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        response = {
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(signature),
        }
        return self._answer("webauthn.get", options, response)

    def _answer(self, kind: str, options: str, response: dict[str, str]) -> str:
        client = bytes_to_base64url(self._client_data(kind, options))
        whole: dict[str, Any] = {
            "id": bytes_to_base64url(self.id),
            "rawId": bytes_to_base64url(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {"clientDataJSON": client, **response},
        }
        return json.dumps(whole)

    def _client_data(self, kind: str, options: str) -> bytes:
        asked = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": asked, "origin": self.origin}).encode()

    def _authenticator_data(self, flags: int) -> bytes:
        site = hashlib.sha256(self.rp_id.encode()).digest()
        return site + bytes([flags]) + self.count.to_bytes(4)

    def public_key(self) -> bytes:
        """Return the public half as WebAuthn passes it on."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32) for number in (numbers.x, numbers.y))
        # COSE: an elliptic curve key (1: 2) for ES256 (3: -7) on P-256 (-1: 1).
        key: bytes = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return key


def add_passkey(db: Session, admin_id: str, *, lock: Lock, now: datetime) -> Passkey:
    """Give an admin a passkey, without any sign-in."""
    passkey = Passkey(lock.site.origin)
    db.add(
        Factor(
            admin_id=admin_id,
            kind=FactorKind.PASSKEY,
            name="Laptop",
            added_at=now,
            credential_id=bytes_to_base64url(passkey.id),
            public_key=bytes_to_base64url(passkey.public_key()),
            sign_count=0,
        )
    )
    db.flush()
    return passkey
