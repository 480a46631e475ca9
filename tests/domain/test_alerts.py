"""What a colleague should look at: told once each time that it begins, until somebody knows."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain import alerts, impersonation_links, impersonations
from app.domain.alerts import RULES, About, AlertKind
from app.domain.audit_trail import AuditAction, Outcome, append, event
from app.domain.errors import Absent, Conflict
from app.domain.start_limits import StartLimits, WorkingHours
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.members import Member
from tests import factories, linking, trail
from tests.conftest import Undone
from tests.domain.test_authentication import fail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, value

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# These names are in trails that outlive us. Add to the list; never change or remove.
KINDS = [
    "many_starts",
    "many_starts_in_a_day",
    "unusual_hour",
    "many_accounts",
    "same_member",
    "starts_throttled",
    "ticket_reused",
    "many_refusals",
    "failed_sign_ins",
    "failed_sign_ins_from_one_address",
    "failed_api_keys",
    "api_key_throttled",
    "wrong_factors",
    "sign_ins_begun",
    "failed_step_ups",
]
FEW = StartLimits(unusual_per_hour=3, unusual_per_day=5)


def raised(db: Session) -> list[AuditEvent]:
    return list(trail.events(db, AuditAction.ALERT_RAISED))


def kinds(db: Session) -> list[str]:
    return [one.details["kind"] for one in raised(db)]


def start(db: Session, now: datetime, target: Member, **arguments: Any) -> None:
    ada = db.get_one(Admin, "ada")
    factories.start(db, impersonator=ada, target=target, now=now, **arguments)


@pytest.fixture
def customers(db: Session, now: datetime) -> list[Member]:
    """Somebody in each of many accounts."""
    accounts = [factories.account(name=f"Customer {number}", now=now) for number in range(12)]
    members = [factories.member(account=one, now=now) for one in accounts]
    db.add_all(members)
    db.flush()
    return members


def test_the_registry_is_closed() -> None:
    assert [*AlertKind] == KINDS
    assert set(RULES) == set(AlertKind)


@pytest.mark.requirement("L1")
@fails_without(line(alerts.watch, "if run.count == rule.times", "if run.count >= rule.times"))
def test_an_alert_is_raised_once_each_time_it_begins(
    db: Session, customers: list[Member], now: datetime
) -> None:
    for number, target in enumerate(customers[:4]):
        start(db, now + number * MINUTE, target, limits=FEW)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.actor_id, alert.subject_id) == ("ada", customers[2].id)
    assert alert.details | {"email": ""} == {
        "kind": "many_starts",
        "count": 3,
        "minutes": 60,
        "admin_id": "",
        "email": "",
        "through": "",
        "claimed": False,
    }
    for number in range(3):
        start(db, now + HOUR + number * MINUTE, customers[number], limits=FEW)
    assert kinds(db) == ["many_starts", "many_starts_in_a_day", "many_starts"]


def test_an_alert_is_there_when_its_act_is_and_not_otherwise(
    database: Database, now: datetime
) -> None:
    for undone in (True, False):
        with suppress(Undone), database.unit_of_work(writing=True) as db:
            throttled = {AlertKind.STARTS_THROTTLED: "ada"}
            alerts.watch(db, throttled, About(FROM_THE_OFFICE), now=now)
            if undone:
                raise Undone
    with database.unit_of_work(writing=False) as db:
        assert kinds(db) == ["starts_throttled"]


@fails_without(line(alerts._is_first_in, ".count == 1", ".count"))
def test_many_accounts_in_an_hour_are_an_alert(
    db: Session, customers: list[Member], now: datetime
) -> None:
    few = RULES[AlertKind.MANY_ACCOUNTS].times - 1
    for target in customers[:few] * 2:
        start(db, now, target)
    assert "many_accounts" not in kinds(db)
    start(db, now, customers[few])
    assert kinds(db)[-1] == "many_accounts"


@fails_without(line(alerts.watch_start, ' {impersonation.target_id}"', '"'))
def test_the_same_member_again_and_again_is_an_alert(
    db: Session, mia: Member, eve: Member, now: datetime
) -> None:
    for number in range(RULES[AlertKind.SAME_MEMBER].times - 1):
        start(db, now + number * HOUR, mia)
        start(db, now + number * HOUR, eve)
    assert kinds(db) == []
    start(db, now + 8 * HOUR, mia)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.details["kind"], alert.subject_id) == ("same_member", "mia")


@fails_without(line(alerts.watch_start, "if limits.is_unusual(now)", "if False"))
def test_an_unusual_hour_is_an_alert_where_hours_are_set(
    db: Session, mia: Member, eve: Member, now: datetime
) -> None:
    hours = StartLimits(working_hours=WorkingHours.parse("mon-fri 12:00-18:00 UTC"))
    start(db, now, mia)
    assert kinds(db) == []
    for target in (mia, eve):
        start(db, now, target, limits=hours)
    assert kinds(db) == ["unusual_hour"]
    start(db, now + 4 * HOUR, mia, limits=hours)
    assert kinds(db) == ["unusual_hour"]


@pytest.mark.requirement("H3")
@fails_without(
    line(
        impersonations.redeem,
        "alerts.watch_reuse(db, impersonation, provenance=provenance, now=now)",
    )
)
def test_a_ticket_that_is_used_twice_is_an_alert(db: Session, mia: Member, now: datetime) -> None:
    ada = db.get_one(Admin, "ada")
    started = factories.start(db, impersonator=ada, target=mia, now=now)
    for _ in range(3):
        impersonations.redeem(db, ticket=started.ticket, provenance=FROM_THE_OFFICE, now=now)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert alert.impersonation_id == started.impersonation.id
    assert (alert.actor_kind, alert.actor_id, alert.subject_id) == ("stranger", None, "mia")
    assert started.ticket not in alert.facts + str(alert.words)


@pytest.mark.requirement("H3")
@fails_without(
    line(
        impersonation_links.follow,
        "alerts.watch_reuse(db, link.impersonation, provenance=provenance, now=now)",
        "pass",
    )
)
def test_a_link_that_is_followed_twice_is_an_alert(db: Session, now: datetime) -> None:
    secret = linking.make(db, now=now)
    for _ in range(2):
        linking.follow(db, secret, now=now)
    assert kinds(db) == ["ticket_reused"]


def refuse(db: Session, now: datetime, times: int, actor: Admin, why: str = "permission") -> None:
    for _ in range(times):
        refused = event(
            AuditAction.IMPERSONATION_REFUSED,
            now=now,
            provenance=FROM_THE_OFFICE,
            actor=actor,
            outcome=Outcome.REFUSED,
            details={"why": why},
        )
        append(db, refused)
        alerts.watch_refusal(db, refused, provenance=FROM_THE_OFFICE, now=now)


@fails_without(value(alerts, "counter", lambda kind, who: kind))
def test_repeated_refusals_are_an_alert(
    db: Session, ada: Admin, omar: Admin, now: datetime
) -> None:
    refuse(db, now, 9, omar)
    refuse(db, now, 9, ada)
    assert kinds(db) == []
    refuse(db, now, 5, omar)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.details["kind"], alert.actor_id) == ("many_refusals", "omar")


@fails_without(
    line(
        alerts.watch_refusal,
        'if parsed(refused.facts).get("why") == AlertKind.STARTS_THROTTLED',
        "if False",
    )
)
def test_throttled_starts_are_an_alert_once(db: Session, ada: Admin, now: datetime) -> None:
    refuse(db, now, 3, ada, "starts_throttled")
    assert kinds(db) == ["starts_throttled"]


@pytest.mark.requirement("S6")
@fails_without(line(alerts.watch_failed_sign_in, "if admin_id", "if False"))
def test_failed_sign_ins_are_an_alert(db: Session, now: datetime) -> None:
    for number in range(14):
        fail(db, now + number * 5 * MINUTE / 10, 1)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.details["kind"], alert.details["email"]) == ("failed_sign_ins", "ada@example.com")
    # So the address goes when her words do.
    assert (alert.actor_kind, alert.details["admin_id"]) == ("stranger", "ada")


def alarm(db: Session, now: datetime, actor: Admin | None = None) -> int:
    factories.alarm(db, now=now, actor=actor)
    return raised(db)[-1].id


def acknowledge(db: Session, number: int, by: Admin, now: datetime) -> None:
    alerts.acknowledge(db, number, by=by, provenance=FROM_THE_OFFICE, now=now)
    trail.events(db)


def test_an_alert_stands_until_somebody_has_acknowledged_it(
    db: Session, omar: Admin, now: datetime
) -> None:
    first, second = alarm(db, now), alarm(db, now + HOUR)
    assert alerts.standing(db) == [second, first]
    acknowledge(db, first, omar, now)
    assert alerts.standing(db) == [second]
    known = trail.only(db, AuditAction.ALERT_ACKNOWLEDGED)
    assert (known.actor_id, known.details) == ("omar", {"alert": first})


@fails_without(line(alerts.acknowledge, "if is_for_others(db, alert, by)", "if False"))
def test_nobody_acknowledges_an_alert_about_themselves(
    db: Session, ada: Admin, cy: Admin, omar: Admin, now: datetime
) -> None:
    number = alarm(db, now, ada)
    with pytest.raises(Conflict, match="somebody else"):
        acknowledge(db, number, ada, now)
    for other in (cy, omar):
        other.disabled_at = now
    db.flush()
    acknowledge(db, number, ada, now)


@fails_without(line(alerts.acknowledge, "if number in _acknowledged(db, after=number)", "if False"))
def test_what_is_no_alert_or_is_known_is_not_acknowledged(
    db: Session, omar: Admin, now: datetime
) -> None:
    number = alarm(db, now)
    acknowledge(db, number, omar, now)
    with pytest.raises(Conflict, match="already"):
        acknowledge(db, number, omar, now)
    for nothing in (0, number + 1, number + 7, 2**63, 10**30):
        with pytest.raises(Absent):
            acknowledge(db, nothing, omar, now)


def test_of_very_many_alerts_the_newest_stand(
    db: Session, omar: Admin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MOST_STANDING", 2)
    numbers = [alarm(db, now + number * HOUR) for number in range(3)]
    assert alerts.standing(db) == numbers[:0:-1]
    # An older one can be acknowledged still, and once.
    acknowledge(db, numbers[0], omar, now)
    with pytest.raises(Conflict, match="already"):
        acknowledge(db, numbers[0], omar, now)


@pytest.mark.requirement("L1")
@fails_without(line(alerts.standing, "(True, False)", "(False, True)"))
def test_strangers_cannot_push_away_an_alert_about_an_admin(
    db: Session, ada: Admin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "MOST_STANDING", 2)
    numbers = [alarm(db, now, ada), *(alarm(db, now + (1 + n) * HOUR) for n in range(3))]
    assert alerts.standing(db) == [numbers[0], *numbers[:1:-1]]


@pytest.mark.requirement("S6")
@fails_without(line(alerts.watch_failed_sign_in, "if admin_id", "if True"))
def test_addresses_that_are_nobodys_raise_no_alert_each(db: Session, now: datetime) -> None:
    for number in range(14):
        fail(db, now + number * MINUTE / 2, 1, email="nobody@example.com")
    assert kinds(db) == []
