"""Our switch for impersonation in an account."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from app.domain import accounts
from app.domain.audit_trail import AuditAction
from app.storage.admins import Admin
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line


def switch(db: Session, member: Member, *, allowed: bool, by: Admin, now: datetime) -> None:
    accounts.switch_impersonation(
        db, member.account, allowed=allowed, by=by, provenance=FROM_THE_OFFICE, now=now
    )


@pytest.mark.requirement("I9")
def test_switching_off_is_recorded(db: Session, ada: Admin, mia: Member, now: datetime) -> None:
    switch(db, mia, allowed=False, by=ada, now=now)
    assert not mia.account.allows_impersonation
    event = trail.only(db, AuditAction.ACCOUNT_IMPERSONATION_SWITCHED)
    assert (event.actor_id, event.account_id) == ("ada", "harbour")
    assert event.details == {"allowed": False}


@pytest.mark.requirement("I9")
@fails_without(line(accounts.switch_impersonation, "end_due(db, provenance=provenance, now=now)"))
def test_switching_off_ends_the_sessions_in_that_account_alone(
    db: Session, opened: Impersonation, cy: Admin, eve: Member, now: datetime
) -> None:
    elsewhere = factories.start(db, impersonator=cy, target=eve, now=now)
    switch(db, opened.target, allowed=False, by=cy, now=now)
    assert opened.end_reason == EndReason.ACCOUNT_UNAVAILABLE
    assert elsewhere.impersonation.is_active(now)


def test_switching_on_again_lets_sessions_start(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    switch(db, mia, allowed=False, by=ada, now=now)
    switch(db, mia, allowed=True, by=ada, now=now)
    factories.start(db, impersonator=ada, target=mia, now=now)


@pytest.mark.parametrize("allowed", [True, False])
def test_switching_to_what_it_is_records_nothing(
    db: Session, ada: Admin, mia: Member, now: datetime, *, allowed: bool
) -> None:
    mia.account.impersonation_switched_off = not allowed
    switch(db, mia, allowed=allowed, by=ada, now=now)
    assert trail.actions(db) == []
