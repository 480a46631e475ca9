"""Members for programs: find one, in one account or across all, see one."""

from typing import Any

from flask import g, jsonify
from flask.typing import ResponseReturnValue

from app.domain.errors import Absent
from app.storage.listed_members import ListedMember, list_members, search_members
from app.storage.members import Member
from app.storage.paging import Page
from app.web.api import lists, visible


def index() -> ResponseReturnValue:
    """All members by name, or those that `q` finds, best first; of one `account`, if it is said."""
    asked = lists.asked("q", "account")
    text, within = asked.filters.get("q"), visible.account_id_in(asked.filters)
    page: Page[ListedMember] = (
        search_members(g.db, text=text, cursor=asked.cursor, account_id=within, size=asked.size)
        if text
        else list_members(g.db, cursor=asked.cursor, account_id=within, size=asked.size)
    )
    return asked.answer("members", page, [as_json(one) for one in page.rows])


def show(member_id: str) -> ResponseReturnValue:
    """One member."""
    member = visible.member(member_id)
    if member is None:
        raise Absent("There is no such member.")
    return jsonify(as_json(member))


def as_json(member: Member | ListedMember) -> dict[str, Any]:
    """Return what programs are told of a member."""
    return {
        "id": member.id,
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "status": member.status,
        "protected": member.protected,
        "account": {"id": member.account_id, "name": member.account.name},
    }
