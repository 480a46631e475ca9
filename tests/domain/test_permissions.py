"""Which role may do what."""

import pytest

from app.domain import permissions
from app.domain.permissions import Permission, holds
from app.storage.admins import Role
from tests.twins import fails_without, line

FOR_SUPERADMINS = {
    "accounts:manage",
    "admins:manage",
    "api_keys:manage",
    "audit_trail:acknowledge",
    "audit_trail:archive",
    "impersonations:start",
}


@pytest.mark.parametrize("permission", Permission)
def test_a_superadmin_may_do_everything(permission: Permission) -> None:
    assert holds(Role.SUPERADMIN, permission)


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("permission", Permission)
def test_an_admin_may_do_all_but_what_is_for_superadmins(permission: Permission) -> None:
    assert holds(Role.ADMIN, permission) is (permission not in FOR_SUPERADMINS)


@pytest.mark.requirement("A1")
@fails_without(
    line(
        permissions.holds,
        "role in GRANTED and permission in GRANTED[Role(role)]",
        "role != Role.ADMIN or permission in GRANTED[Role(role)]",
    )
)
@pytest.mark.parametrize("role", ["", "emperor", "SUPERADMIN", "superadmin "])
def test_a_role_that_nobody_knows_may_do_nothing(role: str) -> None:
    assert not any(holds(role, permission) for permission in Permission)


def test_a_permission_is_a_resource_and_an_action() -> None:
    for permission in Permission:
        resource, action = permission.split(":")
        assert permission.name == f"{resource}_{action}".upper()
