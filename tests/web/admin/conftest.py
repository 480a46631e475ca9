"""People at the admin site, and sessions that run."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.domain.sign_ins import SignedIn
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from tests import factories
from tests.browsing import Browser
from tests.cast import ADA, OMAR, Person
from tests.clock import Clock


@pytest.fixture
def stranger(client: FlaskClient) -> Browser:
    return Browser(client)


@pytest.fixture
def superadmin(client: FlaskClient, sign_in: Callable[[Person], SignedIn]) -> Browser:
    sign_in(ADA)
    return Browser(client)


@pytest.fixture
def plain_admin(client: FlaskClient, sign_in: Callable[[Person], SignedIn]) -> Browser:
    sign_in(OMAR)
    return Browser(client)


@pytest.fixture
def start_session(database: Database, clock: Clock) -> Callable[..., str]:
    """Start and open a session; return its id."""

    def start_session(impersonator: Person, target: Person, **arguments: str) -> str:
        with database.unit_of_work(writing=True) as db:
            impersonation = factories.start(
                db,
                impersonator=db.get_one(Admin, impersonator.id),
                target=db.get_one(Member, target.id),
                now=clock.now,
                **arguments,
            ).impersonation
            impersonation.opened_at = clock.now
            return impersonation.id

    return start_session
