"""Loading the directory from a source: judged as a whole, then written batch by batch."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import directory, directory_loads
from app.domain.audit_trail import AuditAction
from app.domain.directory import Tally
from app.domain.directory_loads import Load, paced, work_of
from app.domain.directory_reading import BATCH, Entry, Reading, Unusable
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.directory import ACCOUNTS, MEMBERS
from app.storage.directory_stage import Stage
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import trail
from tests.conftest import NOW
from tests.directory import Record, account, as_records, entries, load, member, work_in
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line


def without(records: list[Record], *ids: str) -> list[Record]:
    return [record for record in records if record["id"] not in ids]


def test_an_equal_source_changes_nothing_and_is_recorded(db: Session) -> None:
    assert load(db, *as_records(db)).tally == Tally()
    event = trail.only(db, AuditAction.DIRECTORY_SYNCED)
    nothing = {"added": 0, "changed": 0, "missing": 0, "skipped": 0}
    assert event.details == {"source": "letterbox.db", **nothing}
    assert trail.events(db, AuditAction.DIRECTORY_LOAD_STARTED) == []


def test_what_is_loaded_is_recorded_before_and_after(db: Session) -> None:
    accounts, members = as_records(db)
    assert load(db, [*accounts, account("fjord")], members).tally == Tally(added=1)
    assert trail.actions(db) == ["directory.load_started", "directory.synced"]
    assert trail.only(db, AuditAction.DIRECTORY_LOAD_STARTED).details["source"] == "letterbox.db"


def test_whoever_is_missing_is_deactivated_but_never_deleted(db: Session) -> None:
    accounts, members = as_records(db)
    members = without(members, "mia")
    assert load(db, accounts, members).tally == Tally(missing=1)
    assert db.get_one(Member, "mia").status == "deactivated"
    assert load(db, accounts, members).tally == Tally()


def test_a_missing_account_is_suspended_with_its_members_deactivated(db: Session) -> None:
    accounts, members = as_records(db)
    loaded = load(db, without(accounts, "elsewhere"), without(members, "eve"))
    assert loaded.tally == Tally(missing=2)
    assert db.get_one(Account, "elsewhere").is_suspended
    assert db.get_one(Member, "eve").status == "deactivated"


def test_whoever_comes_back_is_active_again(db: Session) -> None:
    accounts, members = as_records(db)
    load(db, accounts, without(members, "mia"))
    assert load(db, accounts, members).tally == Tally(changed=1)
    assert db.get_one(Member, "mia").status == "active"


def test_a_source_that_tells_only_some_takes_nobody_away(db: Session) -> None:
    assert load(db, [], [member("liv")], whole=False).tally == Tally(added=1)
    assert db.get_one(Member, "mia").status == "active"


@pytest.mark.requirement("A3", "I9")
@fails_without(line(directory._end_sessions, "end_due(db, provenance=provenance, now=now)"))
def test_a_session_ends_with_the_batch_that_takes_its_ground(
    db: Session, opened: Impersonation
) -> None:
    accounts, members = as_records(db)
    later = NOW + timedelta(minutes=1)
    load(db, accounts, without(members, "mia"), now=later)
    assert opened.end_reason == EndReason.MEMBER_UNAVAILABLE
    assert opened.ended_at == later
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


def test_many_records_go_in_several_batches(db: Session) -> None:
    accounts, members = as_records(db)
    many = [member(f"member-{number}") for number in range(BATCH + 1)]
    assert load(db, accounts, [*members, *many]).tally == Tally(added=BATCH + 1)
    assert load(db, accounts, [*members, *many]).tally == Tally()


# What is wrong with a source.


def test_one_bad_entry_spoils_it_all(db: Session) -> None:
    with pytest.raises(Unusable, match=r"1 entry cannot be used. Nothing was written."):
        load(db, [account("fjord")], [member("liv", status="asleep")], whole=False)
    assert db.get(Account, "fjord") is None
    assert trail.actions(db) == []


def test_bad_entries_are_left_out_if_asked(db: Session) -> None:
    bad = [member("mia", status="asleep"), member("liv", "nowhere"), member("ole")]
    loaded = load(db, [], bad, whole=False, skip_bad=True)
    assert loaded.tally == Tally(added=1, skipped=2)
    assert list(map(str, loaded.reading.problems)) == [
        "line 1: status is none of active, invited, deactivated.",
        "line 2: account_id is no account that is known: nowhere.",
    ]
    assert db.get(Member, "liv") is None


def test_whoever_is_told_of_badly_is_not_missing(db: Session) -> None:
    accounts, members = as_records(db)
    accounts[0] |= {"plan": None}
    members[0] |= {"email": ""}
    assert load(db, accounts, members, skip_bad=True).tally == Tally(skipped=2)


def test_nobody_is_missing_from_a_source_that_cannot_be_read(db: Session) -> None:
    accounts, members = as_records(db)
    with pytest.raises(Unusable, match="nobody can say who is missing"):
        load(db, accounts, [*without(members, "mia"), member("")], skip_bad=True)
    assert db.get_one(Member, "mia").status == "active"


@pytest.mark.parametrize("apart", [1, BATCH + 5])
def test_an_id_that_comes_twice_is_told(db: Session, apart: int) -> None:
    between = [member(f"member-{number}") for number in range(apart - 1)]
    records = [member("liv"), *between, member("liv", name="Other")]
    loaded = load(db, [], records, whole=False, skip_bad=True)
    (problem,) = loaded.reading.problems
    assert str(problem) == f"line {apart + 1}: the id is there twice, the first time in line 1."
    assert db.get_one(Member, "liv").name == "Liv"


def test_a_member_may_be_in_an_account_that_the_directory_has(db: Session) -> None:
    assert load(db, [], [member("liv", "harbour")], whole=False).tally == Tally(added=1)


def test_a_whole_source_has_the_accounts_of_its_members(db: Session) -> None:
    """Else the member would be told of as active, in an account that is about to be suspended."""
    accounts, members = as_records(db)
    with pytest.raises(Unusable):
        load(db, without(accounts, "elsewhere"), members)


def test_the_members_of_an_account_that_was_left_out_are_left_out_too(db: Session) -> None:
    bad = account("fjord", plan=None)
    loaded = load(db, [bad], [member("liv", "fjord")], whole=False, skip_bad=True)
    assert loaded.tally == Tally(skipped=2)
    # One that the directory has already takes them all the same.
    bad = account("harbour", plan=None)
    loaded = load(db, [bad], [member("liv", "harbour")], whole=False, skip_bad=True)
    assert loaded.tally == Tally(added=1, skipped=1)


def test_only_the_first_problems_are_told(db: Session) -> None:
    with Stage() as stage:
        reading = Reading(stage, [MEMBERS], skip_bad=True)
        reading.take(MEMBERS, entries(member("", name=str(number)) for number in range(1000)))
    assert (reading.bad, len(reading.problems)) == (1000, 100)


def many_more(db: Session, count: int) -> tuple[list[Record], list[Record]]:
    accounts, members = as_records(db)
    load(db, accounts, [*members, *(member(f"member-{number}") for number in range(count))])
    return accounts, members


def test_a_source_that_lacks_too_many_is_refused(db: Session) -> None:
    """Its query has gone wrong, far more likely than that a third of all have left."""
    accounts, members = many_more(db, 101)
    with pytest.raises(Unusable, match=r"101 of 108 members are no longer in the source"):
        load(db, accounts, members)
    assert db.get_one(Member, "member-7").status == "active"
    assert load(db, accounts, members, many_may_go=True).tally == Tally(missing=101)


def test_a_few_may_always_go(db: Session) -> None:
    accounts, members = many_more(db, 100)
    assert load(db, accounts, members).tally == Tally(missing=100)


def test_an_empty_source_is_refused(db: Session) -> None:
    many_more(db, 101)
    with pytest.raises(Unusable, match="no longer in the source"):
        load(db, *([], []))


# How it is written.


def test_a_source_is_read_as_it_is_asked_for(db: Session) -> None:
    """What has been read is on disk: no more than one entry is in memory."""
    alive = 0

    class Counted(dict[str, object]):
        def __init__(self, fields: Record) -> None:
            nonlocal alive
            super().__init__(fields)
            alive += 1
            assert alive <= 2

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def told() -> Iterator[Entry]:
        for number in range(BATCH * 2):
            yield Entry("line", Counted(member(f"member-{number}")))

    with Stage() as stage:
        reading = Reading(stage, [MEMBERS])
        reading.take(MEMBERS, told())
        assert stage.count(MEMBERS) == BATCH * 2
        sizes = [len(records) for records in stage.records(MEMBERS, size=BATCH)]
        assert sizes == [BATCH, BATCH]


def begun(stage: Stage, count: int) -> Reading:
    reading = Reading(stage, (ACCOUNTS, MEMBERS))
    reading.take(ACCOUNTS, entries([account("fjord")]))
    reading.take(MEMBERS, entries(member(f"member-{one}", "fjord") for one in range(count)))
    return reading


def test_others_write_between_the_batches(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_loads, "BATCH", 2)
    monkeypatch.setattr(directory_loads, "LONGEST_REST_SECONDS", 0)
    written: list[int] = []

    def end_one(_: int) -> None:
        with database.unit_of_work(writing=True) as db:
            db.get_one(Account, "harbour").impersonation_switched_off = True
            written.append(len(db.scalars(select(Member.id).where(Member.name > "M")).all()))

    work = work_of(database, clock=lambda: now, provenance=FROM_THE_OFFICE, progress=end_one)
    with Stage() as stage:
        Load(begun(stage, 5), work, "a file").write()
    # After the accounts, and after each two members.
    assert [more - written[0] for more in written] == [0, 2, 4, 5]


@pytest.mark.parametrize(
    ("step", "took", "next_step"),
    [(200, 0.1, 400), (200, 0.4, 100), (200, 0.0, BATCH), (900, 0.1, BATCH), (200, 60.0, 20)],
)
def test_what_takes_long_is_written_in_smaller_steps(
    step: int, took: float, next_step: int
) -> None:
    assert paced(step, took=took) == next_step


@pytest.mark.requirement("A3")
def test_whoever_is_impersonated_does_not_wait_for_all_others(
    db: Session, opened: Impersonation
) -> None:
    """Of a million members theirs may be the last."""
    (mia,) = [one for one in as_records(db)[1] if one["id"] == "mia"]
    others = [member(f"member-{number}", "fjord") for number in range(3)]
    ended: list[bool] = []
    work = replace(work_in(db), progress=lambda _: ended.append(opened.ended_at is not None))
    with Stage() as stage:
        reading = Reading(stage, (ACCOUNTS, MEMBERS))
        reading.take(ACCOUNTS, entries([account("elsewhere"), account("fjord")]))
        reading.take(MEMBERS, entries([*others, mia | {"account_id": "fjord"}]))
        Load(reading, work, "a file").write()
    assert ended[0]


class PowerCut(Exception):
    """Ends a load in the middle."""


@pytest.mark.requirement("R2")
def test_a_load_that_breaks_off_leaves_whole_batches_on_record(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_loads, "BATCH", 2)

    def cut(count: int) -> None:
        if count == 2:
            raise PowerCut

    work = work_of(database, clock=lambda: now, provenance=FROM_THE_OFFICE, progress=cut)
    with Stage() as stage, pytest.raises(PowerCut):
        Load(begun(stage, 5), work, "a file").write()
    with database.unit_of_work(writing=False) as db:
        assert trail.actions(db) == ["directory.load_started"]
        assert db.get_one(Account, "fjord").member_count == 2
    # Loading again completes it.
    work = work_of(database, clock=lambda: now, provenance=FROM_THE_OFFICE)
    with Stage() as stage:
        assert Load(begun(stage, 5), work, "a file").write() == Tally(added=3)
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Account, "fjord").member_count == 5


def test_nothing_is_recorded_of_a_quiet_load_that_changes_nothing(db: Session) -> None:
    accounts, members = as_records(db)
    with Stage() as stage:
        reading = Reading(stage, (ACCOUNTS, MEMBERS))
        reading.take(ACCOUNTS, entries(accounts))
        reading.take(MEMBERS, entries(members))
        Load(reading, work_in(db), "letterbox.db", quiet=True).write()
    assert trail.actions(db) == []
