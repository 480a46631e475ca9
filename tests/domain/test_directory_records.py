"""What a source may say of an account or a member, and what is said to it when it may not."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.directory_records import account_record, member_record
from app.domain.errors import Invalid
from app.storage.base import can_be_stored
from tests.conftest import NOW
from tests.directory import Record, account, member

BAD_MEMBERS: list[tuple[Record, str]] = [
    ({"id": None}, "id is missing."),
    ({"id": ""}, "id is missing."),
    ({"id": 7}, "id is no text."),
    ({"id": "a/b"}, "id must have 200 ASCII characters at most, without blanks and slashes."),
    ({"id": "café"}, "id must have 200 ASCII characters at most, without blanks and slashes."),
    ({"id": ".."}, "id must have"),
    ({"id": "a\nb"}, "id must have"),
    ({"id": "x" * 201}, "id must have"),
    ({"name": None}, "name is missing."),
    ({"name": "  "}, "name is no text."),
    ({"name": "M\0ia"}, "name holds what is no text"),
    ({"name": "\ud800"}, "name holds what is no text"),
    ({"name": "x" * 501}, "name is longer than 500 characters."),
    ({"email": ""}, "email is missing."),
    ({"email": "mia"}, "email is no e-mail address."),
    ({"role": {}}, "role is no text."),
    ({"status": "sleeping"}, "status is none of active, invited, deactivated."),
    ({"status": "suspended"}, "status is none of"),
    ({"protected": None}, "protected is neither true nor false."),
    ({"protected": "no"}, "protected is neither true nor false."),
    ({"protected": 2}, "protected is neither true nor false."),
    ({"protected": []}, "protected is neither true nor false."),
    ({"created_at": "yesterday"}, "created_at is no point in time such as 2026-03-02T09:00:00Z."),
    ({"created_at": None}, "created_at is no point in time"),
    ({"created_at": 20260302}, "created_at is no point in time"),
    ({"created_at": "9999-12-31T23:59:59-01:00"}, "created_at is no point in time"),
    ({"created_at": "0001-01-01T00:00:00+01:00"}, "created_at is no point in time"),
    ({"account_id": None}, "account_id is missing."),
]


@pytest.mark.parametrize(("bad", "sentence"), BAD_MEMBERS)
def test_what_is_wrong_with_a_member_is_told(bad: Record, sentence: str) -> None:
    with pytest.raises(Invalid) as invalid:
        member_record(member("liv") | bad)
    assert invalid.value.sentence.startswith(sentence)


@pytest.mark.parametrize(
    "bad",
    [{"status": "invited"}, {"domain": None}, {"impersonation_allowed": "false"}, {"plan": 3}],
)
def test_what_is_wrong_with_an_account_is_told(bad: Record) -> None:
    with pytest.raises(Invalid, match=next(iter(bad))):
        account_record(account("fjord") | bad)


@pytest.mark.parametrize("name", [*member("liv")])
def test_each_column_of_a_member_is_needed(name: str) -> None:
    record = member("liv")
    del record[name]
    with pytest.raises(Invalid, match=f"^{name} "):
        member_record(record)


def test_databases_without_booleans_say_0_and_1() -> None:
    assert member_record(member("liv", protected=1)).protected is True
    assert account_record(account(impersonation_allowed=0)).impersonation_allowed is False


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
def test_times_are_read_as_they_are_written(written: object) -> None:
    created_at = member_record(member("liv", created_at=written)).created_at
    assert created_at == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_day_begins_at_midnight() -> None:
    created_at = member_record(member("liv", created_at=date(2026, 3, 2))).created_at
    assert created_at == datetime(2026, 3, 2, tzinfo=UTC)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from([*member("liv")]), VALUES))
def test_whatever_is_told_is_taken_or_refused(fields: Record) -> None:
    try:
        record: Sequence[object] = member_record(member("liv") | fields)
    except Invalid as invalid:
        record = [invalid.sentence]
    texts = [value for value in record if isinstance(value, str)]
    assert all(texts)
    assert all(map(can_be_stored, texts))
