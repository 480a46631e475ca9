"""What a pusher can find out by itself: what is supported, and which resources look like what."""

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from scim2_models import (
    Attribute,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    ForbiddenException,
    ListResponse,
    Meta,
    Mutability,
    NotFoundException,
    NotImplementedException,
    Pagination,
    Patch,
    Resource,
    ResourceType,
    Returned,
    Schema,
    ServiceProviderConfig,
    Sort,
)

from app.web.api.scim.answers import answer
from app.web.api.scim.lists import LARGEST_PAGE, PAGE_SIZE
from app.web.api.scim.places import location
from app.web.api.scim.resources import Account, Member, MemberUser, User

# What is shown, and is changed by another name: name.formatted is what displayName says.
SHOWN = frozenset({"name"})
NO_FILTER = "These are not filtered: there are few."
NO_BULK = "Bulk is not supported. Send one request for each resource."
NO_SEARCH = "Search in /Users or in /Accounts: there is no search in both."
NO_ME = "An API key is nobody: there is no /Me."


def config() -> ResponseReturnValue:
    """Return what is supported (RFC 7643, 5)."""
    return answer(
        ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
            filter=Filter(supported=True, max_results=LARGEST_PAGE),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=False),
            etag=ETag(supported=True),
            pagination=Pagination(
                cursor=True,
                index=True,
                default_pagination_method=Pagination.DefaultPaginationMethod.index,
                default_page_size=PAGE_SIZE,
                max_page_size=LARGEST_PAGE,
            ),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="API key",
                    description="An API key with the scope directory, as a bearer token.",
                    primary=True,
                )
            ],
            meta=Meta(
                resource_type="ServiceProviderConfig",
                location=location("", "ServiceProviderConfig"),
            ),
        )
    )


def resource_types() -> ResponseReturnValue:
    """Return which kinds of resources there are."""
    return _all(ResourceType, _resource_types())


def resource_type(resource_type_id: str) -> ResponseReturnValue:
    """Return one of them."""
    return _one(_resource_types(), resource_type_id)


def schemas() -> ResponseReturnValue:
    """Return what resources look like."""
    return _all(Schema, _schemas())


def schema(schema_id: str) -> ResponseReturnValue:
    """Return what one of them looks like."""
    return _one(_schemas(), schema_id)


def bulk() -> ResponseReturnValue:
    """Say that this is not supported."""
    raise NotImplementedException(detail=NO_BULK)


def search() -> ResponseReturnValue:
    """Say that this is not supported."""
    raise NotImplementedException(detail=NO_SEARCH)


def me() -> ResponseReturnValue:
    """Say that this is not supported."""
    raise NotImplementedException(detail=NO_ME)


def _resource_types() -> list[ResourceType]:
    described = []
    for model, what in ((MemberUser, "A member of an account"), (Account, "A customer")):
        one = ResourceType.from_resource(model)
        one.description = what
        one.meta = Meta(
            resource_type="ResourceType", location=location("/ResourceTypes", str(one.id))
        )
        described.append(one)
    return described


def _schemas() -> list[Schema]:
    described = []
    for model in (User, Member, Account):
        one = model.to_schema()
        one.attributes = _published(one.attributes)
        one.meta = Meta(resource_type="Schema", location=location("/Schemas", str(one.id)))
        described.append(one)
    return described


def _published(attributes: list[Attribute] | None) -> list[Attribute]:
    """Leave out what is taken but kept nowhere."""
    kept = [one for one in attributes or [] if one.returned != Returned.never]
    for one in kept:
        if one.sub_attributes:
            one.sub_attributes = _published(one.sub_attributes)
        if one.name in SHOWN:
            one.mutability = Mutability.read_only
    return kept


def _all(model: Any, resources: list[Any]) -> ResponseReturnValue:
    if "filter" in request.args:
        raise ForbiddenException(detail=NO_FILTER)
    listed = ListResponse[model](
        resources=resources,
        total_results=len(resources),
        items_per_page=len(resources),
        start_index=1,
    )
    return answer(listed)


def _one(resources: list[Any], id_: str) -> ResponseReturnValue:
    found: Resource[Any] | None = next((one for one in resources if one.id == id_), None)
    if found is None:
        raise NotFoundException(detail="There is no such resource.")
    return answer(found)
