"""The impersonation token: a signed JWT that names a session and proves nothing by itself.

Its rules are PRODUCT.md's, RFC 8725's and the requirements T1 to T7. PyJWT checks the signature,
`iss` and `aud`; what it leaves unchecked (the type, the key's name, the times, the actor) is
checked here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from app.domain.key_ring import KeyRing
from app.domain.signing_keys import SigningKey
from app.storage.impersonations import LIFETIME, Impersonation

# RFC 9864 will call it "Ed25519"; PyJWT and its readers still say "EdDSA".
ALGORITHM = "EdDSA"
TYPE = "imp+jwt"
MAX_LENGTH = 4096
LEEWAY_SECONDS = 5
CLAIMS = ("iss", "aud", "sub", "org_id", "act", "sid", "jti", "iat", "nbf", "exp")


class InvalidToken(Exception):
    """The token is not one of ours, or no longer good."""


class ExpiredToken(InvalidToken):
    """The token was good in its time; `claims` tell which session it belonged to."""

    def __init__(self, claims: "Claims") -> None:
        super().__init__()
        self.claims = claims


@dataclass(frozen=True)
class Claims:
    """What a token says: ids only."""

    session_id: str
    token_id: str
    target_id: str
    account_id: str
    impersonator_id: str


@dataclass(frozen=True)
class Tokens:
    """Issues and verifies tokens for one product app.

    `keys` tells which keys there are by now; `issuer` and `audience` are origins: the admin
    site's and the product's.
    """

    keys: Callable[[], KeyRing]
    issuer: str
    audience: str

    def issue(self, impersonation: Impersonation, *, now: datetime) -> str:
        """Return the token of the session, which is as old as the session is.

        `now` says which key signs it.
        """
        key = self.keys().signing(now)
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": impersonation.target_id,
            "user_id": impersonation.target_id,
            "org_id": impersonation.account_id,
            "act": {"sub": impersonation.impersonator_id},
            "sid": impersonation.id,
            "jti": impersonation.token_id,
            "iat": int(impersonation.started_at.timestamp()),
            "nbf": int(impersonation.started_at.timestamp()),
            "exp": int(impersonation.expires_at.timestamp()),
        }
        headers = {"typ": TYPE, "kid": key.kid}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, *, now: datetime) -> Claims:
        """Return the claims of a good token; raise InvalidToken for any other."""
        try:
            said = self._decode(token, self.keys().public(now))
            _check_times(said, now)
            claims = Claims(
                session_id=_text(said["sid"]),
                token_id=_text(said["jti"]),
                target_id=_text(said["sub"]),
                account_id=_text(said["org_id"]),
                impersonator_id=_actor(said["act"]),
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidToken from error
        if said["exp"] <= now.timestamp():
            raise ExpiredToken(claims)
        return claims

    def _decode(self, token: str, keys: Mapping[str, SigningKey]) -> dict[str, Any]:
        if len(token) > MAX_LENGTH:
            raise InvalidToken
        header = jwt.get_unverified_header(token)
        key = keys.get(str(header.get("kid")))
        # Nothing else is understood, so nothing else is let through: no jku, jwk, x5u or crit.
        if key is None or header != {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}:
            raise InvalidToken
        return jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            issuer=self.issuer,
            audience=self.audience,
            options={
                "require": list(CLAIMS),
                "strict_aud": True,
                # Times are compared with the clock that was handed in (R5).
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    issued, not_before, expires = (_seconds(claims[name]) for name in ("iat", "nbf", "exp"))
    if not 0 < expires - issued <= LIFETIME.total_seconds():
        raise InvalidToken
    if max(issued, not_before) > now.timestamp() + LEEWAY_SECONDS:
        raise InvalidToken


def _seconds(value: object) -> int:
    # bool is an int to Python, but no point in time.
    if type(value) is not int:
        raise InvalidToken
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidToken
    return value


def _actor(value: object) -> str:
    # An actor who acts for another actor would be a nested impersonation (A4).
    if not isinstance(value, dict) or value.keys() != {"sub"}:
        raise InvalidToken
    return _text(value["sub"])
