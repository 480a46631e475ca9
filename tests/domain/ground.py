"""Each way in which the ground of a session can go."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain.policies import Refusal
from app.storage.admins import Admin
from app.storage.members import Member
from tests import factories

Lose = Callable[[Session, Admin, Member], object]


def _becomes_admin(db: Session, impersonator: Admin, target: Member) -> None:
    db.add(factories.admin(email=target.email.upper(), now=impersonator.created_at))


def _shares_the_address(_db: Session, impersonator: Admin, target: Member) -> None:
    target.email = impersonator.email
    target.fold_names()


def _sets(path: str, value: Any) -> Lose:
    who, *between, name = path.split(".")

    def lose(_db: Session, impersonator: Admin, target: Member) -> None:
        row: Any = {"impersonator": impersonator, "target": target}[who]
        for step in between:
            row = getattr(row, step)
        setattr(row, name, impersonator.created_at if value == "now" else value)

    return lose


# How it goes, what the policy then says.
LOST = [
    pytest.param(lose, refusal, id=name)
    for name, lose, refusal in (
        ("demoted", _sets("impersonator.role", "admin"), Refusal.NOT_SUPERADMIN),
        ("disabled", _sets("impersonator.disabled_at", "now"), Refusal.NOT_SUPERADMIN),
        ("deactivated", _sets("target.status", "deactivated"), Refusal.MEMBER_DEACTIVATED),
        ("invited", _sets("target.status", "invited"), Refusal.MEMBER_INVITED),
        ("protected", _sets("target.protected", True), Refusal.MEMBER_PROTECTED),
        ("suspended", _sets("target.account.status", "suspended"), Refusal.ACCOUNT_SUSPENDED),
        (
            "opted out",
            _sets("target.account.impersonation_allowed", False),
            Refusal.ACCOUNT_OPTED_OUT,
        ),
        (
            "switched off",
            _sets("target.account.impersonation_switched_off", True),
            Refusal.ACCOUNT_OPTED_OUT,
        ),
        ("becomes an admin", _becomes_admin, Refusal.TARGET_IS_ADMIN),
        ("is oneself", _shares_the_address, Refusal.ONESELF),
    )
]
each_way_to_lose_the_ground = pytest.mark.parametrize(("lose", "refusal"), LOST)
