"""A member as a SCIM User, and a User as what is to become of a member."""

from functools import partial
from typing import Any

from flask.typing import ResponseReturnValue
from scim2_models import InvalidValueException, Meta, Reference
from sqlalchemy import func, literal, true

from app.domain.push_rules import Push
from app.storage import pushed
from app.storage.members import Member as Row
from app.storage.members import MemberStatus
from app.web.api.scim import endpoints
from app.web.api.scim.filters import Attribute, folded
from app.web.api.scim.kinds import Kind
from app.web.api.scim.places import account_id, location
from app.web.api.scim.resources import WORK, Account, Email, Member, MemberUser, Name, Role, User

ENDPOINT = "/Users"
PLAIN_ROLE = "member"
ACCOUNT_MISSING = f"Say in {Member.__schema__}:account which account the member is in."


def resource_of(row: Row) -> User[Member]:
    """Return the member as a pusher sees it."""
    user = MemberUser(
        id=row.id,
        external_id=pushed.external_id_of(row),
        user_name=pushed.user_name_of(row),
        display_name=row.name,
        name=Name(formatted=row.name),
        active=row.status != MemberStatus.DEACTIVATED,
        emails=[Email(value=row.email, type=WORK, primary=True)],
        roles=[Role(value=row.role, primary=True)],
        meta=Meta(
            resource_type="User",
            created=row.created_at,
            last_modified=row.updated_at,
            location=location(ENDPOINT, row.id),
            version=f'W/"{pushed.version_of(row)}"',
        ),
    )
    user[Member] = Member(
        account=Reference[Account](location("/Accounts", row.account_id)),
        protected=row.protected,
        invited=row.status == MemberStatus.INVITED,
    )
    return user


def push_of(user: User[Member], before: User[Member] | None) -> Push:
    """Return what the user says; what it leaves out stays as `before`, or is what is usual."""
    member = user[Member] or Member()
    old = (before[Member] if before else None) or Member(protected=False)
    reference = member.account or old.account
    if reference is None:
        raise InvalidValueException(detail=ACCOUNT_MISSING)
    active = user.active if user.active is not None else before is None or bool(before.active)
    return Push(
        fields={
            "account_id": account_id(reference),
            "name": _name(user, before),
            "email": _email(user, before),
            "role": _chosen(user.roles) or (_chosen(before.roles) if before else PLAIN_ROLE),
            "protected": old.protected if member.protected is None else member.protected,
        },
        active=active,
        external_id=_external_id(user, before),
        user_name=user.user_name or (before.user_name if before else None) or "",
    )


def _external_id(user: User[Member], before: User[Member] | None) -> str | None:
    # What says nothing about it must not cut the tie; null does.
    if before is not None and "external_id" not in user.model_fields_set:
        return before.external_id
    return user.external_id


def _name(user: User[Member], before: User[Member] | None) -> str | None:
    name = user.name or Name()
    old = before.display_name if before else None
    for text in (user.display_name, name.formatted):
        if text and text != old:
            return text
    parts = [part for part in (name.given_name, name.family_name) if part]
    if parts and not user.display_name:
        return " ".join(parts)
    return old or user.user_name


def _email(user: User[Member], before: User[Member] | None) -> str | None:
    """Return the e-mail address: where none is sent, the user name is one, and takes it along."""
    old = _chosen(before.emails) if before else None
    sent = _chosen(user.emails)
    if sent and sent != old:
        return sent
    follows = before is None or old == before.user_name
    if follows and not (before is None and sent) and user.user_name and "@" in user.user_name:
        return user.user_name
    return sent or old


def _chosen(values: list[Any] | None) -> str | None:
    entries = [entry for entry in values or [] if entry.value]
    primary = [entry for entry in entries if entry.primary]
    return next((str(entry.value) for entry in (*primary, *entries)), None)


MEMBERS = Kind(
    row=Row,
    model=MemberUser,
    attributes={
        ("id", None): Attribute(Row.id),
        ("external_id", None): Attribute(
            func.coalesce(Row.external_id, Row.id), equals=partial(pushed.called, Row)
        ),
        ("user_name", None): folded(
            func.coalesce(Row.user_name_key, Row.email_key), equals=pushed.named
        ),
        ("display_name", None): folded(Row.sort_key),
        ("name", "formatted"): folded(Row.sort_key),
        ("active", None): Attribute(Row.status != MemberStatus.DEACTIVATED),
        ("emails", None): folded(Row.email_key),
        ("emails", "value"): folded(Row.email_key),
        ("emails", "type"): Attribute(literal(WORK)),
        ("emails", "primary"): Attribute(true()),
        ("roles", None): Attribute(Row.role),
        ("roles", "value"): Attribute(Row.role),
        ("roles", "primary"): Attribute(true()),
        ("account", None): Attribute(Row.account_id, key=account_id),
        ("protected", None): Attribute(Row.protected),
        ("invited", None): Attribute(Row.status == MemberStatus.INVITED),
        ("meta", "created"): Attribute(Row.created_at),
        ("meta", "last_modified"): Attribute(Row.updated_at),
    },
    resource_of=resource_of,
    push_of=push_of,
)


def index() -> ResponseReturnValue:
    """Return the members that are asked for."""
    return endpoints.index(MEMBERS)


def search() -> ResponseReturnValue:
    """Return the members that are asked for, by a body."""
    return endpoints.search(MEMBERS)


def show(member_id: str) -> ResponseReturnValue:
    """Return a member."""
    return endpoints.show(MEMBERS, member_id)


def create() -> ResponseReturnValue:
    """Add a member."""
    return endpoints.create(MEMBERS)


def replace(member_id: str) -> ResponseReturnValue:
    """Bring a member in line with what is sent."""
    return endpoints.replace(MEMBERS, member_id)


def patch(member_id: str) -> ResponseReturnValue:
    """Change a member."""
    return endpoints.patch(MEMBERS, member_id)


def remove(member_id: str) -> ResponseReturnValue:
    """Deactivate a member, for good as far as the pusher can see."""
    return endpoints.remove(MEMBERS, member_id)
