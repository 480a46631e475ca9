"""What ends with the link to a company account."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from app.domain import company_accounts, factor_resets, sign_ins
from app.domain.audit_trail import AuditAction
from app.domain.sign_ins import HalfOpen, Method, SignedIn
from app.storage.admins import Admin
from app.storage.company_accounts import CompanyAccount, company_accounts_of
from app.storage.factors import Factor, FactorKind
from tests import trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("S10", "S11")

ISSUER = "https://id.example.com"


@pytest.fixture
def account(db: Session, ada: Admin, now: datetime) -> CompanyAccount:
    return link(db, ada, ISSUER, now)


def link(db: Session, admin: Admin, issuer: str, now: datetime) -> CompanyAccount:
    return company_accounts.link(
        db, admin, issuer=issuer, subject="s-1", by=None, provenance=FROM_THE_OFFICE, now=now
    )


def come(db: Session, ada: Admin, now: datetime) -> SignedIn | HalfOpen:
    return sign_ins.begin(db, ada, method=Method.COMPANY, provenance=FROM_THE_OFFICE, now=now)


@fails_without(
    line(
        company_accounts.unlink,
        'end_all(db, admin, but=here, why="unlinked", by=by, provenance=provenance, now=now)',
    ),
    line(sign_ins.end_all, "close_half_open(db, admin.id, now=now)"),
)
@pytest.mark.usefixtures("account")
def test_unlinking_ends_what_was_come_by(db: Session, ada: Admin, now: datetime) -> None:
    here, other = come(db, ada, now), come(db, ada, now)
    assert isinstance(here, SignedIn)
    db.add(
        Factor(
            admin_id=ada.id,
            kind=FactorKind.PASSKEY,
            name="Laptop",
            added_at=now,
            credential_id="c",
            public_key="k",
            sign_count=0,
        )
    )
    half = come(db, ada, now)
    assert isinstance(half, HalfOpen)
    company_accounts.unlink(
        db, ada, issuer=ISSUER, by=ada, here=here.sign_in, provenance=FROM_THE_OFFICE, now=now
    )
    db.expire_all()
    assert isinstance(other, SignedIn)
    assert (here.sign_in.ended_at, other.sign_in.ended_at) == (None, now)
    assert half.sign_in.closed_at == now
    assert trail.only(db, AuditAction.SIGN_IN_ENDED).details["why"] == "unlinked"


@fails_without(
    line(
        company_accounts.unlink,
        'end_all(db, admin, but=here, why="unlinked", by=by, provenance=provenance, now=now)',
    )
)
@pytest.mark.usefixtures("account")
def test_whoever_is_unlinked_by_the_operator_is_out(db: Session, ada: Admin, now: datetime) -> None:
    here = come(db, ada, now).sign_in
    company_accounts.unlink(db, ada, issuer=ISSUER, by=None, provenance=FROM_THE_OFFICE, now=now)
    db.refresh(here)
    assert here.ended_at == now  # type: ignore[union-attr]


@fails_without(
    line(
        factor_resets.reset,
        "company_accounts.unlink_all(db, admin, by=by, provenance=provenance, now=now)",
    )
)
@pytest.mark.usefixtures("account")
def test_a_reset_leaves_no_company_account(
    db: Session, ada: Admin, cy: Admin, now: datetime
) -> None:
    """Its second factor may be what somebody else has."""
    link(db, ada, "https://another.example.com", now)
    factor_resets.reset(db, ada, by=cy, provenance=FROM_THE_OFFICE, now=now)
    db.flush()
    assert company_accounts_of(db, ada.id) == []
    unlinked = trail.events(db, AuditAction.COMPANY_ACCOUNT_UNLINKED)
    assert [one.actor_id for one in unlinked] == [cy.id, cy.id]
