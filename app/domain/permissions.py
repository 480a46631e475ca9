"""What one may do on the admin site, and which role may do it."""

from enum import StrEnum

from app.storage.admins import Role


class Permission(StrEnum):
    """`resource:action`; a route names the one it needs."""

    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_MANAGE = "accounts:manage"
    ADMINS_MANAGE = "admins:manage"
    ADMINS_READ = "admins:read"
    ALERTS_ACKNOWLEDGE = "alerts:acknowledge"
    API_KEYS_MANAGE = "api_keys:manage"
    AUDIT_TRAIL_ACKNOWLEDGE = "audit_trail:acknowledge"
    AUDIT_TRAIL_ARCHIVE = "audit_trail:archive"
    AUDIT_TRAIL_READ = "audit_trail:read"
    IMPERSONATIONS_END = "impersonations:end"
    IMPERSONATIONS_READ = "impersonations:read"
    IMPERSONATIONS_START = "impersonations:start"
    MEMBERS_READ = "members:read"
    SIGN_INS_OWN = "sign_ins:own"
    SIGNING_KEYS_READ = "signing_keys:read"


SUPERADMIN_ONLY = frozenset(
    {
        Permission.ACCOUNTS_MANAGE,
        Permission.ADMINS_MANAGE,
        Permission.API_KEYS_MANAGE,
        Permission.AUDIT_TRAIL_ACKNOWLEDGE,
        Permission.AUDIT_TRAIL_ARCHIVE,
        Permission.IMPERSONATIONS_START,
    }
)
GRANTED: dict[Role, frozenset[Permission]] = {
    Role.SUPERADMIN: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - SUPERADMIN_ONLY,
}


def holds(role: str, permission: Permission) -> bool:
    """Whether the role holds the permission; a role nobody knows holds none."""
    return role in GRANTED and permission in GRANTED[Role(role)]


class Scope(StrEnum):
    """What an API key may be used for. Each dialect is a scope of its own."""

    PRODUCT = "product"
    # Proofs of events, which show their words.
    AUDIT_TRAIL = "audit_trail"
    # Pushing accounts and members over SCIM.
    DIRECTORY = "directory"
    # Our own API, beyond what the product app asks.
    API = "api"
    PROPELAUTH = "propelauth"
    JSON_API = "json_api"
    AUTH0 = "auth0"
    # The client that a browser is sent back to, in Auth0's way.
    AUTH0_CALLBACK = "auth0_callback"
    AUTHENTIK = "authentik"
    # Checking and revoking tokens, as any OAuth client does.
    TOKENS = "tokens"
    # Starting sessions, for the admin whom the key names or, without one, its caller.
    IMPERSONATE = "impersonate"
