"""What the company's identity provider is asked, and what it answers (OpenID Connect).

Who talks to it is told from outside (app.outgoing.openid); what its word is worth is decided in
app.domain.company_sign_in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Failure(StrEnum):
    """Why nobody was proved. The names are part of the audit trail: they never change."""

    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    ANSWER = "answer"
    TOKEN = "token"  # noqa: S105 - it says what was wrong
    ISSUER = "issuer"
    AUDIENCE = "audience"
    NONCE = "nonce"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Proof:
    """Whom the provider knows the person in front of it as: the subject, which never changes.

    `claims` are all that the ID token says. `authenticated_at` is when the person last proved
    themselves there, None where the provider does not say.
    """

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    authenticated_at: datetime | None = None


@dataclass(frozen=True)
class Errand:
    """What a browser is sent to the provider with, and has to bring back (RFC 7636, OIDC 3.1.2).

    `state` comes back in the address, `nonce` in the token; `verifier` is only ever told the
    provider itself.
    """

    url: str
    state: str
    nonce: str
    verifier: str


class NotProved(Exception):
    """The provider has not proved anybody; `detail` is for the operator, without any secret."""

    def __init__(self, why: Failure, detail: str = "") -> None:
        super().__init__(why)
        self.why, self.detail = why, detail


class Provider(Protocol):
    """The company's provider."""

    @property
    def issuer(self) -> str:
        """Its name, which is also where it is found."""

    def errand(self, *, callback_url: str, fresh: bool) -> Errand:
        """Return what to send a browser there with; raise NotProved when it cannot be reached.

        With `fresh` the person is to prove themselves anew, whoever they are there.
        """

    def prove(
        self, *, code: str, nonce: str, verifier: str, callback_url: str, now: datetime
    ) -> Proof:
        """Return whom the code stands for; raise NotProved when it stands for nobody."""
