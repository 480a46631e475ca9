"""Starting a session."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain import handoffs, impersonations
from app.domain.audit_trail import AuditAction, Outcome
from app.domain.errors import Conflict, Invalid, Refused
from app.domain.impersonations import REASON_LENGTH, TICKET_URL_LENGTH, Started
from app.domain.policies import Refusal
from app.storage.admins import Admin
from app.storage.impersonations import LIFETIME, EndReason, Handoff, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.domain.ground import Lose, each_way_to_lose_the_ground
from tests.twins import fails_without, line, value


@pytest.mark.requirement("I1")
def test_a_session_lasts_twenty_minutes(started: Started, now: datetime) -> None:
    assert started.impersonation.started_at == now
    assert started.impersonation.expires_at == now + timedelta(minutes=20)


def test_a_session_keeps_who_whom_where_and_why(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    started = factories.start(
        db, impersonator=ada, target=mia, reason=" Her logo is gone ", now=now
    )
    row = started.impersonation
    assert (row.impersonator, row.target, row.account_id) == (ada, mia, "harbour")
    assert row.reason == "Her logo is gone"
    assert (row.address, row.opened_at, row.ended_at) == ("192.0.2.7", None, None)


@pytest.mark.requirement("A6", "L1", "L2")
@fails_without(value(impersonations, "append", lambda db, event: None))
def test_a_start_is_in_the_trail_with_everything_that_tells_who_and_why(
    db: Session, started: Started, now: datetime
) -> None:
    event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
    assert (event.actor_id, event.subject_id, event.account_id) == ("ada", "mia", "harbour")
    assert (event.impersonation_id, event.at) == (started.impersonation.id, now)
    assert (event.reason, event.outcome) == ("Her template is broken", Outcome.SUCCEEDED)
    assert (event.address, event.request_id) == ("192.0.2.7", "request-1")


@pytest.mark.requirement("H2", "L12")
@fails_without(line(handoffs.issue, "hash_secret(ticket)", "ticket"))
def test_the_ticket_is_kept_as_a_hash_alone(db: Session, started: Started) -> None:
    handoff = db.scalars(select(Handoff)).one()
    assert len(started.ticket) >= 43
    assert started.ticket not in handoff.ticket_hash
    assert all(started.ticket not in repr(vars(event)) for event in trail.events(db))


@pytest.mark.requirement("I2")
@fails_without(
    line(impersonations.start, "if earlier is not None and", "if False and"),
    raises=(IntegrityError,),
)
def test_a_newer_session_replaces_the_older_one(
    db: Session, started: Started, ada: Admin, eve: Member, now: datetime
) -> None:
    newer = factories.start(db, impersonator=ada, target=eve, now=now + timedelta(seconds=3))
    older = started.impersonation
    assert (older.end_reason, older.ended_by_id) == (EndReason.REPLACED, "ada")
    assert newer.impersonation.ended_at is None
    assert trail.actions(db) == [
        "impersonation.started",
        "impersonation.ended",
        "impersonation.started",
    ]


@pytest.mark.requirement("I2")
@fails_without(
    line(
        impersonations.start, " and endings.still_live(db, earlier, provenance=provenance, now=now)"
    )
)
@pytest.mark.parametrize(
    ("later", "why"),
    [
        (LIFETIME, EndReason.EXPIRED),
        (timedelta(minutes=1), EndReason.NEVER_OPENED),
    ],
)
def test_an_older_session_that_was_over_ends_for_its_own_reason(
    db: Session,
    started: Started,
    ada: Admin,
    eve: Member,
    now: datetime,
    later: timedelta,
    why: str,
) -> None:
    factories.start(db, impersonator=ada, target=eve, now=now + later)
    assert started.impersonation.end_reason == why
    event = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert (event.details["why"], event.actor_kind, event.actor_id) == (why, "system", None)


def test_two_superadmins_may_be_inside_at_once(
    db: Session, started: Started, cy: Admin, mia: Member, now: datetime
) -> None:
    other = factories.start(db, impersonator=cy, target=mia, now=now)
    assert started.impersonation.is_active(now)
    assert other.impersonation.is_active(now)


@pytest.mark.requirement("A2", "A3")
@fails_without(
    line(
        impersonations.check_policy,
        "if refusal is None:\n        return",
        "if True:\n        return",
    )
)
@each_way_to_lose_the_ground
def test_nothing_starts_without_ground(
    db: Session, ada: Admin, mia: Member, now: datetime, lose: Lose, refusal: Refusal
) -> None:
    lose(db, ada, mia)
    with pytest.raises(Refused) as refused:
        factories.start(db, impersonator=ada, target=mia, now=now)
    assert (refused.value.code, refused.value.sentence) == (refusal, f"{refusal.sentence}.")
    assert db.scalar(select(func.count()).select_from(Impersonation)) == 0


@pytest.mark.requirement("L1")
@pytest.mark.failure("X25")
@fails_without(
    line(
        impersonations.check_policy,
        'raise kind(f"{refusal.sentence}.", code=refusal, event=refused)',
        'raise kind("", code=refusal)',
    )
)
def test_a_refusal_brings_its_event_along(
    db: Session, omar: Admin, mia: Member, now: datetime
) -> None:
    with pytest.raises(Refused) as refused:
        factories.start(db, impersonator=omar, target=mia, now=now)
    event = refused.value.event
    assert event is not None
    assert (event.action, event.outcome) == ("impersonation.refused", "refused")
    assert (event.actor_id, event.subject_id, event.account_id) == ("omar", "mia", "harbour")
    assert event.reason == "Her template is broken"
    assert event.details == {"why": "not_superadmin", "through": "", "claimed": False}


def test_a_refused_start_leaves_the_earlier_session_alone(
    db: Session, started: Started, ada: Admin, eve: Member, now: datetime
) -> None:
    eve.protected = True
    with pytest.raises(Refused):
        factories.start(db, impersonator=ada, target=eve, now=now)
    assert started.impersonation.is_active(now)


@pytest.mark.requirement("W11")
@fails_without(
    line(
        impersonations.start,
        "if impersonation_with_form_key(db, impersonator_id=impersonator.id, form_key=form_key)",
        "if False",
    ),
    raises=(IntegrityError,),
)
def test_one_form_starts_one_session(db: Session, ada: Admin, mia: Member, now: datetime) -> None:
    first = factories.start(db, impersonator=ada, target=mia, form_key="form-1", now=now)
    with pytest.raises(Conflict):
        factories.start(db, impersonator=ada, target=mia, form_key="form-1", now=now)
    assert first.impersonation.is_active(now)


@pytest.mark.requirement("W11")
@fails_without(
    line(
        impersonations.start,
        "if impersonation_with_form_key(db, impersonator_id=impersonator.id, form_key=form_key)",
        "if False",
    ),
    raises=(IntegrityError,),
)
def test_a_form_stays_used_after_its_session_has_ended(
    db: Session, ada: Admin, mia: Member, eve: Member, now: datetime
) -> None:
    factories.start(db, impersonator=ada, target=mia, form_key="form-1", now=now)
    factories.start(db, impersonator=ada, target=eve, form_key="form-2", now=now)
    with pytest.raises(Conflict):
        factories.start(db, impersonator=ada, target=mia, form_key="form-1", now=now)


def test_the_same_form_key_of_another_admin_is_another_form(
    db: Session, ada: Admin, cy: Admin, mia: Member, now: datetime
) -> None:
    factories.start(db, impersonator=ada, target=mia, form_key="form-1", now=now)
    factories.start(db, impersonator=cy, target=mia, form_key="form-1", now=now)


@pytest.mark.requirement("A6")
@fails_without(line(impersonations.checked_reason, "if required and not reason", "if False"))
@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_a_missing_reason_is_not_taken(
    db: Session, ada: Admin, mia: Member, now: datetime, reason: str
) -> None:
    with pytest.raises(Invalid):
        factories.start(db, impersonator=ada, target=mia, reason=reason, now=now)


@pytest.mark.requirement("A6", "X6")
@fails_without(line(impersonations.checked_reason, "if len(reason) > REASON_LENGTH", "if False"))
def test_an_endless_reason_is_not_taken(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    with pytest.raises(Invalid):
        factories.start(db, impersonator=ada, target=mia, reason="x" * (REASON_LENGTH + 1), now=now)


@pytest.mark.requirement("A6")
@fails_without(line(impersonations.checked_reason, "required and "), raises=(Invalid,))
def test_a_reason_may_be_left_out_where_the_settings_say_so(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    started = factories.start(
        db, impersonator=ada, target=mia, reason=" ", reason_required=False, now=now
    )
    assert started.impersonation.reason == ""


@pytest.mark.requirement("X1")
@fails_without(
    line(
        impersonations._checked_ticket_url,
        'parts.scheme not in ("http", "https") or not parts.netloc or len(url) > TICKET_URL_LENGTH',
        "False",
    )
)
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "/tickets/1",
        "desk.example/1",
        "https://",
        "file:///etc/passwd",
        "https://desk.example/" + "x" * TICKET_URL_LENGTH,
    ],
)
def test_a_ticket_link_that_is_no_web_address_is_not_taken(
    db: Session, ada: Admin, mia: Member, now: datetime, url: str
) -> None:
    with pytest.raises(Invalid):
        factories.start(db, impersonator=ada, target=mia, ticket_url=url, now=now)


@pytest.mark.requirement("X1")
@fails_without(
    line(impersonations._checked_ticket_url, 'parts.scheme not in ("http", "https") or ')
)
@pytest.mark.parametrize("url", ["//desk.example/1", "javascript://desk.example/%0Aalert(1)"])
def test_a_ticket_link_of_another_kind_is_not_taken_though_it_names_a_host(
    db: Session, ada: Admin, mia: Member, now: datetime, url: str
) -> None:
    with pytest.raises(Invalid):
        factories.start(db, impersonator=ada, target=mia, ticket_url=url, now=now)


def test_a_ticket_link_that_cannot_be_read_is_not_taken(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    with pytest.raises(Invalid):
        factories.start(db, impersonator=ada, target=mia, ticket_url="http://[", now=now)


def test_a_ticket_link_is_kept_and_told_to_the_trail(
    db: Session, ada: Admin, mia: Member, now: datetime
) -> None:
    url = "https://desk.example/tickets/1?q=a#b"
    factories.start(db, impersonator=ada, target=mia, ticket_url=f" {url} ", now=now)
    event = trail.only(db, AuditAction.IMPERSONATION_STARTED)
    assert event.details["ticket_url"] == url
