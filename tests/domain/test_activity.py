"""What happens inside a running session."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain import activity, endings, impersonations
from app.domain.activity import Dead
from app.domain.audit_trail import AuditAction
from app.domain.policies import Refusal
from app.domain.tokens import Tokens
from app.storage import audit_chain
from app.storage.admins import Admin
from app.storage.impersonations import LIFETIME, EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.domain.ground import Lose, each_way_to_lose_the_ground
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together, value


@pytest.fixture
def token(opened: Impersonation, tokens: Tokens, now: datetime) -> str:
    """The token that Ada's tab holds."""
    return tokens.issue(opened, now=now)


def find(db: Session, token: str, tokens: Tokens, now: datetime) -> Impersonation | Dead:
    return activity.find(db, token=token, tokens=tokens, provenance=FROM_THE_OFFICE, now=now)


def record(db: Session, impersonation: Impersonation, now: datetime) -> str:
    return activity.record_action(
        db,
        impersonation,
        method="POST",
        path="/templates/7",
        provenance=FROM_THE_OFFICE,
        now=now,
    )


def finish(db: Session, action_id: str, now: datetime, *, status: int = 200) -> None:
    # What has been recorded in this very transaction is looked up here.
    audit_chain.seal(db)
    activity.finish_action(
        db,
        action_id=action_id,
        status=status,
        milliseconds=12,
        provenance=FROM_THE_OFFICE,
        now=now,
    )


@pytest.mark.requirement("T5")
def test_a_good_token_finds_its_session(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, now: datetime
) -> None:
    assert find(db, token, tokens, now) is opened


@pytest.mark.requirement("T5")
def test_a_token_that_was_never_good_finds_nothing(
    db: Session, tokens: Tokens, now: datetime
) -> None:
    assert find(db, "nonsense", tokens, now) == Dead(None)


@pytest.mark.requirement("T5", "I3")
@pytest.mark.failure("X17")
@fails_without(line(endings.still_live, "if impersonation.ended_at is not None", "if False"))
def test_an_ended_session_is_dead_at_once(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, omar: Admin, now: datetime
) -> None:
    endings.end(
        db,
        opened,
        why=EndReason.ADMIN_ENDED,
        by=omar,
        provenance=FROM_THE_OFFICE,
        now=now,
    )
    assert find(db, token, tokens, now) == Dead(opened)


@pytest.mark.requirement("T5", "I2")
@fails_without(
    line(impersonations.start, "if earlier is not None and", "if False and"),
    raises=(IntegrityError,),
)
def test_the_token_of_a_replaced_session_is_dead(
    db: Session,
    opened: Impersonation,
    token: str,
    tokens: Tokens,
    eve: Member,
    now: datetime,
) -> None:
    factories.start(db, impersonator=opened.impersonator, target=eve, now=now)
    assert find(db, token, tokens, now) == Dead(opened)


@pytest.mark.requirement("I1", "I6")
@fails_without(
    together(
        line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"),
        line(endings._why_over, "if impersonation.has_run_out(now)", "if False"),
    )
)
def test_whoever_asks_first_after_the_time_is_over_ends_it(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, now: datetime
) -> None:
    opened.last_seen_at = now + LIFETIME
    assert find(db, token, tokens, now + LIFETIME) == Dead(opened)
    assert (opened.end_reason, opened.ended_at) == (EndReason.EXPIRED, now + LIFETIME)
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


def test_an_old_token_still_tells_how_its_session_ended(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, omar: Admin, now: datetime
) -> None:
    endings.end(db, opened, why=EndReason.ADMIN_ENDED, by=omar, provenance=FROM_THE_OFFICE, now=now)
    assert find(db, token, tokens, now + timedelta(days=1)) == Dead(opened)
    assert opened.end_reason == EndReason.ADMIN_ENDED


@pytest.mark.requirement("I1", "T5")
@fails_without(line(Tokens.verify, 'if said["exp"] <= now.timestamp()', "if False"))
def test_a_row_made_longer_does_not_make_the_token_longer(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, now: datetime
) -> None:
    opened.started_at, opened.expires_at = now + LIFETIME, now + 2 * LIFETIME
    opened.last_seen_at = now + LIFETIME
    assert find(db, token, tokens, now + LIFETIME) == Dead(opened)


@pytest.mark.requirement("T5")
@fails_without(line(activity._session_of, " and _is_of(claims, row)"))
@pytest.mark.parametrize(
    ("column", "value"),
    [("token_id", "another"), ("target_id", "eve"), ("account_id", "elsewhere")],
)
def test_a_row_that_is_not_the_tokens_finds_nothing(
    db: Session,
    opened: Impersonation,
    token: str,
    tokens: Tokens,
    now: datetime,
    column: str,
    value: str,
) -> None:
    setattr(opened, column, value)
    db.flush()
    assert find(db, token, tokens, now) == Dead(None)
    assert opened.ended_at is None


@pytest.mark.requirement("T5", "A7")
@fails_without(line(activity._is_of, "and claims.impersonator_id == impersonation.impersonator_id"))
def test_a_session_handed_to_another_admin_leaves_the_token_behind(
    db: Session, opened: Impersonation, token: str, tokens: Tokens, cy: Admin, now: datetime
) -> None:
    opened.impersonator = cy
    db.flush()
    assert find(db, token, tokens, now) == Dead(None)


@pytest.mark.requirement("A2", "A3", "T5")
@fails_without(
    line(activity.find, " or not still_live(db, impersonation, provenance=provenance, now=now)")
)
@each_way_to_lose_the_ground
def test_ground_lost_between_two_requests_ends_the_session(
    db: Session,
    opened: Impersonation,
    token: str,
    tokens: Tokens,
    now: datetime,
    lose: Lose,
    refusal: Refusal,
) -> None:
    assert find(db, token, tokens, now) is opened
    lose(db, opened.impersonator, opened.target)
    assert find(db, token, tokens, now) == Dead(opened)
    assert opened.end_reason == refusal.end_reason
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


@pytest.mark.requirement("I8", "L2")
@pytest.mark.failure("gitlab-536", "trigger-dev-4576")
@fails_without(value(activity, "append", lambda db, event: None))
def test_an_action_is_recorded_with_both_people(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    later = now + timedelta(seconds=30)
    action_id = record(db, opened, later)
    event = trail.only(db, AuditAction.ACTION_RECORDED)
    assert (event.actor_id, event.subject_id, event.impersonation_id) == ("ada", "mia", opened.id)
    assert event.details == {"action_id": action_id, "method": "POST", "path": "/templates/7"}
    assert opened.last_seen_at == later


@pytest.mark.requirement("X6")
@fails_without(line(activity.record_action, "path[:PATH_LENGTH]", "path"))
def test_a_long_path_is_cut(db: Session, opened: Impersonation, now: datetime) -> None:
    activity.record_action(
        db, opened, method="GET", path="/" + "x" * 4000, provenance=FROM_THE_OFFICE, now=now
    )
    event = trail.only(db, AuditAction.ACTION_RECORDED)
    assert len(event.details["path"]) == activity.PATH_LENGTH


@pytest.mark.requirement("L1")
@fails_without(value(activity, "append", lambda db, event: None))
def test_an_action_after_the_end_is_recorded_as_refused(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    endings.end(db, opened, why=EndReason.TAB_CLOSED, provenance=FROM_THE_OFFICE, now=now)
    activity.refuse_action(db, opened, method="GET", path="/", provenance=FROM_THE_OFFICE, now=now)
    event = trail.only(db, AuditAction.ACTION_REFUSED)
    assert (event.outcome, event.actor_id) == ("refused", "ada")
    assert event.details == {"method": "GET", "path": "/", "why": "tab_closed"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "succeeded"),
        (303, "succeeded"),
        (399, "succeeded"),
        (400, "refused"),
        (499, "refused"),
        (500, "failed"),
        (599, "failed"),
    ],
)
def test_the_outcome_of_an_action_follows_its_status(
    db: Session, opened: Impersonation, now: datetime, status: int, outcome: str
) -> None:
    action_id = record(db, opened, now)
    finish(db, action_id, now, status=status)
    event = trail.only(db, AuditAction.ACTION_FINISHED)
    assert event.outcome == outcome
    assert event.details == {"action_id": action_id, "status": status, "milliseconds": 12}


@fails_without(
    line(
        activity.finish_action,
        "if _has_event(db, AuditAction.ACTION_FINISHED, action_id)",
        "if False",
    )
)
def test_an_outcome_reported_twice_is_recorded_once(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    action_id = record(db, opened, now)
    for status in (200, 500):
        finish(db, action_id, now, status=status)
    assert trail.only(db, AuditAction.ACTION_FINISHED).details["status"] == 200


def test_each_action_has_its_own_outcome(db: Session, opened: Impersonation, now: datetime) -> None:
    for action_id in [record(db, opened, now), record(db, opened, now)]:
        finish(db, action_id, now)
    assert len(trail.events(db, AuditAction.ACTION_FINISHED)) == 2


def test_an_outcome_is_recorded_after_the_end_too(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    """The action that ended the session, for instance."""
    action_id = record(db, opened, now)
    endings.end(db, opened, why=EndReason.IMPERSONATOR_ENDED, provenance=FROM_THE_OFFICE, now=now)
    finish(db, action_id, now)
    trail.only(db, AuditAction.ACTION_FINISHED)


@pytest.mark.requirement("I5")
def test_an_open_page_is_noted(opened: Impersonation, now: datetime) -> None:
    later = now + timedelta(seconds=5)
    activity.note_open_page(opened, page_id="page-1", now=later)
    assert (opened.page_id, opened.last_seen_at, opened.closing_at) == ("page-1", later, None)


@pytest.mark.requirement("I5")
def test_a_closing_page_marks_the_session(opened: Impersonation, now: datetime) -> None:
    activity.note_open_page(opened, page_id="page-1", now=now)
    later = now + timedelta(seconds=5)
    activity.note_closing_page(opened, page_id="page-1", now=later)
    assert (opened.closing_at, opened.last_seen_at) == (later, now)


@pytest.mark.requirement("I5")
@fails_without(line(activity.note_closing_page, "if impersonation.page_id == page_id", "if True"))
def test_a_page_that_nobody_opened_cannot_close_the_session(
    opened: Impersonation, now: datetime
) -> None:
    activity.note_closing_page(opened, page_id="page-1", now=now)
    assert opened.closing_at is None


@pytest.mark.requirement("I5")
@fails_without(
    line(activity.note_open_page, "if impersonation.closing_at is not None and", "if False and")
)
def test_a_heartbeat_that_comes_after_its_page_has_closed_changes_nothing(
    opened: Impersonation, now: datetime
) -> None:
    activity.note_open_page(opened, page_id="one", now=now)
    activity.note_closing_page(opened, page_id="one", now=now)
    activity.note_open_page(opened, page_id="one", now=now + timedelta(seconds=1))
    assert (opened.closing_at, opened.last_seen_at) == (now, now)
