"""Users of authentik: whom the caller impersonates, from when to when."""

import re
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.domain.errors import Absent, Invalid
from app.domain.permissions import Permission
from app.domain.policies import Refusal
from app.storage.admins import Admin, admins_by_name
from app.storage.base import number_of
from app.storage.impersonations import LIFETIME, active_impersonation_of
from app.storage.members import Member, MemberStatus, member_with_number
from app.storage.pushed import user_name_of
from app.web.api import bodies, programs
from app.web.api.authentik import sessions
from app.web.api.authentik.answers import empty
from app.web.application_context import settings

REQUIRED = "This field is required."
NO_USER = "No User matches the given query."
# What its clients take for a user name, an e-mail address or a pk.
USER_NAME = re.compile(r"[\w.@+-]{1,150}")
LONGEST_EMAIL = 254
PK = re.compile(r"[0-9]{1,16}")


def impersonate(user_pk: str) -> ResponseReturnValue:
    """Start a session as that user; the answer's cookie names it."""
    admin = programs.caller()
    reason = _reason()
    programs.check_anybody(admin, programs.api_key().account)
    target = _target(user_pk, admin)
    try:
        impersonation = programs.start_open(impersonator=admin, target=target, reason=reason)
    except Invalid as invalid:
        raise invalid if reason else Invalid(REQUIRED) from invalid
    answer = empty()
    answer.set_cookie(
        sessions.COOKIE,
        impersonation.id,
        max_age=LIFETIME,
        httponly=True,
        secure=settings().is_https,
        samesite="Lax",
    )
    return answer


def end() -> ResponseReturnValue:
    """End the session that the cookie names; without one, whichever the caller has."""
    admin = programs.caller(Permission.IMPERSONATIONS_END)
    if sessions.COOKIE in request.cookies:
        impersonation = sessions.of_cookie(admin)
    else:
        # Most of its clients keep no cookies, and what they want to end must not go on.
        own = active_impersonation_of(g.db, admin.id)
        impersonation = programs.find_active(own.id) if own else None
    if impersonation is not None:
        programs.end(impersonation)
    return empty()


def me() -> ResponseReturnValue:
    """Whom the program acts for, and as whom."""
    admin = programs.caller(Permission.MEMBERS_READ)
    impersonation = sessions.of_cookie(admin)
    if impersonation is None:
        return jsonify(user=_admin_as_json(admin, is_current=True), users=[])
    return jsonify(
        user=_member_as_json(impersonation.target),
        original=_admin_as_json(admin, is_current=False),
        users=[],
    )


def _reason() -> str:
    """Return the reason, empty for none; older clients send no body at all."""
    if not request.get_data():
        return ""
    if not request.is_json:
        raise UnsupportedMediaType("Send application/json.")
    body = bodies.json_value()
    if not isinstance(body, dict):
        raise BadRequest("The body is no object.")
    return bodies.text(body, "reason", default="").strip()


def _target(user_pk: str, admin: Admin) -> Member:
    number = int(user_pk) if PK.fullmatch(user_pk) else -1
    # The pk of an admin is never that of a member, whatever the numbers are.
    for one in admins_by_name(g.db):
        if number_of(one.id) == number:
            why = Refusal.ONESELF if one.id == admin.id else Refusal.TARGET_IS_ADMIN
            raise programs.refused(why, impersonator=admin)
    member = member_with_number(g.db, number)
    if member is None or not programs.api_key().covers(member.account_id):
        raise Absent(NO_USER)
    return member


def _member_as_json(member: Member) -> dict[str, Any]:
    account = member.account
    return _user_as_json(
        pk=member.number,
        names=(user_name_of(member), member.email, member.id),
        name=member.name,
        email=member.email,
        uid=member.id,
        is_active=member.status == MemberStatus.ACTIVE,
        groups=[{"name": account.name, "pk": account.id}],
        roles=[{"name": member.role, "pk": member.role}],
        type="external",
    )


def _admin_as_json(admin: Admin, *, is_current: bool) -> dict[str, Any]:
    return _user_as_json(
        pk=number_of(admin.id),
        names=(admin.email, admin.id),
        name=admin.name,
        email=admin.email,
        uid=admin.id,
        is_active=not admin.is_disabled,
        is_superuser=admin.is_superadmin,
        is_current=is_current,
        roles=[{"name": admin.role, "pk": admin.role}],
        type="internal",
    )


def _user_as_json(*, pk: int, names: tuple[str, ...], email: str, **more: Any) -> dict[str, Any]:
    fitting = (name for name in names if USER_NAME.fullmatch(name))
    return {
        "pk": pk,
        "username": next(fitting, str(pk)),
        "email": email if len(email) <= LONGEST_EMAIL else "",
        "is_superuser": False,
        "is_current": True,
        "groups": [],
        "avatar": "",
        "settings": {},
        "system_permissions": [],
        **more,
    }
