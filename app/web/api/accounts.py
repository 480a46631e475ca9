"""Accounts for programs: find one, see one."""

from typing import Any

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from app.domain.errors import Absent
from app.storage.accounts import Account, list_accounts, search_accounts
from app.storage.paging import Page
from app.web.api import lists, visible


def index() -> ResponseReturnValue:
    """All accounts by name, or those that `q` finds, best first."""
    asked = lists.asked("q")
    text, within = asked.filters.get("q"), visible.account_id_in({})
    page: Page[Account] = (
        search_accounts(g.db, text=text, cursor=asked.cursor, account_id=within, size=asked.size)
        if text
        else list_accounts(g.db, cursor=asked.cursor, account_id=within, size=asked.size)
    )
    return asked.answer("accounts", page, [as_json(one) for one in page.rows])


def show(account_id: str) -> ResponseReturnValue:
    """One account."""
    account = visible.account(account_id)
    if account is None:
        raise Absent("There is no such account.")
    return jsonify(as_json(account))


def as_json(account: Account) -> dict[str, Any]:
    """Return what programs are told of an account."""
    return {
        "id": account.id,
        "name": account.name,
        "domain": account.domain,
        "plan": account.plan,
        "status": account.status,
        "allows_impersonation": account.allows_impersonation,
        "member_count": account.member_count,
    }
