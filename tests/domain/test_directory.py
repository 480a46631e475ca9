"""The directory follows the product, whole or not at all."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import directory
from app.domain.audit_trail import AuditAction
from app.domain.directory import BATCH, Tally
from app.domain.errors import Invalid
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.conftest import NOW
from tests.factories import FROM_THE_OFFICE

Record = dict[str, Any]
NEVER = NOW.isoformat()


def account(id_: str = "harbour", **columns: Any) -> Record:
    return {
        "id": id_,
        "name": id_.title(),
        "domain": f"{id_}.example",
        "plan": "business",
        "status": "active",
        "impersonation_allowed": True,
        "created_at": NEVER,
    } | columns


def member(id_: str, account_id: str = "harbour", **columns: Any) -> Record:
    return {
        "id": id_,
        "account_id": account_id,
        "name": id_.title(),
        "email": f"{id_}@{account_id}.example",
        "role": "editor",
        "status": "active",
        "protected": False,
        "created_at": NEVER,
    } | columns


def sync(
    db: Session, accounts: Iterable[Record], members: Iterable[Record], now: datetime = NOW
) -> Tally:
    return directory.sync(
        db,
        source="sqlite:///letterbox.db",
        accounts=accounts,
        members=members,
        provenance=FROM_THE_OFFICE,
        now=now,
    )


def as_records(db: Session) -> tuple[list[Record], list[Record]]:
    """What a source that agrees with the directory would send."""
    accounts = [
        {name: getattr(row, name) for name in account()} for row in db.scalars(select(Account))
    ]
    members = [
        {name: getattr(row, name) for name in member("")} for row in db.scalars(select(Member))
    ]
    return accounts, members


def test_new_accounts_and_members_are_added_and_can_be_found(db: Session) -> None:
    accounts, members = as_records(db)
    tally = sync(
        db,
        [*accounts, account("fjord", name="Fjørd Ærlig")],
        [*members, member("liv", "fjord", name="Liv Łukasz", email="Liv@Fjord.example")],
    )
    assert tally == Tally(added=2)
    liv = db.get_one(Member, "liv")
    assert (liv.sort_key, liv.email_key) == ("liv lukasz", "liv@fjord.example")
    assert liv.account.sort_key == "fjord aerlig"
    assert liv.account.impersonation_switched_off is False


def test_an_equal_source_changes_nothing_and_is_recorded(db: Session) -> None:
    assert sync(db, *as_records(db)) == Tally()
    event = trail.only(db, AuditAction.DIRECTORY_SYNCED)
    assert event.details == {
        "source": "sqlite:///letterbox.db",
        "added": 0,
        "changed": 0,
        "missing": 0,
    }


def test_a_change_is_taken_over_and_dated(db: Session, now: datetime) -> None:
    accounts, members = as_records(db)
    (mia,) = [record for record in members if record["id"] == "mia"]
    mia["name"] = "Mia Öz"
    later = now.replace(hour=10)
    assert sync(db, accounts, members, later) == Tally(changed=1)
    row = db.get_one(Member, "mia")
    assert (row.sort_key, row.updated_at) == ("mia oz", later)
    assert db.get_one(Member, "eve").updated_at == now


def test_whoever_is_missing_is_deactivated_but_never_deleted(db: Session) -> None:
    accounts, members = as_records(db)
    members = [record for record in members if record["id"] != "mia"]
    assert sync(db, accounts, members) == Tally(missing=1)
    assert db.get_one(Member, "mia").status == "deactivated"
    assert sync(db, accounts, members) == Tally()


def test_a_missing_account_is_suspended_with_its_members_deactivated(db: Session) -> None:
    accounts, members = as_records(db)
    tally = sync(
        db,
        [record for record in accounts if record["id"] != "elsewhere"],
        [record for record in members if record["account_id"] != "elsewhere"],
    )
    assert tally == Tally(missing=2)
    assert db.get_one(Account, "elsewhere").is_suspended
    assert db.get_one(Member, "eve").status == "deactivated"


def test_whoever_comes_back_is_active_again(db: Session) -> None:
    accounts, members = as_records(db)
    sync(db, accounts, [record for record in members if record["id"] != "mia"])
    assert sync(db, accounts, members) == Tally(changed=1)
    assert db.get_one(Member, "mia").status == "active"


def test_a_sync_does_not_undo_our_switch(db: Session) -> None:
    records = as_records(db)
    db.get_one(Account, "harbour").impersonation_switched_off = True
    sync(db, *records)
    assert not db.get_one(Account, "harbour").allows_impersonation


@pytest.mark.requirement("A3", "I9")
@pytest.mark.parametrize(
    ("whom", "change", "why"),
    [
        ("mia", None, EndReason.MEMBER_UNAVAILABLE),
        ("mia", {"status": "deactivated"}, EndReason.MEMBER_UNAVAILABLE),
        ("mia", {"protected": True}, EndReason.MEMBER_UNAVAILABLE),
        ("mia", {"email": "OMAR@example.com"}, EndReason.MEMBER_UNAVAILABLE),
        ("harbour", {"status": "suspended"}, EndReason.ACCOUNT_UNAVAILABLE),
        ("harbour", {"impersonation_allowed": False}, EndReason.ACCOUNT_UNAVAILABLE),
    ],
)
def test_a_session_whose_ground_has_gone_ends_with_the_sync(
    db: Session, opened: Impersonation, whom: str, change: Record | None, why: EndReason
) -> None:
    accounts, members = as_records(db)
    for records in (accounts, members):
        for record in [record for record in records if record["id"] == whom]:
            records.remove(record)
            if change:
                records.append(record | change)
    sync(db, accounts, members)
    assert db.get_one(Impersonation, opened.id).end_reason == why
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


def test_many_records_go_in_several_batches(db: Session) -> None:
    accounts, members = as_records(db)
    many = [member(f"member-{number}") for number in range(BATCH + 1)]
    assert sync(db, accounts, [*members, *many]) == Tally(added=BATCH + 1)


BAD_MEMBERS: list[Record] = [
    {"id": None},
    {"id": ""},
    {"id": 7},
    {"name": None},
    {"email": ""},
    {"status": "sleeping"},
    {"protected": None},
    {"protected": "no"},
    {"protected": 2},
    {"created_at": "yesterday"},
    {"created_at": None},
    {"account_id": "nowhere"},
    {"account_id": None},
]


@pytest.mark.parametrize("bad", BAD_MEMBERS)
def test_a_bad_member_is_named(db: Session, bad: Record) -> None:
    record = member("liv") | bad
    with pytest.raises(Invalid) as invalid:
        sync(db, [account()], [record])
    assert next(iter(bad)) in invalid.value.sentence
    assert str(record) in invalid.value.sentence


@pytest.mark.parametrize(
    "bad",
    [{"status": "invited"}, {"domain": None}, {"impersonation_allowed": "false"}, {"plan": 3}],
)
def test_a_bad_account_is_named(db: Session, bad: Record) -> None:
    with pytest.raises(Invalid, match=next(iter(bad))):
        sync(db, [account("fjord") | bad], [])


@pytest.mark.parametrize("name", [*member("liv")])
def test_a_member_without_one_of_the_columns_is_named(db: Session, name: str) -> None:
    record = member("liv")
    del record[name]
    with pytest.raises(Invalid, match=name):
        sync(db, [account()], [record])


@pytest.mark.parametrize("apart", [1, BATCH + 5])
def test_an_id_that_comes_twice_is_named(db: Session, apart: int) -> None:
    between = [member(f"member-{number}") for number in range(apart - 1)]
    with pytest.raises(Invalid, match=r"twice.*Other"):
        sync(db, [account()], [member("liv"), *between, member("liv", name="Other")])


def test_databases_without_booleans_say_0_and_1(db: Session) -> None:
    sync(db, [account(impersonation_allowed=0)], [member("liv", protected=1)])
    assert db.get_one(Member, "liv").protected is True
    assert db.get_one(Account, "harbour").impersonation_allowed is False


@pytest.mark.parametrize(
    "written",
    [
        NOW,
        NOW.replace(tzinfo=None),
        "2026-03-02T09:00:00",
        "2026-03-02T09:00:00Z",
        "2026-03-02 10:00:00+01:00",
    ],
)
def test_times_are_read_as_they_are_written(db: Session, written: object) -> None:
    sync(db, [account()], [member("liv", created_at=written)])
    assert db.get_one(Member, "liv").created_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.requirement("R2")
def test_a_source_that_breaks_off_changes_nothing(database: Database, now: datetime) -> None:
    def broken() -> Iterable[Record]:
        yield from (member(f"member-{number}") for number in range(BATCH * 2))
        raise ConnectionError

    with pytest.raises(ConnectionError), database.unit_of_work(writing=True) as db:
        sync(db, [account(name="Renamed")], broken())
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Account, "harbour").name == "Harbour"
        assert db.get(Member, "member-0") is None
        assert trail.actions(db) == []


def test_a_sync_ends_no_session_that_keeps_its_ground(
    db: Session, opened: Impersonation, now: datetime
) -> None:
    sync(db, *as_records(db))
    assert db.get_one(Impersonation, opened.id).is_active(now)


def test_factories_and_the_directory_agree_on_the_keys(db: Session, now: datetime) -> None:
    made = factories.account(id="fjord", name="Fjørd", now=now)
    sync(db, [account("fjord", name="Fjørd")], [])
    assert db.get_one(Account, "fjord").sort_key == made.sort_key
