"""Figures for what watches over the site, and the clocks."""

import http.client
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry

from app import monitoring
from app.domain import authentication
from app.monitoring import ClockWatch, TrailFigures
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import LIFETIME
from app.storage.members import Member
from app.worker import sweep
from tests import factories
from tests.conftest import on_postgresql, on_sqlite
from tests.factories import FROM_THE_OFFICE
from tests.faults import database_gone
from tests.proving import proven
from tests.twins import fails_without, line


@pytest.fixture
def figures(database: Database, now: datetime) -> TrailFigures:
    return TrailFigures(database, ["file audit.log"], lambda: now + timedelta(seconds=30))


def shown(figures: TrailFigures) -> dict[str, float]:
    """Return the figures by name and labels, as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(figures)
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


@pytest.mark.requirement("D5")
def test_what_happens_is_counted_from_when_it_began(
    database: Database, figures: TrailFigures, now: datetime
) -> None:
    before = shown(figures)
    assert not any("understudy_events_total" in name for name in before)
    with database.unit_of_work(writing=True) as db:
        ada = db.get_one(Admin, "ada")
        for name in ("mia", "eve"):
            target = db.get_one(Member, name)
            factories.start(db, impersonator=ada, target=target, now=now)
        authentication.sign_in(
            db, email="x@example.com", password="x", provenance=FROM_THE_OFFICE, now=now
        )
    assert shown(figures)["understudy_active_sessions"] == 1
    sweep(database, now=now + LIFETIME)
    after = shown(figures)
    started = 'understudy_events_total{action="impersonation.started",outcome="succeeded"}'
    failed = 'understudy_events_total{action="sign_in.failed",outcome="refused"}'
    assert (after[started], after[failed]) == (2, 1)
    assert after['understudy_ended_sessions_total{why="replaced"}'] == 1
    assert after['understudy_ended_sessions_total{why="expired"}'] == 1
    assert after["understudy_active_sessions"] == 0


@pytest.mark.requirement("D5")
def test_the_trail_and_its_copies_have_an_age(
    database: Database, figures: TrailFigures, key_folder: Path, tmp_path: Path, now: datetime
) -> None:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(2)
    trail.sign()
    told = shown(figures)
    assert told["understudy_chain_head_age_seconds"] == 30
    assert told["understudy_checkpoint_age_seconds"] == 30
    assert told["understudy_chain_size"] == told["understudy_checkpoint_size"] > 1
    assert told["understudy_trail_in_doubt"] == 0
    behind = told['understudy_copy_behind{copy="file audit.log"}']
    assert behind == told["understudy_chain_size"]


@on_postgresql
@pytest.mark.requirement("D5", "F1")
def test_a_database_that_is_away_is_a_figure(database: Database, figures: TrailFigures) -> None:
    with database_gone(database.engine):
        assert shown(figures) == {"understudy_database_up": 0}
    assert shown(figures)["understudy_database_up"] == 1


@on_sqlite
@pytest.mark.requirement("D5")
def test_they_have_an_address_of_their_own(figures: TrailFigures, tmp_path: Path) -> None:
    server = monitoring.serve(("127.0.0.1", 0), figures, folder=tmp_path / "metrics")
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", "/metrics")
    assert b"understudy_active_sessions 0.0" in connection.getresponse().read()
    connection.close()
    server.shutdown()
    server.server_close()


@on_postgresql
@pytest.mark.requirement("F5", "R5")
@fails_without(line(ClockWatch.look, "if differ and not self._differ", "if differ"))
def test_clocks_that_differ_are_told_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    watch, now = ClockWatch(database), datetime.now(UTC)
    caplog.set_level("INFO")
    watch.look(now=now)
    for _ in range(2):
        watch.look(now=now - timedelta(seconds=60))
    watch.look(now=datetime.now(UTC))
    assert [one.partition(":")[0] for one in caplog.messages] == [
        "the database's clock is +60 s off this machine's",
        "the clocks agree again",
    ]


@on_sqlite
def test_sqlite_has_no_clock_of_its_own(
    database: Database, caplog: pytest.LogCaptureFixture, now: datetime
) -> None:
    ClockWatch(database).look(now=now)
    assert caplog.messages == []
