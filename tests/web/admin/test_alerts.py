"""Alerts on the overview, and acknowledging them."""

from http import HTTPStatus

import pytest

from app.domain.audit_trail import AuditAction
from app.storage.admins import Admin
from app.storage.database import Database
from app.web.admin import alerts
from tests import factories
from tests.browsing import FROM_HERE, Browser, Element
from tests.cast import ADA, OMAR, Person
from tests.clock import Clock
from tests.trail import events, only


def alarm(database: Database, clock: Clock, actor: Person = OMAR) -> str:
    """Raise an alert about somebody; return where it is acknowledged."""
    with database.unit_of_work(writing=True) as db:
        factories.alarm(db, now=clock.now, actor=db.get_one(Admin, actor.id))
        number = events(db, AuditAction.ALERT_RAISED)[-1].id
    clock.move(minutes=1)
    return f"/alerts/{number}/acknowledgement"


def region(browser: Browser) -> Element:
    page = browser.get("/")
    section = page.one("section", id="alerts")
    assert page.one("h2", id=section["aria-labelledby"]).words == "Alerts"
    return section


def test_an_alert_stands_on_the_overview_with_who_and_when(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    alarm(database, clock)
    shown = region(superadmin)
    assert "Omar Haddad was refused 1 times" in shown.words
    links = [one for one in superadmin.page.all("a", href="/admins/omar") if one.is_in(shown)]
    assert [link.words for link in links] == ["Omar Haddad"]
    assert [one for one in superadmin.page.all("time") if one.is_in(shown)]


@pytest.mark.requirement("L1")
def test_any_admin_acknowledges_an_alert(
    plain_admin: Browser, database: Database, clock: Clock
) -> None:
    acknowledgement = alarm(database, clock, ADA)
    region(plain_admin)
    plain_admin.submit(acknowledgement)
    assert "The alert is acknowledged." in plain_admin.follow().words
    assert not plain_admin.page.all("section", id="alerts")
    with database.unit_of_work(writing=False) as db:
        assert only(db, AuditAction.ALERT_ACKNOWLEDGED).actor_id == OMAR.id


def test_an_alert_about_oneself_is_for_somebody_else(
    superadmin: Browser, database: Database, clock: Clock
) -> None:
    acknowledgement = alarm(database, clock, ADA)
    assert "somebody else has to acknowledge it" in region(superadmin).words
    assert not superadmin.page.all("form", action=acknowledgement)
    token = {"csrf_token": superadmin.page.one("meta", name="csrf-token")["content"]}
    answer = superadmin.client.post(acknowledgement, data=token, headers=FROM_HERE)
    assert answer.status_code == HTTPStatus.CONFLICT
    region(superadmin)


@pytest.mark.parametrize("number", ["0", "1", "99999999999999999999999", "-1", "x"])
def test_what_is_no_alert_is_not_there(superadmin: Browser, number: str) -> None:
    token = {"csrf_token": superadmin.get("/").one("meta", name="csrf-token")["content"]}
    path = f"/alerts/{number}/acknowledgement"
    assert superadmin.client.post(path, data=token, headers=FROM_HERE).status_code == 404


def test_of_many_alerts_the_newest_are_shown(
    superadmin: Browser, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SHOWN", 2)
    for _ in range(3):
        alarm(database, clock)
    shown = region(superadmin)
    items = [one for one in superadmin.page.all("li") if one.is_in(shown)]
    assert len(items) == 2
    assert "1 more in the audit trail" in shown.words
