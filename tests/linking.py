"""One-time links of Ada's to Mia, for tests that are about something around them."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain import api_keys, impersonation_links
from app.domain.api_keys import Limits
from app.domain.impersonation_links import Destination, Followed
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.members import Member
from tests.cast import ADA, MIA
from tests.factories import FROM_THE_OFFICE

CALLBACK = "https://support.example.com/callback"


def client(db: Session, *, now: datetime, limits: Limits | None = None) -> APIKey:
    """Return the key of a program that asks for links; with a callback, of an application."""
    limits = limits or Limits()
    scopes = ["auth0_callback"] if limits.callback_urls else ["auth0", "impersonate"]
    key, _ = api_keys.create(
        db, name="Auth0", scopes=scopes, limits=limits, by=None, provenance=FROM_THE_OFFICE, now=now
    )
    return key


def make(db: Session, *, now: datetime) -> str:
    """Return the secret of a new link, of keys of its own."""
    app = client(db, now=now, limits=Limits(callback_urls=(CALLBACK,)))
    return impersonation_links.make(
        db,
        impersonator=db.get_one(Admin, ADA.id),
        target=db.get_one(Member, MIA.id),
        api_key=client(db, now=now),
        destination=Destination(app, CALLBACK, "code", None),
        reason="Her template is broken",
        provenance=FROM_THE_OFFICE,
        now=now,
    )


def follow(db: Session, secret: str, *, now: datetime) -> Followed | None:
    """Follow the link."""
    return impersonation_links.follow(
        db, secret=secret, impersonator_id=ADA.id, provenance=FROM_THE_OFFICE, now=now
    )
