"""Rows for a spreadsheet: they come back as they were, and none of them is a formula."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import audit_csv
from app.domain.audit_csv import COLUMNS, guarded
from app.storage.audit_chain import StoredEvent
from app.storage.audit_trail import canonical_json
from tests.twins import fails_without, line, value

# Any text that JSON can spell, with what is dangerous in it more often than by chance.
WORDS = st.text() | st.text(alphabet="=+-@＝＋－＠'\"\t\r\n\0;,1a")
FORMULA_STARTS = tuple("=+-@＝＋－＠")
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


def unguarded(field: str) -> str:
    """What docs/audit-trail.md says gives back what was recorded."""
    return re.sub(r"(?:\A|(?<=[;\t\r\n]))'", "", field)


def cells(text: str, separator: str) -> Iterator[str]:
    """Yield what a spreadsheet of that country shows of a file, as the strictest would split it."""
    for cell in re.split(rf"[{separator}\r\n]", text):
        # Some take quotation marks away in front of what is not quoted as a whole, and NULs.
        yield cell.lstrip('"\0')


@pytest.mark.requirement("X1", "X5")
@given(st.dictionaries(st.sampled_from(NAMES), WORDS, min_size=1))
def test_no_field_begins_as_a_formula_and_each_comes_back(words: dict[str, str]) -> None:
    (row,) = read(event(words))
    assert not [field for field in row.values() if field.startswith(FORMULA_STARTS)]
    assert {name: unguarded(row[name]) for name in words} == words


@pytest.mark.requirement("X5")
@fails_without(line(audit_csv.guarded, """CELL.sub("'", field)""", "field"))
@given(WORDS)
def test_nor_does_a_cell_where_the_list_separator_is_another(word: str) -> None:
    data = audit_csv.rows([event({"reason": word, "details": {"path": word}})])
    for separator in (";", "\t"):
        shown = list(cells(data.decode(), separator))
        assert not [cell for cell in shown if cell.startswith(FORMULA_STARTS)]


@pytest.mark.requirement("X5")
@fails_without(line(audit_csv.guarded, """CELL.sub("'", field)""", "field"))
@pytest.mark.parametrize(
    ("field", "written"),
    [
        *((f"{start}1+1", f"'{start}1+1") for start in "=+-@\t\r\n＝＋－＠"),
        ("\0=1", "'\0=1"),
        ("a;=1+1;b", "a;'=1+1;b"),
        ("a\t=1", "a\t'=1"),
        ("a\n=1\r\n@b", "a\n'=1\r\n'@b"),
        ("a;;+1", "a;;'+1"),
        ('a;"=1+1', "a;'\"=1+1"),
        ("a;\0=1", "a;'\0=1"),
        ("\t=1", "'\t'=1"),
    ],
)
def test_what_a_spreadsheet_takes_for_a_formula_gets_a_quote(field: str, written: str) -> None:
    assert guarded(field) == written
    assert unguarded(written) == field


@pytest.mark.requirement("X5")
@pytest.mark.parametrize("field", ["a; b\nc", *(f"1{start}1" for start in "=+-@\t\r\n\0＝＋－＠")])
def test_what_no_spreadsheet_takes_for_a_formula_stays_as_it_is(field: str) -> None:
    assert guarded(field) == field


@pytest.mark.requirement("X5")
@fails_without(line(audit_csv.guarded, """CELL.sub("'", field)""", "field"))
@pytest.mark.parametrize(("field", "written"), [("'=1", "''=1"), ("a;'b", "a;''b"), ("'", "''")])
def test_a_quote_that_was_there_gets_another_one(field: str, written: str) -> None:
    """So that taking one away always gives what was recorded."""
    assert guarded(field) == written
    assert unguarded(written) == field


@pytest.mark.requirement("X1")
@fails_without(line(audit_csv.rows, 'errors="backslashreplace"'), raises=(UnicodeEncodeError,))
def test_half_a_character_is_written_out() -> None:
    (row,) = read(event({"reason": "\ud800", "details": {"path": "\udfff"}}))
    assert row["reason"] == "\\ud800"
    assert json.loads(row["details"])["path"] == "\udfff"


@pytest.mark.requirement("X5")
@given(WORDS)
def test_the_details_are_json_in_one_field(path: str) -> None:
    (row,) = read(event({"details": {"path": path}}))
    assert json.loads(unguarded(row["details"])) == {"method": "GET", "path": path}


def test_a_row_has_the_time_in_full_and_the_columns_in_order() -> None:
    (row,) = read(event({}))
    assert list(row) == list(COLUMNS)
    assert datetime.fromisoformat(row["at"]).timestamp() == 1_772_442_000
    assert (row["id"], row["subject_id"], row["impersonation_id"]) == ("7", "mia", "")


@pytest.mark.requirement("L12")
@fails_without(line(audit_csv._row, '"yes" if event.words is None else "no"', '"no"'))
def test_erased_words_are_not_taken_for_words_that_never_were() -> None:
    erased, silent = read(event(None), event({}))
    assert (erased["words_erased"], silent["words_erased"]) == ("yes", "no")
    assert erased["actor_name"] == ""


@pytest.mark.requirement("X5")
@fails_without(
    value(audit_csv, "BYTE_ORDER_MARK", ""), line(audit_csv._written, r'"\r\n"', r'"\n"')
)
def test_the_file_begins_with_its_mark_and_ends_each_row_as_it_should() -> None:
    """Excel takes a file without it for one in its own country's old alphabet."""
    data = audit_csv.header() + audit_csv.rows([event({"actor_name": 'Zoë "Z", Ltd\n'})])
    assert data.startswith(b"\xef\xbb\xbfid,at,")
    assert data.endswith(b"\r\n")
    assert b'"Zo\xc3\xab ""Z"", Ltd\n"' in data
