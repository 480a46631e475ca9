"""Rows for a spreadsheet: they come back as they were, and none of them is a formula."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import audit_csv
from app.domain.audit_csv import COLUMNS, FORMULA_STARTS, guarded
from app.storage.audit_chain import StoredEvent
from app.storage.audit_trail import canonical_json

# Any text that JSON can spell, with what is dangerous in it more often than by chance.
WORDS = st.text() | st.from_regex(r"\A[=+\-@\t\r\n\x00＝＋－＠']+.*\Z", fullmatch=True)
NAMES = ("actor_name", "actor_email", "subject_name", "account_name", "reason", "user_agent")


def event(words: dict[str, Any] | None) -> StoredEvent:
    return StoredEvent(
        id=7,
        at=1_772_442_000_000_000,
        action="action.recorded",
        outcome="succeeded",
        actor_kind="admin",
        actor_id="ada",
        subject_id="mia",
        account_id="harbour",
        impersonation_id=None,
        request_id="request-1",
        facts=canonical_json({"method": "GET"}),
        words_digest=bytes(32),
        previous_hash=bytes(32),
        hash=bytes(32),
        salt=None if words is None else bytes(16),
        words=None if words is None else canonical_json(words),
    )


def read(*events: StoredEvent) -> list[dict[str, str]]:
    """Read the file as a spreadsheet does."""
    text = (audit_csv.header() + audit_csv.rows(events)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.requirement("X1", "X5")
@given(st.dictionaries(st.sampled_from(NAMES), WORDS, min_size=1))
def test_no_field_begins_as_a_formula_and_each_comes_back(words: dict[str, str]) -> None:
    (row,) = read(event(words))
    for field in row.values():
        assert not field.startswith(tuple(set(FORMULA_STARTS) - {"'"}))
    for name, word in words.items():
        assert row[name] == ("'" if word.startswith(FORMULA_STARTS) else "") + word


@pytest.mark.requirement("X5")
@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"]
)
def test_what_a_spreadsheet_takes_for_a_formula_gets_a_quote(start: str) -> None:
    assert guarded(f"{start}1+1") == f"'{start}1+1"
    assert guarded(f"1{start}1") == f"1{start}1"


@pytest.mark.requirement("X5")
def test_a_quote_that_was_there_gets_another_one() -> None:
    """So that taking one away always gives what was recorded."""
    assert guarded("'=1") == "''=1"


@pytest.mark.requirement("X1")
def test_half_a_character_is_written_out() -> None:
    (row,) = read(event({"reason": "\ud800", "details": {"path": "\udfff"}}))
    assert row["reason"] == "\\ud800"
    assert json.loads(row["details"])["path"] == "\udfff"


@pytest.mark.requirement("X5")
@given(WORDS)
def test_the_details_are_json_in_one_field(path: str) -> None:
    (row,) = read(event({"details": {"path": path}}))
    assert json.loads(row["details"]) == {"method": "GET", "path": path}


def test_a_row_has_the_time_in_full_and_the_columns_in_order() -> None:
    (row,) = read(event({}))
    assert list(row) == list(COLUMNS)
    assert datetime.fromisoformat(row["at"]).timestamp() == 1_772_442_000
    assert (row["id"], row["subject_id"], row["impersonation_id"]) == ("7", "mia", "")


@pytest.mark.requirement("L12")
def test_erased_words_are_not_taken_for_words_that_never_were() -> None:
    erased, silent = read(event(None), event({}))
    assert (erased["words_erased"], silent["words_erased"]) == ("yes", "no")
    assert erased["actor_name"] == ""


@pytest.mark.requirement("X5")
def test_the_file_begins_with_its_mark_and_ends_each_row_as_it_should() -> None:
    """Excel takes a file without it for one in its own country's old alphabet."""
    data = audit_csv.header() + audit_csv.rows([event({"actor_name": 'Zoë "Z", Ltd\n'})])
    assert data.startswith(b"\xef\xbb\xbfid,at,")
    assert data.endswith(b"\r\n")
    assert b'"Zo\xc3\xab ""Z"", Ltd\n"' in data
