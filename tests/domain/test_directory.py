"""The directory's verbs: what is told of accounts and members becomes true, and sessions end."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain import directory
from app.domain.audit_trail import AuditAction
from app.domain.directory import Tally
from app.domain.directory_records import account_record, member_record
from app.domain.errors import Invalid
from app.storage import directory as stored
from app.storage.accounts import Account
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.conftest import NOW
from tests.directory import Record, account, as_records, counts, member
from tests.factories import FROM_THE_OFFICE
from tests.lending import listening
from tests.twins import fails_without, line, value


def put_members(db: Session, *records: Record) -> Tally:
    given = [member_record(record) for record in records]
    return directory.put_members(db, given, provenance=FROM_THE_OFFICE, now=NOW)


def put_accounts(db: Session, *records: Record) -> Tally:
    given = [account_record(record) for record in records]
    return directory.put_accounts(db, given, provenance=FROM_THE_OFFICE, now=NOW)


def known(db: Session, id_: str, **changes: Any) -> Record:
    """What the source says of somebody in the cast, but for the changes."""
    (record,) = [one for records in as_records(db) for one in records if one["id"] == id_]
    return record | changes


def test_new_accounts_and_members_are_added_and_can_be_found(db: Session) -> None:
    assert put_accounts(db, account("fjord", name="Fjørd Ærlig")) == Tally(added=1)
    liv = member("liv", "fjord", name="Liv Łukasz", email="Liv@Fjord.example")
    assert put_members(db, liv) == Tally(added=1)
    row = db.get_one(Member, "liv")
    assert (row.sort_key, row.email_key) == ("liv lukasz", "liv@fjord.example")
    assert row.account.sort_key == "fjord aerlig"
    assert row.account.impersonation_switched_off is False


def test_a_change_is_taken_over_and_dated(db: Session) -> None:
    before = db.get_one(Member, "eve").updated_at
    later = NOW + timedelta(hours=1)
    records = [member_record(known(db, "mia", name="Mia Öz")), member_record(known(db, "eve"))]
    tally = directory.put_members(db, records, provenance=FROM_THE_OFFICE, now=later)
    assert tally == Tally(changed=1)
    row = db.get_one(Member, "mia")
    assert (row.sort_key, row.updated_at) == ("mia oz", later)
    assert db.get_one(Member, "eve").updated_at == before


def test_what_is_equal_is_not_written(db: Session) -> None:
    accounts, members = as_records(db)
    written: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        written.extend([statement] if statement.startswith(("INSERT", "UPDATE")) else [])

    with listening(db.connection().engine, "before_cursor_execute", note):
        assert put_accounts(db, *accounts) == put_members(db, *members) == Tally()
    assert written == []


def test_our_switch_is_left_alone(db: Session) -> None:
    db.get_one(Account, "harbour").impersonation_switched_off = True
    put_accounts(db, known(db, "harbour", name="Harbour & Sons"))
    harbour = db.get_one(Account, "harbour")
    assert (harbour.name, harbour.allows_impersonation) == ("Harbour & Sons", False)


def test_a_member_of_an_account_that_is_not_there_is_refused(db: Session) -> None:
    with pytest.raises(Invalid, match="no account with the id nowhere"):
        put_members(db, member("liv", "nowhere"))
    with pytest.raises(Invalid, match="no account with the id nowhere"):
        put_members(db, known(db, "mia", account_id="nowhere"))


def test_accounts_know_how_many_members_they_have(db: Session) -> None:
    """Every member ever known counts: the new, those that move, and the deactivated."""
    stored.count_anew(db, Counter(true_before(db)))
    put_members(db, member("liv"), member("ole"), member("tor", "elsewhere"))
    put_members(db, known(db, "eve", account_id="harbour"), known(db, "liv", name="Liv 2"))
    directory.deactivate_members(db, ["mia"], provenance=FROM_THE_OFFICE, now=NOW)
    told, true = counts(db)
    assert told == true
    assert (told["harbour"], told["elsewhere"]) == (8, 1)


def true_before(db: Session) -> dict[str, int]:
    told, true = counts(db)
    return {id_: true[id_] - told[id_] for id_ in told}


@pytest.mark.requirement("A3", "I9")
@fails_without(value(directory, "end_due", lambda *_, **__: []))
@pytest.mark.parametrize(
    "changes",
    [
        {"status": "deactivated"},
        {"protected": True},
        {"email": "OMAR@example.com"},
        {"account_id": "elsewhere"},
    ],
)
def test_a_session_ends_when_the_member_changes(
    db: Session, opened: Impersonation, changes: Record
) -> None:
    put_members(db, known(db, "mia", **changes))
    assert opened.end_reason == EndReason.MEMBER_UNAVAILABLE
    trail.only(db, AuditAction.IMPERSONATION_ENDED)


@pytest.mark.requirement("A3", "I9")
@fails_without(value(directory, "end_due", lambda *_, **__: []))
@pytest.mark.parametrize("changes", [{"status": "suspended"}, {"impersonation_allowed": False}])
def test_a_session_ends_when_the_account_changes(
    db: Session, opened: Impersonation, changes: Record
) -> None:
    put_accounts(db, known(db, "harbour", **changes))
    assert opened.end_reason == EndReason.ACCOUNT_UNAVAILABLE


@pytest.mark.requirement("A3", "I9")
@fails_without(line(directory._end_sessions, "end_due(db, provenance=provenance, now=now)"))
def test_a_session_ends_when_its_ground_is_no_longer_there(
    db: Session, opened: Impersonation
) -> None:
    assert (
        directory.deactivate_members(
            db, ["mia", "noor", "nobody"], provenance=FROM_THE_OFFICE, now=NOW
        )
        == 1
    )
    assert opened.end_reason == EndReason.MEMBER_UNAVAILABLE


def test_a_session_ends_when_the_account_is_no_longer_there(
    db: Session, opened: Impersonation
) -> None:
    ids = ["harbour", "drydock"]
    assert directory.suspend_accounts(db, ids, provenance=FROM_THE_OFFICE, now=NOW) == 1
    assert opened.end_reason == EndReason.ACCOUNT_UNAVAILABLE


def test_a_session_that_keeps_its_ground_goes_on(db: Session, opened: Impersonation) -> None:
    put_members(db, known(db, "mia", name="Mia Öz"), known(db, "eve", status="deactivated"))
    assert opened.is_active(NOW)


def test_what_the_caller_has_changed_before_is_not_lost(db: Session) -> None:
    db.get_one(Member, "eve").name = "Eve Renamed"
    assert put_members(db, known(db, "eve", role="owner")) == Tally(changed=1)
    assert put_members(db, known(db, "eve")) == Tally()
    assert db.get_one(Member, "eve").name == "Eve Renamed"


def test_what_an_earlier_version_has_folded_is_folded_anew(db: Session) -> None:
    mia = known(db, "mia")
    db.get_one(Member, "mia").search_text = "as it once was"
    assert put_members(db, mia) == Tally(changed=1)
    assert "sondergaard" in db.get_one(Member, "mia").search_text
    assert put_members(db, mia) == Tally()


def test_factories_and_the_directory_agree_on_the_keys(db: Session) -> None:
    made = factories.account(id="fjord", name="Fjørd", now=NOW)
    put_accounts(db, account("fjord", name="Fjørd"))
    row = db.get_one(Account, "fjord")
    assert (row.sort_key, row.search_text) == (made.sort_key, made.search_text)
