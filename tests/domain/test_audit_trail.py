"""What can happen is a closed list, and each of it is written down in one exact shape."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain import audit_trail
from app.domain.audit_trail import (
    DETAILS,
    OPERATOR,
    USER_AGENT_LENGTH,
    AuditAction,
    Outcome,
    Provenance,
    append,
    event,
)
from app.domain.impersonations import Started
from app.domain.policies import Refusal
from app.storage.admins import Admin
from app.storage.impersonations import EndReason
from app.storage.members import Member
from tests import trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

# These names are in trails that outlive us. Add to the lists; never change or remove.
ACTIONS = [
    "sign_in.begun",
    "sign_in.succeeded",
    "sign_in.failed",
    "sign_in.throttled",
    "sign_in.ended",
    "step_up.succeeded",
    "step_up.failed",
    "password.changed",
    "factor.added",
    "factor.removed",
    "recovery_codes.made",
    "recovery_code.used",
    "access.refused",
    "admin.created",
    "admin.role_changed",
    "admin.disabled",
    "admin.enabled",
    "admin.factors_reset",
    "admin.password_set",
    "account.impersonation_switched",
    "account.added",
    "account.changed",
    "account.removed",
    "member.added",
    "member.changed",
    "member.removed",
    "api_key.created",
    "api_key.revoked",
    "signing_key.rotated",
    "settings.changed",
    "directory.load_started",
    "directory.imported",
    "directory.synced",
    "directory.sync_failed",
    "directory.sync_recovered",
    "impersonation.started",
    "impersonation.refused",
    "impersonation.ended",
    "impersonation_link.made",
    "impersonation_link.refused",
    "handoff.redeemed",
    "handoff.refused",
    "handoff.renewed",
    "action.recorded",
    "action.finished",
    "action.refused",
    "audit.read",
    "audit.exported",
    "audit.verified",
    "audit.doubted",
    "audit.doubt_acknowledged",
    "audit.words_erased",
    "audit.archive_ordered",
    "audit.archived",
    "company_sign_in.refused",
    "company_account.linked",
    "company_account.unlinked",
    "alert.raised",
    "alert.acknowledged",
]
END_REASONS = [
    "expired",
    "impersonator_ended",
    "tab_closed",
    "went_silent",
    "never_opened",
    "replaced",
    "admin_ended",
    "impersonator_lost_access",
    "member_unavailable",
    "account_unavailable",
    "ticket_reused",
    "program_ended",
    "sign_in_ended",
]
REFUSALS = [
    "not_superadmin",
    "oneself",
    "target_is_admin",
    "account_suspended",
    "account_opted_out",
    "member_invited",
    "member_deactivated",
    "member_protected",
    "trail_doubted",
    "starts_throttled",
    "key_may_not_start",
    "key_of_another_admin",
    "key_of_another_account",
]


@pytest.mark.requirement("L1")
def test_the_names_in_the_trail_never_change() -> None:
    assert [*AuditAction] == ACTIONS
    assert [*EndReason] == END_REASONS
    assert [*Refusal] == REFUSALS
    assert [*Outcome] == ["succeeded", "refused", "failed"]


@pytest.mark.requirement("L2")
def test_every_action_says_which_details_it_has() -> None:
    assert set(DETAILS) == set(AuditAction)


@pytest.mark.requirement("L2")
@fails_without(
    line(audit_trail.event, "if details.keys() != registered.facts | registered.words", "if False"),
    raises=(KeyError,),
)
@pytest.mark.parametrize("action", AuditAction)
def test_details_are_exact(now: datetime, action: AuditAction) -> None:
    names = DETAILS[action].facts | DETAILS[action].words
    # What the provenance tells nobody has to say.
    origin = {
        name: value for name, value in {"through": "", "claimed": False}.items() if name in names
    }
    exact: dict[str, Any] = dict.fromkeys(names, "") | origin
    assert event(action, now=now, provenance=OPERATOR, details=exact).details == exact
    with pytest.raises(ValueError, match="is recorded with"):
        event(action, now=now, provenance=OPERATOR, details=exact | {"more": ""})
    for name in exact.keys() - origin.keys():
        fewer = {other: "" for other in exact if other != name}
        with pytest.raises(ValueError, match="is recorded with"):
            event(action, now=now, provenance=OPERATOR, details=fewer)


@pytest.mark.requirement("L2")
def test_an_event_keeps_the_names_of_its_day(
    db: Session, ada: Admin, mia: Member, started: Started
) -> None:
    recorded = trail.only(db, AuditAction.IMPERSONATION_STARTED)
    ada.name, mia.name, mia.account.name = "Ada Married", "Mia Renamed", "Sold"
    db.flush()
    db.expire(recorded)
    assert (recorded.actor_name, recorded.actor_email) == ("Ada Lindqvist", "ada@example.com")
    assert (recorded.subject_name, recorded.subject_email) == (
        "Mia Søndergaard",
        "mia@harbour.example",
    )
    assert recorded.account_name == "Harbour"


@pytest.mark.requirement("L2")
def test_an_event_of_a_session_names_actor_subject_and_account(
    now: datetime, started: Started
) -> None:
    recorded = event(
        AuditAction.HANDOFF_REDEEMED,
        now=now,
        provenance=FROM_THE_OFFICE,
        impersonation=started.impersonation,
        details={},
    )
    assert (recorded.actor_kind, recorded.actor_id) == ("admin", "ada")
    assert (recorded.subject_id, recorded.account_id) == ("mia", "harbour")


def test_a_stranger_in_a_session_is_not_taken_for_its_admin(
    now: datetime, started: Started
) -> None:
    recorded = event(
        AuditAction.HANDOFF_REFUSED,
        now=now,
        provenance=FROM_THE_OFFICE,
        impersonation=started.impersonation,
        actor_kind="stranger",
        details={"why": "used"},
    )
    assert (recorded.actor_kind, recorded.actor_id, recorded.actor_name) == ("stranger", None, None)
    assert recorded.subject_id == "mia"


def test_what_nobody_did_the_system_did(now: datetime) -> None:
    recorded = event(
        AuditAction.API_KEY_REVOKED,
        now=now,
        provenance=OPERATOR,
        details={"name": "", "prefix": ""},
    )
    assert (recorded.actor_kind, recorded.actor_id) == ("system", None)


@pytest.mark.requirement("L2", "X6")
@fails_without(
    line(audit_trail.event, "provenance.user_agent[:USER_AGENT_LENGTH]", "provenance.user_agent")
)
def test_a_long_user_agent_is_cut(now: datetime) -> None:
    provenance = Provenance(address="192.0.2.7", user_agent="x" * 5000, request_id="r")
    recorded = event(
        AuditAction.SIGN_IN_SUCCEEDED,
        now=now,
        provenance=provenance,
        details={"proof": "password"},
    )
    assert len(recorded.user_agent) == USER_AGENT_LENGTH
    claimed = FROM_THE_OFFICE.claimed(address="198.51.100.9", user_agent="y" * 5000)
    assert claimed.request_id == FROM_THE_OFFICE.request_id


@pytest.mark.requirement("L2")
def test_the_time_of_an_event_is_kept_with_its_microseconds(
    db: Session, ada: Admin, now: datetime
) -> None:
    at = now.replace(microsecond=1234)
    details = {"proof": "password"}
    succeeded = AuditAction.SIGN_IN_SUCCEEDED
    append(db, event(succeeded, now=at, provenance=OPERATOR, actor=ada, details=details))
    db.expire_all()
    assert trail.only(db, AuditAction.SIGN_IN_SUCCEEDED).at == at
