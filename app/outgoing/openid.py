"""The company's identity provider, by OpenID Connect: a code, PKCE, a nonce, and an ID token.

Authlib and joserfc do the protocol; here is what they leave open: which algorithms, whose audience,
how long and how much we listen, and what each failure is called.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.domain.company_provider import Errand, Failure, NotProved, Proof

# By public keys alone: whoever knows the client's secret must not be able to make a token (S11).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
DISCOVERY = "/.well-known/openid-configuration"
SCOPE = "openid"
BASIC, POST = "client_secret_basic", "client_secret_post"
KEPT_SECONDS = 600
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 3.0, 5.0, 10.0
MOST_BYTES = 256 * 1024
LEEWAY_SECONDS = 30
LONGEST_SUBJECT = 255
RANDOM_LENGTH = 48
WHY = {
    "iss": Failure.ISSUER,
    "aud": Failure.AUDIENCE,
    "azp": Failure.AUDIENCE,
    "nonce": Failure.NONCE,
}
# A time can be one that no calendar has.
BROKEN = (
    *(AuthlibBaseError, JoseError),
    *(ValueError, TypeError, KeyError, OverflowError, RecursionError),
)


class _Session(OAuth2Session):  # type: ignore[misc]
    """Asks for so long and no longer, reads so much and no more, and is sent nowhere else."""

    def request(self, method: str, url: str, **more: Any) -> requests.Response:
        more |= {"timeout": (CONNECT_SECONDS, READ_SECONDS), "stream": True}
        more["allow_redirects"] = False
        until = time.monotonic() + WHOLE_SECONDS
        response: requests.Response = super().request(method, url, **more)
        try:
            content = b""
            for block in response.iter_content(8192):
                content += block
                if len(content) > MOST_BYTES or time.monotonic() > until:
                    raise NotProved(Failure.UNAVAILABLE, "its answer has no end")
        finally:
            response.close()
        response._content = content
        return response


@dataclass
class OpenIDProvider:
    """A provider known by its `issuer`, and what we are known as there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    _keys: dict[str, Any] = field(default_factory=dict, repr=False)
    _known_until: float = field(default=0.0, repr=False)

    def errand(self, *, callback_url: str, fresh: bool) -> Errand:
        with _named(), self._session(callback_url) as session:
            metadata = self._known()
            nonce, verifier = generate_token(RANDOM_LENGTH), generate_token(RANDOM_LENGTH)
            anew = {"prompt": "login", "max_age": "0"} if fresh else {}
            url, state = session.create_authorization_url(
                metadata["authorization_endpoint"],
                state=generate_token(RANDOM_LENGTH),
                nonce=nonce,
                code_verifier=verifier,
                **anew,
            )
        return Errand(url, state, nonce, verifier)

    def prove(
        self, *, code: str, nonce: str, verifier: str, callback_url: str, now: datetime
    ) -> Proof:
        with _named():
            endpoint = self._known()["token_endpoint"]
            with self._session(callback_url) as session:
                answer = session.fetch_token(endpoint, code=code, code_verifier=verifier)
            id_token = answer["id_token"]
            if not isinstance(id_token, str):
                raise TypeError("its ID token is none")
            return self._proof(id_token, nonce=nonce, now=now)

    def _proof(self, id_token: str, *, nonce: str, now: datetime) -> Proof:
        token = self._verified(id_token)
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        expected = {"nonce": nonce, "client_id": self.client_id}
        claims = CodeIDToken(token.claims, token.header, options, expected)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        subject, at = claims["sub"], claims.get("auth_time")
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise InvalidClaimError("sub")
        return Proof(
            issuer=self.issuer,
            subject=subject,
            claims=dict(claims),
            authenticated_at=datetime.fromtimestamp(at, UTC) if at else None,
        )

    def _verified(self, id_token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        try:
            return jwt.decode(id_token, self._key_set(), registry=registry)
        except JoseError:
            # It may have begun to sign with a new key.
            with self._lock:
                self._keys = {}
            return jwt.decode(id_token, self._key_set(), registry=registry)

    def _known(self) -> dict[str, Any]:
        """Return what the provider says of itself, asked for every few minutes."""
        with self._lock:
            if time.monotonic() < self._known_until:
                return self._metadata
        metadata = self._get(self.issuer.rstrip("/") + DISCOVERY)
        if metadata.get("issuer") != self.issuer:
            raise NotProved(Failure.ISSUER, "its discovery document names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._check_address(metadata[name])
        with self._lock:
            self._metadata, self._keys = metadata, {}
            self._known_until = time.monotonic() + KEPT_SECONDS
        return metadata

    def _key_set(self) -> KeySet:
        with self._lock:
            keys = self._keys
        if not keys:
            keys = self._get(self._known()["jwks_uri"])
            with self._lock:
                self._keys = keys
        return KeySet([key for one in keys["keys"] for key in _imported(one)])

    def _check_address(self, url: str) -> None:
        # What the settings allow for the issuer is allowed for what it names, and no more.
        parts, ours = urlsplit(url), urlsplit(self.issuer)
        if parts.scheme not in {"https", ours.scheme} or not parts.hostname:
            raise NotProved(Failure.ANSWER, "its discovery document names no https address")

    def _get(self, url: str) -> dict[str, Any]:
        with self._session() as session:
            answer = session.request("GET", url, withhold_token=True)
        answer.raise_for_status()
        content = answer.json()
        if answer.is_redirect or not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        return content

    def _session(self, callback_url: str | None = None) -> _Session:
        return _Session(
            self.client_id,
            self.client_secret,
            scope=SCOPE,
            redirect_uri=callback_url,
            code_challenge_method="S256",
            token_endpoint_auth_method=self._auth_method(),
        )

    def _auth_method(self) -> str:
        known = self._metadata.get("token_endpoint_auth_methods_supported")
        by_post = isinstance(known, list) and BASIC not in known and POST in known
        return POST if by_post else BASIC


def _imported(key: Any) -> list[Any]:
    """Return the key, if it is one that we can use."""
    try:
        return list(KeySet.import_key_set({"keys": [key]}).keys)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return []


@contextmanager
def _named() -> Iterator[None]:
    """Call each failure by its name."""
    try:
        yield
    except NotProved:
        raise
    except requests.exceptions.InvalidJSONError as error:
        raise NotProved(Failure.ANSWER, type(error).__name__) from error
    except requests.RequestException as error:
        raise NotProved(Failure.UNAVAILABLE, type(error).__name__) from error
    except ExpiredTokenError as error:
        raise NotProved(Failure.EXPIRED) from error
    except (InvalidClaimError, MissingClaimError) as error:
        why = next((why for claim, why in WHY.items() if f"'{claim}'" in str(error)), Failure.TOKEN)
        raise NotProved(why, str(error)) from error
    except JoseError as error:
        raise NotProved(Failure.TOKEN, type(error).__name__) from error
    except BROKEN as error:
        raise NotProved(Failure.ANSWER, type(error).__name__) from error
