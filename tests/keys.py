"""API keys for tests of what programs ask."""

from datetime import datetime
from typing import Any

from app.domain import api_keys
from app.domain.api_keys import Limits
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from app.storage.database import Database
from tests.factories import FROM_THE_OFFICE


def make_key(
    database: Database,
    *scopes: str,
    account: str | None = None,
    admin: str | None = None,
    now: datetime,
    **limits: Any,
) -> tuple[APIKey, str]:
    """Return a key with those scopes, and its secret; `account` and `admin` are ids."""
    with database.unit_of_work(writing=True) as db:
        limited = Limits(
            account=db.get_one(Account, account) if account else None,
            admin=db.get_one(Admin, admin) if admin else None,
            **limits,
        )
        return api_keys.create(
            db,
            name="A program",
            scopes=scopes,
            limits=limited,
            by=None,
            provenance=FROM_THE_OFFICE,
            now=now,
        )
