"""What one may do on the admin site, and which role may do it."""

from enum import StrEnum

from app.storage.admins import Role


class Permission(StrEnum):
    """`resource:action`; a route names the one it needs."""

    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_MANAGE = "accounts:manage"
    ADMINS_MANAGE = "admins:manage"
    ADMINS_READ = "admins:read"
    AUDIT_TRAIL_ACKNOWLEDGE = "audit_trail:acknowledge"
    AUDIT_TRAIL_ARCHIVE = "audit_trail:archive"
    AUDIT_TRAIL_READ = "audit_trail:read"
    IMPERSONATIONS_END = "impersonations:end"
    IMPERSONATIONS_READ = "impersonations:read"
    IMPERSONATIONS_START = "impersonations:start"
    MEMBERS_READ = "members:read"
    SIGN_INS_OWN = "sign_ins:own"


SUPERADMIN_ONLY = frozenset(
    {
        Permission.ACCOUNTS_MANAGE,
        Permission.ADMINS_MANAGE,
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
    """What an API key may be used for."""

    PRODUCT = "product"
    # Proofs of events, which show their words.
    AUDIT_TRAIL = "audit_trail"
    # Pushing accounts and members over SCIM.
    DIRECTORY = "directory"
