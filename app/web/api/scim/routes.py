"""SCIM 2.0, with every route of it: all of them for API keys that may push the directory."""

from scim2_models import SCIMException

from app.domain.permissions import Scope
from app.web.api.scim import accounts, discovery, members
from app.web.api.scim.errors import scim_answer
from app.web.dialects import Dialect
from app.web.routing import Route

PUSH = Scope.DIRECTORY
ROUTES = [
    Route("GET", "/scim/v2/ServiceProviderConfig", discovery.config, PUSH),
    Route("GET", "/scim/v2/ResourceTypes", discovery.resource_types, PUSH),
    Route("GET", "/scim/v2/ResourceTypes/<resource_type_id>", discovery.resource_type, PUSH),
    Route("GET", "/scim/v2/Schemas", discovery.schemas, PUSH),
    Route("GET", "/scim/v2/Schemas/<schema_id>", discovery.schema, PUSH),
    Route("GET", "/scim/v2/Users", members.index, PUSH),
    Route("POST", "/scim/v2/Users", members.create, PUSH),
    Route("POST", "/scim/v2/Users/.search", members.search, PUSH, reading=True),
    Route("GET", "/scim/v2/Users/<member_id>", members.show, PUSH),
    Route("PUT", "/scim/v2/Users/<member_id>", members.replace, PUSH),
    Route("PATCH", "/scim/v2/Users/<member_id>", members.patch, PUSH),
    Route("DELETE", "/scim/v2/Users/<member_id>", members.remove, PUSH),
    Route("GET", "/scim/v2/Accounts", accounts.index, PUSH),
    Route("POST", "/scim/v2/Accounts", accounts.create, PUSH),
    Route("POST", "/scim/v2/Accounts/.search", accounts.search, PUSH, reading=True),
    Route("GET", "/scim/v2/Accounts/<account_id>", accounts.show, PUSH),
    Route("PUT", "/scim/v2/Accounts/<account_id>", accounts.replace, PUSH),
    Route("PATCH", "/scim/v2/Accounts/<account_id>", accounts.patch, PUSH),
    Route("DELETE", "/scim/v2/Accounts/<account_id>", accounts.remove, PUSH),
    Route("GET", "/scim/v2/Me", discovery.me, PUSH),
    Route("POST", "/scim/v2/.search", discovery.search, PUSH, reading=True),
    Route("POST", "/scim/v2/Bulk", discovery.bulk, PUSH, reading=True),
]
DIALECT = Dialect("SCIM", ("/scim/",), ROUTES, scim_answer, raises=(SCIMException,))
