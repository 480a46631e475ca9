"""The resources that a pusher sees: the core User with our extension, and Account (RFC 7643).

We keep one name, one e-mail address and one role of a member. What pushers commonly send beside
those is taken, to choose by, and is marked as never returned: it is in no answer and no schema.
"""

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Extension,
    Mutability,
    Reference,
    Required,
    Resource,
    Returned,
    ScimPolicy,
    Uniqueness,
)

# Identity providers send attributes that are nobody's business here, filters that match nothing
# yet, and values beside a removal (Microsoft Entra). None of that is worth a refusal.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
WORK = "work"


class Account(Resource[Any]):
    """An account: a customer organisation."""

    __schema__ = URN("urn:understudy:params:scim:schemas:core:2.0:Account")

    display_name: Annotated[str | None, Required.true] = None
    """The name of the customer."""

    domain: Annotated[str | None, Required.true, CaseExact.true] = None
    """The customer's domain."""

    plan: Annotated[str | None, Required.true, CaseExact.true] = None
    """What the customer has bought."""

    active: Annotated[bool | None, Required.true] = None
    """False for an account that is suspended. Without that no session in it can run."""

    impersonation_allowed: Annotated[bool | None, Required.true] = None
    """Whether the customer allows impersonation. What an admin has switched off stays off."""


class Name(ComplexAttribute):
    """The name of a member."""

    formatted: str | None = None
    """The full name, the same as displayName."""

    given_name: Annotated[str | None, Returned.never] = None
    family_name: Annotated[str | None, Returned.never] = None


class Email(ComplexAttribute):
    """The e-mail address of a member: there is one."""

    value: Annotated[str | None, Required.true] = None
    """The e-mail address."""

    type: str | None = Field(None, examples=[WORK])
    """Always work."""

    primary: Annotated[bool | None, Returned.never] = None


class Role(ComplexAttribute):
    """The role of a member: there is one."""

    value: Annotated[str | None, Required.true, CaseExact.true] = None
    """What the product calls the role."""

    primary: Annotated[bool | None, Returned.never] = None


class User(Resource[AnyExtension]):
    """A member: a person in an account. The same person in two accounts is two members."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.none] = None
    """What the person is known by, unique within the account; the e-mail address as a rule."""

    display_name: Annotated[str | None, Required.true] = None
    """The full name."""

    name: Name | None = None
    """The full name again: name.formatted is what displayName says."""

    active: Annotated[bool | None, Required.true] = None
    """Whether the member can use the product. Without that no session as them can run."""

    emails: Annotated[list[Email] | None, Required.true] = None
    """The one e-mail address that is kept: the primary one, else the first."""

    roles: Annotated[list[Role] | None, Required.true] = None
    """The one role that is kept: the primary one, else the first."""


class Member(Extension):
    """What a member is beside a user."""

    __schema__ = URN("urn:understudy:params:scim:schemas:extension:member:2.0:User")

    account: Annotated[Reference[Account] | None, Required.true] = None
    """The account that the member is in: its address under /Accounts, or its id."""

    protected: Annotated[bool | None, Required.true] = None
    """Whether nobody may impersonate the member."""

    invited: Annotated[bool | None, Mutability.read_only, Returned.request] = None
    """Whether the member has been invited and was never active."""


MemberUser = User[Annotated[Member, Required.true]]
