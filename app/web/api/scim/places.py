"""Where resources are: their addresses, and the account that an address names."""

from urllib.parse import quote, unquote

from app.web.application_context import settings

PREFIX = "/scim/v2"


def location(endpoint: str, id_: str) -> str:
    """Return the address of a resource, such as the one of "/Users" with that id."""
    return f"{settings().admin_url}{PREFIX}{endpoint}/{quote(id_, safe='')}"


def account_id(reference: str) -> str:
    """Return the account that is meant by its address, whole or relative, or by its bare id."""
    if "/" not in reference:
        return reference
    before, _, last = reference.rpartition("/")
    here = f"{settings().admin_url}{PREFIX}/Accounts"
    # Elsewhere there may be an account of this name that is somebody else's.
    return unquote(last) if here.endswith(before.removeprefix("..")) else reference
