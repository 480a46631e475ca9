"""Who may be impersonated, and by whom."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from app.domain import permissions, policies
from app.domain.policies import Refusal, refusal_to_impersonate
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.impersonations import EndReason
from app.storage.members import Member
from tests import cast
from tests.twins import fails_without, line

Spoil = Callable[[Admin, Member], object]


def refusal(
    impersonator: Admin, target: Member, *, target_is_admin: bool = False
) -> Refusal | None:
    return refusal_to_impersonate(
        impersonator=impersonator, target=target, target_is_admin=target_is_admin
    )


def test_a_superadmin_may_impersonate_an_active_member(ada: Admin, mia: Member) -> None:
    assert refusal(ada, mia) is None


@pytest.mark.requirement("A2")
@fails_without(
    line(
        policies._refusal_of_impersonator,
        " and holds(impersonator.role, Permission.IMPERSONATIONS_START)",
    )
)
def test_an_admin_may_not(omar: Admin, mia: Member) -> None:
    assert refusal(omar, mia) is Refusal.NOT_SUPERADMIN


@pytest.mark.requirement("A2")
@fails_without(line(policies._refusal_of_impersonator, "able and "))
def test_a_disabled_superadmin_may_not(ada: Admin, mia: Member) -> None:
    ada.disabled_at = ada.created_at
    assert refusal(ada, mia) is Refusal.NOT_SUPERADMIN


@pytest.mark.requirement("A2")
@pytest.mark.failure("X2")
@fails_without(
    line(
        policies._refusal_of_impersonator,
        " and holds(impersonator.role, Permission.IMPERSONATIONS_START)",
    ),
    line(
        permissions.holds,
        "role in GRANTED and permission in GRANTED[Role(role)]",
        "role != Role.ADMIN",
    ),
)
def test_a_role_that_nobody_knows_may_not(ada: Admin, mia: Member) -> None:
    ada.role = "emperor"
    assert refusal(ada, mia) is Refusal.NOT_SUPERADMIN


@pytest.mark.requirement("A3")
@fails_without(
    line(
        policies.refusal_to_impersonate,
        "refusal_of_account(target.account) or _refusal_of_member(target)",
        "None",
    )
)
@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (cast.NOOR, Refusal.MEMBER_DEACTIVATED),
        (cast.IVO, Refusal.MEMBER_INVITED),
        (cast.PIA, Refusal.MEMBER_PROTECTED),
        (cast.SAM, Refusal.ACCOUNT_SUSPENDED),
        (cast.OPAL, Refusal.ACCOUNT_OPTED_OUT),
    ],
)
def test_a_forbidden_target_is_refused_for_its_reason(
    db: Session, ada: Admin, person: cast.Person, expected: Refusal
) -> None:
    assert refusal(ada, db.get_one(Member, person.id)) is expected


@pytest.mark.requirement("A3")
@pytest.mark.failure("X3")
@fails_without(line(policies.refusal_to_impersonate, "if target_is_admin", "if False"))
def test_an_admin_is_no_target_in_any_account(db: Session, ada: Admin) -> None:
    omar = db.get_one(Member, cast.OMAR_AS_MEMBER.id)
    assert refusal(ada, omar, target_is_admin=True) is Refusal.TARGET_IS_ADMIN


@pytest.mark.requirement("A3")
@fails_without(
    line(
        policies.refusal_to_impersonate,
        "target.email_key == impersonator.email_key",
        "target.email == impersonator.email",
    )
)
def test_oneself_is_no_target_however_the_address_is_spelt(ada: Admin, mia: Member) -> None:
    mia.email = "ADA@example.com"
    mia.fold_names()
    assert refusal(ada, mia, target_is_admin=True) is Refusal.ONESELF


@pytest.mark.requirement("I9")
@fails_without(line(Account.allows_impersonation, " and not self.impersonation_switched_off"))
def test_our_switch_forbids_what_the_directory_allows(ada: Admin, mia: Member) -> None:
    mia.account.impersonation_switched_off = True
    assert refusal(ada, mia) is Refusal.ACCOUNT_OPTED_OUT


@pytest.mark.requirement("I9")
@fails_without(line(Account.allows_impersonation, "self.impersonation_allowed and "))
def test_our_switch_cannot_allow_what_the_directory_forbids(db: Session, ada: Admin) -> None:
    opal = db.get_one(Member, cast.OPAL.id)
    opal.account.impersonation_switched_off = False
    assert refusal(ada, opal) is Refusal.ACCOUNT_OPTED_OUT


@pytest.mark.requirement("A3")
@fails_without(
    line(
        policies.refusal_to_impersonate,
        "if refusal := _refusal_of_impersonator(impersonator)",
        "if refusal := None",
    ),
    line(
        policies.refusal_to_impersonate, "if target.email_key == impersonator.email_key", "if False"
    ),
    line(policies.refusal_to_impersonate, "if target_is_admin", "if False"),
    line(policies.refusal_of_account, "if account.is_suspended", "if False"),
    line(
        policies.refusal_of_account,
        "None if account.allows_impersonation else Refusal.ACCOUNT_OPTED_OUT",
        "None",
    ),
    line(policies._refusal_of_member, "if target.status != MemberStatus.ACTIVE", "if False"),
    line(
        policies._refusal_of_member,
        "Refusal.MEMBER_PROTECTED if target.protected else None",
        "None",
    ),
)
def test_the_gravest_reason_is_the_one_that_is_given(ada: Admin, mia: Member) -> None:
    """Everything is wrong at once; each reason is mended after it was named."""
    mia.email_key, mia.protected, mia.status = ada.email_key, True, "deactivated"
    mia.account.status, mia.account.impersonation_allowed = "suspended", False
    ada.role = "admin"
    given = []
    for mend in MENDING:
        given.append(refusal(ada, mia, target_is_admin=True))
        mend(ada, mia)
    assert given == [
        Refusal.NOT_SUPERADMIN,
        Refusal.ONESELF,
        Refusal.TARGET_IS_ADMIN,
    ]
    for mend in MENDING_THE_TARGET:
        given.append(refusal(ada, mia))
        mend(ada, mia)
    assert given[3:] == [
        Refusal.ACCOUNT_SUSPENDED,
        Refusal.ACCOUNT_OPTED_OUT,
        Refusal.MEMBER_DEACTIVATED,
        Refusal.MEMBER_PROTECTED,
    ]
    assert refusal(ada, mia) is None


MENDING: list[Spoil] = [
    lambda ada, _mia: setattr(ada, "role", "superadmin"),
    lambda _ada, mia: setattr(mia, "email_key", "mia@harbour.example"),
    lambda _ada, _mia: None,
]
MENDING_THE_TARGET: list[Spoil] = [
    lambda _ada, mia: setattr(mia.account, "status", "active"),
    lambda _ada, mia: setattr(mia.account, "impersonation_allowed", True),
    lambda _ada, mia: setattr(mia, "status", "active"),
    lambda _ada, mia: setattr(mia, "protected", False),
]


@pytest.mark.parametrize("one", Refusal)
def test_every_refusal_has_a_sentence_without_a_full_stop(one: Refusal) -> None:
    assert one.sentence[0].isupper()
    assert not one.sentence.endswith(".")


@pytest.mark.parametrize(
    ("why", "end_reason"),
    [
        (Refusal.NOT_SUPERADMIN, EndReason.IMPERSONATOR_LOST_ACCESS),
        (Refusal.ONESELF, EndReason.MEMBER_UNAVAILABLE),
        (Refusal.TARGET_IS_ADMIN, EndReason.MEMBER_UNAVAILABLE),
        (Refusal.ACCOUNT_SUSPENDED, EndReason.ACCOUNT_UNAVAILABLE),
        (Refusal.ACCOUNT_OPTED_OUT, EndReason.ACCOUNT_UNAVAILABLE),
        (Refusal.MEMBER_INVITED, EndReason.MEMBER_UNAVAILABLE),
        (Refusal.MEMBER_DEACTIVATED, EndReason.MEMBER_UNAVAILABLE),
        (Refusal.MEMBER_PROTECTED, EndReason.MEMBER_UNAVAILABLE),
    ],
)
def test_a_refusal_that_comes_true_later_ends_the_session_for_its_reason(
    why: Refusal, end_reason: EndReason
) -> None:
    assert why.end_reason is end_reason
