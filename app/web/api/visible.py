"""What a program may see: everything, or what belongs to the account that its key is limited to.

What it may not see is to it as if it were not there.
"""

from typing import TypeVar

from flask import g

from app.domain.errors import Invalid
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.base import Base
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.web.api import programs

Row = TypeVar("Row", bound=Base)


def account(account_id: str) -> Account | None:
    """Return the account with that id."""
    return _row(Account, account_id) if programs.api_key().covers(account_id) else None


def member(member_id: str) -> Member | None:
    """Return the member with that id."""
    found = _row(Member, member_id)
    return found if found and programs.api_key().covers(found.account_id) else None


def impersonation(impersonation_id: str) -> Impersonation | None:
    """Return the session with that id, live or over."""
    found = _row(Impersonation, impersonation_id)
    return found if found and programs.api_key().covers(found.account_id) else None


def account_id_in(filters: dict[str, str]) -> str | None:
    """Return which account a list is to keep to, None for all; Invalid if it cannot be seen."""
    named = filters.get("account")
    if named is None:
        return programs.api_key().account_id
    if account(named) is None:
        raise Invalid("account must be the id of an account.")
    return named


def member_id_in(filters: dict[str, str]) -> str | None:
    """Return which member a list is to keep to, None for all; Invalid if none can be seen."""
    named = filters.get("subject")
    if named is not None and member(named) is None:
        raise Invalid("subject must be the id of a member.")
    return named


def admin_id_in(filters: dict[str, str]) -> str | None:
    """Return which admin a list is to keep to, None for all; Invalid if there is none."""
    named = filters.get("actor")
    if named is not None and _row(Admin, named) is None:
        raise Invalid("actor must be the id of an admin.")
    return named


def _row(kind: type[Row], id_: str) -> Row | None:
    row: Row | None = g.db.get(kind, id_)
    return row
