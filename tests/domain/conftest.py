"""A session to begin with."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from app.domain import impersonations
from app.domain.impersonations import Started
from app.storage.admins import Admin
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from tests import factories
from tests.factories import FROM_THE_OFFICE

Open = Callable[..., Impersonation]


@pytest.fixture
def started(db: Session, ada: Admin, mia: Member, now: datetime) -> Started:
    """Ada's session as Mia, which no tab has opened yet."""
    return factories.start(db, impersonator=ada, target=mia, now=now)


@pytest.fixture
def opened(db: Session, started: Started, now: datetime) -> Impersonation:
    """Ada's session as Mia, opened at `now`."""
    redeemed = impersonations.redeem(db, ticket=started.ticket, provenance=FROM_THE_OFFICE, now=now)
    assert redeemed is started.impersonation
    return redeemed
