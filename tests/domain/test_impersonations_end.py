"""Every way a session ends, and that it ends once."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import accounts, activity, admins, endings
from app.domain.audit_trail import WORKER, AuditAction
from app.domain.impersonations import Started
from app.domain.policies import Refusal
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.impersonations import LIFETIME, EndReason, Impersonation, open_impersonations
from app.storage.members import Member
from tests import factories, trail
from tests.cast import ELSEWHERE
from tests.domain.ground import Lose, each_way_to_lose_the_ground
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together, value

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def end(db: Session, impersonation: Impersonation, *, by: Admin | None, now: datetime) -> bool:
    return endings.end(
        db,
        impersonation,
        why=EndReason.ADMIN_ENDED,
        by=by,
        provenance=FROM_THE_OFFICE,
        now=now,
    )


def sweep(db: Session, now: datetime) -> list[Impersonation]:
    """What the worker does each second."""
    return list(endings.end_due(db, provenance=WORKER, now=now))


def test_an_end_says_who_when_and_why(
    db: Session, opened: Impersonation, omar: Admin, now: datetime
) -> None:
    assert end(db, opened, by=omar, now=now + 90 * SECOND)
    assert (opened.end_reason, opened.ended_by_id) == (EndReason.ADMIN_ENDED, "omar")
    event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert (event.actor_id, event.subject_id) == ("omar", "mia")
    told = {"why": "admin_ended", "seconds": 90, "through": "", "claimed": False}
    assert event.details == told


@pytest.mark.requirement("I4", "R3")
@fails_without(line(endings.end, ", Impersonation.ended_at.is_(None)"))
def test_a_second_end_changes_and_records_nothing(
    db: Session, opened: Impersonation, omar: Admin, cy: Admin, now: datetime
) -> None:
    assert end(db, opened, by=omar, now=now)
    assert not end(db, opened, by=cy, now=now + SECOND)
    assert (opened.ended_by_id, opened.ended_at) == ("omar", now)
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


def test_an_end_by_nobody_is_the_systems(db: Session, opened: Impersonation, now: datetime) -> None:
    end(db, opened, by=None, now=now)
    event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert (event.actor_kind, event.actor_id, opened.ended_by_id) == ("system", None, None)


@pytest.mark.requirement("I1")
@fails_without(
    line(endings.end, "min(max(now, impersonation.last_seen_at), impersonation.expires_at)", "now")
)
def test_an_end_found_late_is_dated_in_time(
    db: Session, opened: Impersonation, omar: Admin, now: datetime
) -> None:
    end(db, opened, by=omar, now=now + timedelta(hours=2))
    assert opened.ended_at == now + LIFETIME
    assert trail.only(db, AuditAction.IMPERSONATION_ENDED).details["seconds"] == 1200


@pytest.mark.requirement("I1", "I6")
@fails_without(line(Impersonation.has_run_out, "now >= self.expires_at or "))
def test_a_session_expires_to_the_moment(db: Session, opened: Impersonation, now: datetime) -> None:
    for after, over in ((LIFETIME - MICROSECOND, False), (LIFETIME, True)):
        opened.last_seen_at = now + after
        assert (sweep(db, now + after) == [opened]) is over
        assert opened.is_active(now + after) is not over
    assert opened.end_reason == EndReason.EXPIRED


@pytest.mark.requirement("I6")
@fails_without(
    line(endings._why_over, "if impersonation.has_run_out(now)", "if False"),
    together(
        line(endings.end, ", Impersonation.ended_at.is_(None)"),
        line(open_impersonations, ".where(Impersonation.ended_at.is_(None))"),
    ),
)
def test_expiry_is_recorded_once_however_often_one_sweeps(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    assert sweep(db, now + LIFETIME) == [opened]
    assert sweep(db, now + LIFETIME) == []
    event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert (event.details["why"], event.user_agent) == ("expired", "worker")


@pytest.mark.parametrize(("seconds", "over"), [(59, False), (60, True)])
def test_a_session_that_no_tab_opens_is_over_after_a_minute(
    db: Session, started: Started, now: datetime, seconds: int, *, over: bool
) -> None:
    ended = sweep(db, now + seconds * SECOND)
    assert (ended == [started.impersonation]) is over
    assert started.impersonation.end_reason == (EndReason.NEVER_OPENED if over else None)


@pytest.mark.requirement("I5")
@fails_without(line(endings._tab_gone, "EndReason.WENT_SILENT if silent else None", "None"))
def test_three_minutes_of_silence_end_it(db: Session, opened: Impersonation, now: datetime) -> None:
    assert sweep(db, now + 179 * SECOND) == []
    assert sweep(db, now + 180 * SECOND) == [opened]
    assert opened.end_reason == EndReason.WENT_SILENT


@pytest.mark.requirement("I5")
@fails_without(
    value(endings, "SILENCE", timedelta(hours=1)),
    line(activity.note_open_page, "impersonation.last_seen_at = impersonation.last_sign(now)"),
)
def test_a_sign_of_life_breaks_the_silence(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    activity.note_open_page(opened, page_id="page-1", now=now + 179 * SECOND)
    assert sweep(db, now + 358 * SECOND) == []
    assert sweep(db, now + 359 * SECOND) == [opened]


@pytest.mark.requirement("I5")
@fails_without(
    line(endings._tab_gone, "now >= closing + CLOSING_GRACE", "False"),
    line(endings._tab_gone, " + CLOSING_GRACE"),
)
def test_a_closed_tab_ends_it_after_ten_seconds(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    activity.note_open_page(opened, page_id="page-1", now=now)
    activity.note_closing_page(opened, page_id="page-1", now=now)
    assert sweep(db, now + 9 * SECOND) == []
    assert sweep(db, now + 10 * SECOND) == [opened]
    assert opened.end_reason == EndReason.TAB_CLOSED


@pytest.mark.requirement("I5")
@fails_without(line(activity.note_open_page, "impersonation.closing_at = None"))
def test_a_reload_clears_the_closing_mark(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    activity.note_open_page(opened, page_id="page-1", now=now)
    activity.note_closing_page(opened, page_id="page-1", now=now)
    activity.note_open_page(opened, page_id="page-2", now=now + SECOND)
    assert sweep(db, now + 60 * SECOND) == []


@pytest.mark.requirement("I5")
@fails_without(line(activity.note_closing_page, "if impersonation.page_id == page_id", "if True"))
def test_the_late_farewell_of_an_old_page_is_ignored(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    """The messages of a reload may arrive in the other order."""
    activity.note_open_page(opened, page_id="page-1", now=now)
    activity.note_open_page(opened, page_id="page-2", now=now)
    activity.note_closing_page(opened, page_id="page-1", now=now)
    assert opened.closing_at is None
    assert sweep(db, now + 60 * SECOND) == []


@pytest.mark.requirement("A2", "A3", "I9")
@fails_without(line(endings._why_over, "_ground_gone(impersonation, target_is_admin) or "))
@each_way_to_lose_the_ground
@pytest.mark.failure("X13")
def test_the_sweep_ends_what_has_lost_its_ground(
    db: Session, opened: Impersonation, now: datetime, lose: Lose, refusal: Refusal
) -> None:
    lose(db, opened.impersonator, opened.target)
    assert sweep(db, now + SECOND) == [opened]
    assert opened.end_reason == refusal.end_reason


def test_the_sweep_leaves_others_alone(
    db: Session, opened: Impersonation, cy: Admin, eve: Member, now: datetime
) -> None:
    other = factories.start(db, impersonator=cy, target=eve, now=now)
    opened.target.protected = True
    assert sweep(db, now) == [opened]
    assert other.impersonation.is_active(now)


Verb = Callable[[Session, Admin, Member, Admin, datetime], object]
VERBS: dict[str, tuple[Verb, EndReason]] = {
    "demote": (
        lambda db, ada, _mia, cy, now: admins.change_role(
            db, ada, role="admin", by=cy, provenance=FROM_THE_OFFICE, now=now
        ),
        EndReason.IMPERSONATOR_LOST_ACCESS,
    ),
    "disable": (
        lambda db, ada, _mia, cy, now: admins.disable(
            db, ada, by=cy, provenance=FROM_THE_OFFICE, now=now
        ),
        EndReason.IMPERSONATOR_LOST_ACCESS,
    ),
    "make the target an admin": (
        lambda db, _ada, mia, cy, now: admins.create(
            db,
            email=mia.email.title(),
            name=mia.name,
            role="admin",
            password=factories.PASSWORD,
            by=cy,
            provenance=FROM_THE_OFFICE,
            now=now,
        ),
        EndReason.MEMBER_UNAVAILABLE,
    ),
    "switch off": (
        lambda db, _ada, mia, cy, now: accounts.switch_impersonation(
            db, mia.account, allowed=False, by=cy, provenance=FROM_THE_OFFICE, now=now
        ),
        EndReason.ACCOUNT_UNAVAILABLE,
    ),
}


@pytest.mark.requirement("A2", "A3", "I9", "S1")
@pytest.mark.failure("X3", "X5")
@fails_without(
    together(
        value(admins, "end_due", lambda *_, **__: []),
        value(endings, "end_with_sign_in", lambda *_, **__: False),
        value(accounts, "end_due", lambda *_, **__: []),
    )
)
@pytest.mark.parametrize(("verb", "why"), VERBS.values(), ids=VERBS)
def test_a_verb_that_takes_the_ground_ends_the_session_in_its_own_transaction(
    db: Session, opened: Impersonation, cy: Admin, now: datetime, verb: Verb, why: EndReason
) -> None:
    verb(db, opened.impersonator, opened.target, cy, now)
    assert opened.end_reason == why
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


@pytest.mark.requirement("R5", "F5")
@fails_without(
    line(Impersonation.is_active, "self.ended_at is None and "),
    line(endings.still_live, "if impersonation.ended_at is not None", "if False"),
)
def test_a_clock_that_jumps_back_revives_nothing(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    sweep(db, now + LIFETIME)
    assert not opened.is_active(now)
    assert not endings.still_live(db, opened, provenance=WORKER, now=now)


@pytest.mark.requirement("I1", "R5", "F5")
@pytest.mark.parametrize("minutes", [3, 18, 60 * 24])
@fails_without(line(Impersonation.has_run_out, " or now < self.last_seen_at - CLOCKS_DIFFER_BY"))
def test_a_clock_that_is_set_back_lengthens_nothing(
    db: Session, opened: Impersonation, now: datetime, minutes: int
) -> None:
    seen = now + timedelta(minutes=19)
    activity.note_open_page(opened, page_id="page-1", now=seen)
    back = seen - timedelta(minutes=minutes)
    assert not opened.is_active(back)
    assert sweep(db, back) == [opened]
    assert (opened.end_reason, opened.ended_at) == (EndReason.EXPIRED, seen)
    assert trail.only(db, AuditAction.IMPERSONATION_ENDED).details["seconds"] == 19 * 60


@pytest.mark.requirement("I1", "F5")
@fails_without(line(Impersonation.last_sign, "max(self.last_seen_at, now)", "now"))
def test_many_small_steps_of_a_clock_backwards_are_a_large_one(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    """Several machines' clocks may differ by one of them."""
    activity.note_open_page(opened, page_id="page-1", now=now - 4 * SECOND)
    assert sweep(db, now - 5 * SECOND) == []
    assert sweep(db, now - 6 * SECOND) == [opened]


@pytest.mark.requirement("R5")
@fails_without(line(endings._why_over, "if impersonation.has_run_out(now)", "if False"))
@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=1)])
@pytest.mark.requirement("F5")
def test_a_clock_that_jumps_ahead_ends_it(
    db: Session, opened: Impersonation, now: datetime, jump: timedelta
) -> None:
    assert sweep(db, now + jump) == [opened]
    assert opened.end_reason == EndReason.EXPIRED


def test_the_time_left_is_in_whole_seconds_and_never_negative(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    assert opened.seconds_left(now) == 1200
    assert opened.seconds_left(now + MICROSECOND) == 1199
    assert opened.seconds_left(now + timedelta(days=1)) == 0
    end(db, opened, by=None, now=now)
    assert opened.seconds_left(now) == 0


@fails_without(
    line(
        endings._ground_gone,
        "if impersonation.target.account_id != impersonation.account_id",
        "if False",
    )
)
def test_a_member_who_moves_to_another_account_ends_the_session(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    opened.target.account = db.get_one(Account, ELSEWHERE)
    assert sweep(db, now) == [opened]
    assert opened.end_reason == EndReason.MEMBER_UNAVAILABLE


@pytest.mark.failure("X7")
@fails_without(
    line(
        endings.end,
        "Impersonation.id == impersonation.id",
        "Impersonation.target_id == impersonation.target_id",
    )
)
def test_of_two_admins_in_one_member_one_leaves_and_the_other_stays(
    db: Session, opened: Impersonation, cy: Admin, mia: Member, omar: Admin, now: datetime
) -> None:
    others = factories.start(db, impersonator=cy, target=mia, now=now).impersonation
    assert end(db, opened, by=omar, now=now)
    assert (opened.is_active(now), others.is_active(now)) == (False, True)
    assert end(db, others, by=omar, now=now)
    ends = trail.events(db, AuditAction.IMPERSONATION_ENDED)
    assert [one.impersonation_id for one in ends] == [opened.id, others.id]
