"""The people of the tests. Each has one reason to be here, and one of them is an outsider.

Their ids are their names, so that a failing assertion reads like a sentence.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.secrets import hash_secret
from app.storage.admins import Admin, Role
from app.storage.api_keys import APIKey
from app.storage.members import Member
from tests import factories

PASSWORD = factories.PASSWORD
# Letterbox's key to our API.
API_KEY = "uskTheKeyThatLetterboxWasGiven"


@dataclass(frozen=True)
class Person:
    """Somebody as the tests speak of them: an admin or a member."""

    id: str
    name: str
    email: str


# Superadmins: ada acts, cy is the other one, so that ada is never the last.
ADA = Person("ada", "Ada Lindqvist", "ada@example.com")
CY = Person("cy", "Cy Okafor", "cy@example.com")
# An admin without the role.
OMAR = Person("omar", "Omar Haddad", "omar@example.com")

# The member who may be impersonated, in the account Harbour, and all who may not, and why.
MIA = Person("mia", "Mia Søndergaard", "mia@harbour.example")
NOOR = Person("noor", "Noor Rahimi", "noor@harbour.example")  # deactivated
IVO = Person("ivo", "Ivo Kovač", "ivo@harbour.example")  # invited
PIA = Person("pia", "Pia Müller", "pia@harbour.example")  # protected
OMAR_AS_MEMBER = Person("omar-as-member", "Omar Haddad", "Omar@Example.com")  # an admin here
SAM = Person("sam", "Sam Osei", "sam@drydock.example")  # his account is suspended
OPAL = Person("opal", "Opal Nguyen", "opal@lighthouse.example")  # her account has opted out
# The outsider: she could be impersonated, but nothing in a test is ever about her.
EVE = Person("eve", "Eve Tanaka", "eve@elsewhere.example")

HARBOUR, DRYDOCK, LIGHTHOUSE, ELSEWHERE = "harbour", "drydock", "lighthouse", "elsewhere"


def gather(db: Session, *, now: datetime) -> None:
    """Add everybody, their accounts and Letterbox's API key."""
    for person, role in ((ADA, Role.SUPERADMIN), (CY, Role.SUPERADMIN), (OMAR, Role.ADMIN)):
        db.add(_admin(person, role, now))
    harbour = factories.account(id=HARBOUR, name="Harbour", now=now)
    drydock = factories.account(id=DRYDOCK, name="Drydock", status="suspended", now=now)
    lighthouse = factories.account(
        id=LIGHTHOUSE, name="Lighthouse", impersonation_allowed=False, now=now
    )
    elsewhere = factories.account(id=ELSEWHERE, name="Elsewhere", now=now)
    members = [
        _member(MIA, account=harbour, role="owner", now=now),
        _member(NOOR, account=harbour, status="deactivated", now=now),
        _member(IVO, account=harbour, status="invited", now=now),
        _member(PIA, account=harbour, protected=True, now=now),
        _member(OMAR_AS_MEMBER, account=harbour, now=now),
        _member(SAM, account=drydock, now=now),
        _member(OPAL, account=lighthouse, now=now),
        _member(EVE, account=elsewhere, now=now),
    ]
    db.add_all(members)
    db.add(
        APIKey(
            id="letterbox",
            name="Letterbox",
            prefix=API_KEY[:10],
            secret_hash=hash_secret(API_KEY),
            scope="product",
            created_at=now,
        )
    )


def _admin(person: Person, role: Role, now: datetime) -> Admin:
    return factories.admin(id=person.id, name=person.name, email=person.email, role=role, now=now)


def _member(person: Person, *, now: datetime, **columns: Any) -> Member:
    return factories.member(id=person.id, name=person.name, email=person.email, now=now, **columns)
