"""Who is impersonating whom: what an impersonated request carries through the product app."""

from dataclasses import dataclass
from datetime import datetime
from wsgiref.types import WSGIEnvironment

ENVIRON_KEY = "impersonation"
REQUEST_ID_KEY = "impersonation.request_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A member of an account, or an admin."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The customer organisation the member belongs to."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Impersonation:
    """One live impersonation session: ``actor`` does what ``subject`` could do in ``account``."""

    id: str
    subject: Person
    account: Account
    actor: Person
    started_at: datetime
    expires_at: datetime
    seconds_left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Why a session is over: a code for programs and a sentence for people."""

    why: str
    sentence: str


def current(environ: WSGIEnvironment) -> Impersonation | None:
    """The impersonation under which this request runs, or None for an ordinary request."""
    found = environ.get(ENVIRON_KEY)
    return found if isinstance(found, Impersonation) else None
