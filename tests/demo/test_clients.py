"""What `flask demo clients` makes."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.demo import clients
from app.domain import api_keys
from app.domain.errors import Absent
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.members import Member, member_with_number
from tests import factories
from tests.cast import HARBOUR, LIGHTHOUSE, MIA, OMAR
from tests.conftest import on_sqlite

pytestmark = on_sqlite

NAMES = [
    "BASE_URL",
    "PA_INTEGRATION_KEY",
    "PA_DISABLED_INTEGRATION_KEY",
    "PA_EMPLOYEE_EMAIL",
    "PA_EMPLOYEE_EMAIL_2",
    "PA_UNAUTHORIZED_EMAIL",
    "PA_TARGET_USER_ID",
    "PA_TARGET_USER_ID_2",
    "JA_ORG_ID",
    "JA_DISABLED_ORG_ID",
    "JA_TOKEN",
    "JA_NON_ADMIN_TOKEN",
    "JA_USER_ID",
    "JA_USER_NAME",
    "JA_USER_EMAIL",
    "JA_OUTSIDE_USER_ID",
    "A0_GLOBAL_TOKEN",
    "A0_ORDINARY_TOKEN",
    "A0_GLOBAL_CLIENT_ID",
    "A0_GLOBAL_CLIENT_SECRET",
    "A0_APP_CLIENT_ID",
    "A0_APP_CLIENT_SECRET",
    "A0_TARGET_USER_ID",
    "A0_IMPERSONATOR_ID",
    "A0_BAD_IMPERSONATOR_ID",
    "A0_CALLBACK_URL",
    "AK_TOKEN",
    "AK_NOPERM_TOKEN",
    "AK_DISABLED_TOKEN",
    "AK_REASON_TOKEN",
    "AK_ADMIN_PK",
    "AK_TARGET_PK",
    "OA_CLIENT_ID",
    "OA_CLIENT_SECRET",
]


@pytest.fixture
def mia_of_the_demo(db: Session, now: datetime) -> Member:
    """Mia as the demo knows her, with a colleague."""
    harbour = db.get_one(Account, HARBOUR)
    mia = db.get_one(Member, MIA.id)
    mia.email = clients.TARGET
    mia.fold_names()
    db.add(factories.member(id="sian", account=harbour, email="sian@harbour.example", now=now))
    db.flush()
    return mia


def made(db: Session, now: datetime) -> dict[str, str]:
    return clients.replace(
        db, admin_url="http://localhost:8000", product_url="http://127.0.0.1:8001", now=now
    )


def test_every_name_has_its_value(db: Session, mia_of_the_demo: Member, now: datetime) -> None:
    told = made(db, now)
    db.refresh(mia_of_the_demo)
    assert list(told) == NAMES
    assert all(told.values())
    assert told["JA_DISABLED_ORG_ID"] == LIGHTHOUSE
    assert member_with_number(db, int(told["AK_TARGET_PK"])) is mia_of_the_demo
    assert told["JA_USER_NAME"] == mia_of_the_demo.user_name


def test_every_secret_is_that_of_a_good_key(
    db: Session, mia_of_the_demo: Member, now: datetime
) -> None:
    told = made(db, now)
    secrets = [name for name, value in told.items() if value.startswith(api_keys.PREFIX)]
    assert len(secrets) == 13
    keys = {name: api_keys.find(db, told[name], now=now) for name in secrets}
    assert None not in keys.values()
    noperm, reason = keys["AK_NOPERM_TOKEN"], keys["AK_REASON_TOKEN"]
    assert isinstance(noperm, APIKey)
    assert isinstance(reason, APIKey)
    assert noperm.admin is db.get_one(Admin, OMAR.id)
    assert reason.reason_required


def test_those_of_earlier_are_revoked(db: Session, mia_of_the_demo: Member, now: datetime) -> None:
    earlier = made(db, now)
    later = made(db, now + timedelta(seconds=1))
    assert api_keys.find(db, earlier["JA_TOKEN"], now=now) is None
    assert api_keys.find(db, later["JA_TOKEN"], now=now) is not None


def test_without_the_demos_people_there_are_none(db: Session, now: datetime) -> None:
    with pytest.raises(Absent):
        made(db, now)
