"""Who may sign in: each change of standing acts at once."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain import admins, authentication, sign_ins
from app.domain.audit_trail import AuditAction
from app.domain.errors import Conflict, Invalid
from app.domain.sign_ins import SignedIn
from app.storage.admins import Admin, end_sign_ins
from tests import trail
from tests.cast import PASSWORD
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together

NEW: dict[str, Any] = {
    "email": "rene@example.com",
    "name": "Rene",
    "role": "admin",
    "password": PASSWORD,
}


def create(db: Session, now: datetime, *, by: Admin | None = None, **columns: Any) -> Admin:
    return admins.create(db, **NEW | columns, by=by, provenance=FROM_THE_OFFICE, now=now)


def change_role(db: Session, admin: Admin, role: str, *, by: Admin, now: datetime) -> None:
    admins.change_role(db, admin, role=role, by=by, provenance=FROM_THE_OFFICE, now=now)


def disable(db: Session, admin: Admin, *, by: Admin, now: datetime) -> None:
    admins.disable(db, admin, by=by, provenance=FROM_THE_OFFICE, now=now)


@pytest.fixture
def secret_of_ada(db: Session, now: datetime) -> str:
    result = authentication.sign_in(
        db, email="ada@example.com", password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(result, SignedIn)
    return result.secret


def test_a_new_admin_can_sign_in(db: Session, ada: Admin, now: datetime) -> None:
    create(db, now, by=ada, email=" Rene@Example.com ", name=" Rene ")
    result = authentication.sign_in(
        db, email="rene@example.com", password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(result, SignedIn)
    event = trail.only(db, AuditAction.ADMIN_CREATED)
    assert (event.actor_id, event.details) == (
        "ada",
        {
            "admin_id": result.sign_in.admin_id,
            "admin": "Rene@Example.com",
            "role": "admin",
        },
    )


def test_the_operator_makes_the_first_admin(db: Session, now: datetime) -> None:
    create(db, now, by=None)
    assert trail.only(db, AuditAction.ADMIN_CREATED).actor_kind == "system"


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM", " ada@example.com"])
def test_an_address_is_taken_once_whatever_its_case(db: Session, now: datetime, email: str) -> None:
    with pytest.raises(Conflict):
        create(db, now, email=email)


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "rene"},
        {"email": " "},
        {"name": " "},
        {"role": "emperor"},
        {"role": ""},
        {"password": "too short"},
    ],
)
def test_an_incomplete_admin_is_not_taken(
    db: Session, now: datetime, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        create(db, now, **wrong)
    assert trail.actions(db) == []


def test_a_change_of_role_says_from_what_to_what(
    db: Session, ada: Admin, omar: Admin, now: datetime
) -> None:
    change_role(db, omar, "superadmin", by=ada, now=now)
    assert omar.is_superadmin
    event = trail.only(db, AuditAction.ADMIN_ROLE_CHANGED)
    assert event.details == {
        "admin_id": "omar",
        "admin": "omar@example.com",
        "before": "admin",
        "after": "superadmin",
    }


def test_the_role_one_has_is_no_change(db: Session, ada: Admin, omar: Admin, now: datetime) -> None:
    change_role(db, omar, "admin", by=ada, now=now)
    assert trail.actions(db) == []


@pytest.mark.requirement("S1", "S2")
# Whoever is disabled is signed out twice over.
@fails_without(
    together(
        line(sign_ins.end_all, "end_sign_ins(db, admin.id", "(lambda *_, **__: 1)(db, admin.id"),
        line(sign_ins.is_over, " or row.admin.is_disabled"),
    )
)
@pytest.mark.parametrize("verb", ["demote", "disable", "end sign-ins"])
def test_losing_standing_ends_the_sign_ins(
    db: Session, ada: Admin, cy: Admin, now: datetime, secret_of_ada: str, verb: str
) -> None:
    if verb == "demote":
        change_role(db, ada, "admin", by=cy, now=now)
    elif verb == "disable":
        disable(db, ada, by=cy, now=now)
    else:
        sign_ins.end_all(db, ada, why="ended_by_admin", by=cy, provenance=FROM_THE_OFFICE, now=now)
    assert sign_ins.find(db, secret_of_ada, now=now) is None
    event = trail.only(db, AuditAction.SIGN_IN_ENDED)
    assert (event.actor_id, event.details["count"]) == ("cy", 1)


@pytest.mark.requirement("S2")
@fails_without(
    line(
        admins._end_everything,
        "sign_ins.end_all(db, admin, why=why, by=by, provenance=provenance, now=now)",
    )
)
def test_a_promotion_ends_the_sign_ins_too(
    db: Session, ada: Admin, omar: Admin, now: datetime
) -> None:
    signed_in = authentication.sign_in(
        db, email=omar.email, password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(signed_in, SignedIn)
    change_role(db, omar, "superadmin", by=ada, now=now)
    assert sign_ins.find(db, signed_in.secret, now=now) is None


@pytest.mark.requirement("S10")
@fails_without(line(end_sign_ins, "SignIn.admin_id == admin_id, "))
def test_nobody_elses_sign_ins_end(
    db: Session, cy: Admin, omar: Admin, now: datetime, secret_of_ada: str
) -> None:
    disable(db, omar, by=cy, now=now)
    assert sign_ins.find(db, secret_of_ada, now=now) is not None


def test_ending_no_sign_ins_is_no_event(db: Session, cy: Admin, omar: Admin, now: datetime) -> None:
    sign_ins.end_all(db, omar, why="ended_by_admin", by=cy, provenance=FROM_THE_OFFICE, now=now)
    assert trail.actions(db) == []


@fails_without(line(admins._check_replaceable, "if admin.id == by.id", "if False"))
def test_nobody_takes_their_own_access_away(db: Session, ada: Admin, now: datetime) -> None:
    with pytest.raises(Conflict, match="your own"):
        change_role(db, ada, "admin", by=ada, now=now)
    with pytest.raises(Conflict, match="your own"):
        disable(db, ada, by=ada, now=now)
    assert ada.is_superadmin
    assert not ada.is_disabled


@fails_without(line(admins._check_replaceable, "if admin.is_superadmin and", "if False and"))
def test_the_last_superadmin_stays(db: Session, ada: Admin, cy: Admin, now: datetime) -> None:
    """Two superadmins who demote one another at once: the second comes too late."""
    disable(db, cy, by=ada, now=now)
    with pytest.raises(Conflict, match="last superadmin"):
        change_role(db, ada, "admin", by=cy, now=now)
    with pytest.raises(Conflict, match="last superadmin"):
        disable(db, ada, by=cy, now=now)
    assert ada.is_superadmin
    assert not ada.is_disabled


def test_a_disabled_superadmin_may_be_demoted_though_one_is_left(
    db: Session, ada: Admin, cy: Admin, now: datetime
) -> None:
    disable(db, cy, by=ada, now=now)
    change_role(db, cy, "admin", by=ada, now=now)
    assert not cy.is_superadmin


def test_disabling_and_enabling_are_recorded_once_each(
    db: Session, ada: Admin, omar: Admin, now: datetime
) -> None:
    for _ in range(2):
        disable(db, omar, by=ada, now=now)
    for _ in range(2):
        admins.enable(db, omar, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert trail.actions(db) == ["admin.disabled", "admin.enabled"]
    assert not omar.is_disabled


def test_an_unknown_role_is_not_taken(db: Session, ada: Admin, omar: Admin, now: datetime) -> None:
    with pytest.raises(Invalid):
        change_role(db, omar, "emperor", by=ada, now=now)
