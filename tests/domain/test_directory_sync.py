"""A source is followed: what has changed is read often, and everything from time to time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import directory_following, directory_sync
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.directory_reading import Reading, Unusable
from app.domain.directory_sync import Position, Positions
from app.storage.directory import ACCOUNTS, MEMBERS
from app.storage.directory_sources import DirectorySource, failing_sources
from app.storage.members import Member
from tests import trail
from tests.conftest import NOW
from tests.directory import Record, as_records, entries, member, work_in

EVERY, FULL_EVERY = timedelta(minutes=5), timedelta(days=1)


@dataclass
class Source:
    """A source in memory, which remembers what it was asked for."""

    accounts: list[Record]
    members: list[Record]
    name: str = "crm"
    every: timedelta = EVERY
    full_every: timedelta | None = FULL_EVERY
    skip_bad: bool = False
    newest: datetime = NOW
    broken: Exception | None = None
    asked: list[Positions] = field(default_factory=list)

    def read(self, reading: Reading, *, since: Positions) -> Positions:
        self.asked.append(since)
        if self.broken:
            raise self.broken
        reading.take(ACCOUNTS, entries(self.accounts))
        reading.take(MEMBERS, entries(self.members))
        return {"members": Position(self.newest, "aware")}


@pytest.fixture
def source(db: Session) -> Source:
    """A source that agrees with the directory."""
    return Source(*as_records(db))


def follow(db: Session, source: Source, now: datetime) -> str | None:
    return directory_following.follow(source, work_in(db, now))


def row(db: Session) -> DirectorySource:
    return db.get_one(DirectorySource, "crm")


def test_a_source_is_read_as_often_as_it_says(db: Session, source: Source) -> None:
    for minutes, times in ((0, 1), (4, 1), (5, 2), (9, 2), (10, 3)):
        follow(db, source, NOW + timedelta(minutes=minutes))
        assert len(source.asked) == times


def test_a_clock_that_was_set_back_keeps_nobody_waiting(db: Session, source: Source) -> None:
    follow(db, source, NOW)
    follow(db, source, NOW - timedelta(days=3))
    assert len(source.asked) == 2


def test_everything_is_read_at_first_and_then_what_has_changed(db: Session, source: Source) -> None:
    follow(db, source, NOW)
    source.members = [member("liv")]
    follow(db, source, NOW + EVERY)
    assert source.asked == [{}, {"members": Position(NOW, "aware")}]
    assert db.get_one(Member, "mia").status == "active"
    assert db.get_one(Member, "liv").status == "active"


def test_everything_is_read_again_from_time_to_time(db: Session, source: Source) -> None:
    follow(db, source, NOW)
    source.members = [one for one in source.members if one["id"] != "mia"]
    follow(db, source, NOW + FULL_EVERY - EVERY)
    assert db.get_one(Member, "mia").status == "active"
    follow(db, source, NOW + FULL_EVERY)
    assert source.asked[-1] == {}
    assert db.get_one(Member, "mia").status == "deactivated"


def test_a_source_that_dates_nothing_is_read_as_a_whole(db: Session, source: Source) -> None:
    source.full_every = None
    follow(db, source, NOW)
    follow(db, source, NOW + EVERY)
    assert source.asked == [{}, {}]


def test_the_operator_can_ask_for_everything(db: Session, source: Source) -> None:
    follow(db, source, NOW)
    begun = directory_sync.start(db, source, full=True, provenance=OPERATOR, now=NOW)
    assert begun.is_full


def test_a_change_from_the_future_hides_nothing(db: Session, source: Source) -> None:
    source.newest = NOW + timedelta(days=3650)
    follow(db, source, NOW)
    follow(db, source, NOW + EVERY)
    assert source.asked[-1] == {"members": Position(NOW, "aware")}


def test_how_far_it_has_been_read_moves_only_when_all_is_written(
    db: Session, source: Source
) -> None:
    follow(db, source, NOW)
    source.newest = NOW + EVERY
    source.members = [member("liv", status="asleep")]
    assert follow(db, source, NOW + EVERY)
    follow(db, source, NOW + EVERY * 2)
    assert source.asked[-1] == {"members": Position(NOW, "aware")}


def test_nothing_is_recorded_while_nothing_changes(db: Session, source: Source) -> None:
    follow(db, source, NOW)
    follow(db, source, NOW + EVERY)
    assert trail.actions(db) == []
    assert row(db).synced_at == NOW + EVERY


def test_a_change_is_recorded_by_the_name_of_the_source(db: Session, source: Source) -> None:
    source.members.append(member("liv"))
    follow(db, source, NOW)
    assert trail.actions(db) == ["directory.load_started", "directory.synced"]
    assert trail.only(db, AuditAction.DIRECTORY_SYNCED).details["source"] == "crm"


# When it does not go.


def test_a_failure_is_recorded_once_and_so_is_the_end_of_it(db: Session, source: Source) -> None:
    source.broken = Unusable("there is no route.")
    assert follow(db, source, NOW) == "there is no route."
    assert follow(db, source, NOW + EVERY) is None
    assert [one.name for one in failing_sources(db)] == ["crm"]
    source.broken = None
    follow(db, source, NOW + EVERY * 2)
    assert failing_sources(db) == []
    assert trail.actions(db) == ["directory.sync_failed", "directory.sync_recovered"]
    failed = trail.only(db, AuditAction.DIRECTORY_SYNC_FAILED)
    assert (failed.outcome, failed.details["problem"]) == ("failed", "there is no route.")


def test_another_problem_is_told_but_no_event(db: Session, source: Source) -> None:
    source.broken = Unusable("there is no route.")
    follow(db, source, NOW)
    source.broken = Unusable("the password is wrong.")
    assert follow(db, source, NOW + EVERY) == "the password is wrong."
    assert (row(db).problem, row(db).failing_since) == ("the password is wrong.", NOW)
    trail.only(db, AuditAction.DIRECTORY_SYNC_FAILED)


def test_a_bad_row_is_named_in_the_problem(db: Session, source: Source) -> None:
    source.members[0] |= {"status": "asleep"}
    problem = follow(db, source, NOW)
    assert problem == (
        "1 entry cannot be used. Nothing was written."
        " line 1: status is none of active, invited, deactivated."
    )


def test_bad_rows_are_left_out_where_the_settings_say_so(db: Session, source: Source) -> None:
    source.skip_bad = True
    source.members[0] |= {"status": "asleep"}
    source.members.append(member("liv"))
    assert follow(db, source, NOW) is None
    synced = trail.only(db, AuditAction.DIRECTORY_SYNCED)
    assert (synced.details["added"], synced.details["skipped"]) == (1, 1)


def test_what_nobody_has_foreseen_is_on_record_too(db: Session, source: Source) -> None:
    source.broken = ZeroDivisionError("hidden")
    with pytest.raises(ZeroDivisionError):
        follow(db, source, NOW)
    assert row(db).problem == "ZeroDivisionError."
