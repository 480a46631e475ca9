"""The settings that a site starts with are on record when they become others (L1)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app import setting_changes
from app.config import CompanySettings, Config
from app.domain.audit_trail import AuditAction
from app.setting_changes import NotRecorded, record, told
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from tests import trail
from tests.faults import unwritable_trail
from tests.twins import fails_without, line, together

pytestmark = pytest.mark.requirement("L1")


def recorded(database: Database) -> list[AuditEvent]:
    with database.unit_of_work(writing=False) as db:
        return list(trail.events(db, AuditAction.SETTINGS_CHANGED))


def test_the_first_start_tells_what_is_not_as_usual(
    database: Database, config: Config, now: datetime
) -> None:
    record(database, config, now=now)
    (event,) = recorded(database)
    assert {"admin_url", "second_factor_required"} <= {*event.details["names"]}
    assert "reason_required" not in event.details["names"]
    assert event.details["settings"]["reason_required"] == "True"


@fails_without(
    together(
        line(setting_changes.record, "if _recorded(db) == told(config)", "if False"),
        line(setting_changes._record, "if before == settings", "if False"),
    )
)
def test_a_start_with_the_same_settings_is_none_of_the_trails_business(
    database: Database, config: Config, now: datetime
) -> None:
    for minutes in range(3):
        record(database, config, now=now + timedelta(minutes=minutes))
    assert len(recorded(database)) == 1


def test_what_has_become_other_is_named(database: Database, config: Config, now: datetime) -> None:
    record(database, config, now=now)
    company = CompanySettings("https://id.example.com", "us", "a secret of theirs")
    record(database, replace(config, reason_required=False, company=company), now=now)
    record(database, replace(config, reason_required=False), now=now)
    _, changed, back = recorded(database)
    assert "company.issuer" in changed.details["names"]
    assert "reason_required" in changed.details["names"]
    assert "reason_required" not in back.details["names"]
    assert "company.issuer" in back.details["names"]


@fails_without(line(setting_changes.told, " if field.repr else _whether(value)"))
def test_a_copy_that_is_switched_off_is_named_without_its_address(
    database: Database, config: Config, now: datetime
) -> None:
    record(database, replace(config, audit_webhook_url="https://hooks.example.com/canary"), now=now)
    record(database, config, now=now)
    first, changed = recorded(database)
    assert changed.details["names"] == ["audit_webhook_url"]
    assert "canary" not in first.facts + changed.facts


@pytest.mark.requirement("L3")
def test_a_site_that_cannot_record_them_does_not_start(
    database: Database, config: Config, now: datetime
) -> None:
    with unwritable_trail(database.engine), pytest.raises(NotRecorded):
        record(database, config, now=now)


@pytest.mark.requirement("K4", "L12")
@fails_without(line(setting_changes.told, " if field.repr else _whether(value)"))
def test_no_secret_is_told(config: Config) -> None:
    company = CompanySettings("https://id.example.com", "us", "canary-client")
    secret = replace(
        config,
        secret_key="canary-key",
        database_url="postgresql://u:canary-password@db/u",
        audit_webhook_url="https://hooks.example.com/canary-path",
        audit_webhook_secrets=(b"canary-webhook",),
        company=company,
    )
    assert "canary" not in repr(told(secret))
