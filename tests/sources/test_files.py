"""Files of accounts and members: whatever is in them is told with its line, and nothing crashes."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.directory_reading import BATCH, Entry, Reading, Unusable
from app.sources.files import DirectoryFile
from app.sources.lines import LONGEST_LINE
from app.storage.directory import MEMBERS, MemberRecord
from app.storage.directory_stage import Stage
from tests.directory import Record, member

HEADER = ",".join(MemberRecord._fields)
LIV = "liv,harbour,Liv,liv@harbour.example,editor,active,false,2026-03-02T09:00:00Z"


def opened(
    content: bytes | str, progress: Callable[[int], object] = lambda _: None
) -> DirectoryFile:
    data = content.encode() if isinstance(content, str) else content
    return DirectoryFile(MEMBERS, "members.csv", io.BytesIO(data), progress)


def read(content: bytes | str) -> list[Entry]:
    return list(opened(content).entries())


def problems(content: bytes | str) -> list[str]:
    """What is said of the file when it is read as a whole."""
    with Stage() as stage:
        reading = Reading(stage, [MEMBERS])
        reading.take(MEMBERS, opened(content).entries())
        return list(map(str, reading.problems))


def test_a_line_of_csv_is_a_member() -> None:
    (entry,) = read(f"{HEADER}\n{LIV}\n")
    assert entry == Entry("members.csv, line 2", member("liv", created_at="2026-03-02T09:00:00Z"))


def test_a_line_of_json_is_a_member() -> None:
    liv = member("liv", name="Liv “Łukasz”")
    (entry,) = read(f"\n{json.dumps(liv, ensure_ascii=False)}\n\n")
    assert entry == Entry("members.csv, line 2", liv)


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\n{LIV}\n",
        f"{HEADER}\r\n{LIV}\r\n",
        f"{HEADER}\n{LIV}",
        f"\n\n{HEADER}\n\n{LIV}\n\n",
        f"{HEADER}\n{LIV}\n".replace(",", ";"),
        f"{HEADER}\n{LIV}\n".replace(",", "\t"),
        f"{HEADER.upper()}\n{LIV}\n",
        f"{HEADER}\n{LIV.replace('false', ' No ')}\n",
        f"{HEADER}\n{LIV.replace('false', 'f')}\n",
        f"\ufeff{json.dumps(member('liv'))}\r\n",
    ],
)
def test_other_ways_to_write_it_are_understood(content: str) -> None:
    assert problems(content) == []
    (entry,) = read(content)
    assert isinstance(entry.fields, dict)
    assert (entry.fields["id"], entry.fields["protected"]) == ("liv", False)


def test_columns_come_in_any_order_and_others_are_noted() -> None:
    file = opened("shoe size,id,email\n44,liv,liv@harbour.example\n")
    with pytest.raises(Unusable):
        list(file.entries())
    columns = ["shoe size", *reversed(MemberRecord._fields)]
    file = opened(",".join(columns) + "\n44," + ",".join(reversed(LIV.split(","))) + "\n")
    (entry,) = file.entries()
    assert isinstance(entry.fields, dict)
    assert entry.fields["email"] == "liv@harbour.example"
    assert file.unknown == {"shoe size"}


def test_lines_are_counted_across_quoted_line_ends() -> None:
    name = '"Liv\nof the\r\nFjord"'
    content = f"{HEADER}\n{LIV.replace('Liv', name, 1)}\n{LIV.replace('active', 'asleep')}\n"
    (problem,) = problems(content)
    assert problem == "members.csv, line 5: status is none of active, invited, deactivated."


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("liv,harbour", "there are 2 fields instead of 8."),
        (f"{LIV},more", "there are 9 fields instead of 8."),
        (LIV.replace("false", "maybe"), "protected is neither true nor false."),
        (LIV.replace("Liv", '"Liv" of Fjord'), "this is not CSV: "),
        (LIV.replace("Liv", "x" * 200_000), "this is not CSV: field larger"),
        (LIV.replace("Liv", "x" * 600), "name is longer than 500 characters."),
        (LIV.replace("Liv", "L\0v"), "name holds what is no text"),
        (LIV.replace("liv@harbour.example", ""), "email is missing."),
        (LIV.replace("2026-03-02", "2026-02-30"), "created_at is no point in time"),
    ],
)
def test_what_is_wrong_with_a_line_is_told(line: str, problem: str) -> None:
    (told,) = problems(f"{HEADER}\n{LIV}\n{line}\n".replace(LIV, LIV.replace("liv", "ole"), 1))
    assert told.startswith(f"members.csv, line 3: {problem}")


def test_bytes_that_are_not_utf_8_are_told_with_their_line() -> None:
    content = f"{HEADER}\n{LIV}\n".encode().replace(b"Liv", "Løv".encode("latin-1"))
    (told,) = problems(content)
    assert told.startswith("members.csv, line 2: name holds what is no text")


def test_a_quote_that_is_never_closed_is_told_with_where_it_begins() -> None:
    (told,) = problems(f'{HEADER}\n"{LIV}\n{LIV}\n{LIV}\n')
    assert told.startswith("members.csv, line 2 to 4: this is not CSV: unexpected end of data")


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '"liv"', "7", "null", "{}x", '{"id": ' + "[" * 100_000, "9" * 5000, "{'id': 1}"],
)
def test_lines_that_are_no_json_object_are_told(line: str) -> None:
    (told,) = problems(f"{json.dumps(member('ole'))}\n{line}\n")
    assert told == "members.csv, line 2: this is no JSON object."


def test_half_a_character_in_json_is_told() -> None:
    (told,) = problems(json.dumps(member("liv", name="\ud800")))
    assert told.startswith("members.csv, line 1: name holds what is no text")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "members.csv is empty."),
        (b"\n \n", "members.csv is empty."),
        (b"\xef\xbb\xbf", "members.csv is empty."),
        (b"[{}]", "members.csv is a JSON array"),
        ("id,name".encode("utf-16"), "members.csv is not UTF-8 but UTF-16."),
        (b"id,name\n", "members.csv has no account_id, email, role"),
        (f"{HEADER},id\n".encode(), "members.csv has a column twice."),
        (b"x" * (LONGEST_LINE + 1), "members.csv, line 1 is longer than a megabyte."),
        (b"PK\x03\x04\xff", "members.csv has no id"),
        (b'"id', "members.csv, line 1: this is not CSV"),
    ],
)
def test_a_file_that_is_something_else_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(Unusable) as unusable:
        read(content)
    assert unusable.value.sentence.startswith(sentence)


def test_the_digest_is_that_of_the_file() -> None:
    content = f"\ufeff{HEADER}\r\n{LIV}\n".encode()
    file = opened(content)
    list(file.entries())
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_as_it_is_asked_for() -> None:
    """However long it is, one line is in memory."""
    made = 0

    def lines() -> Iterator[bytes]:
        nonlocal made
        yield f"{HEADER}\n".encode()
        for made in range(1, BATCH):
            yield f"{LIV.replace('liv', f'liv-{made}')}\n".encode()

    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self._lines = lines()

        def readline(self, size: int | None = -1, /) -> bytes:
            return next(self._lines, b"")

    file: IO[bytes] = Endless()  # type: ignore[assignment]
    entries = DirectoryFile(MEMBERS, "members.csv", file, lambda _: None).entries()
    for number in range(1, 10):
        next(entries)
        assert made == number


def test_progress_is_in_bytes() -> None:
    told: list[int] = []
    content = f"{HEADER}\n{LIV}\n"
    list(opened(content, told.append).entries())
    assert sum(told) == len(content)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(content: bytes) -> None:
    for start in (b"", f"{HEADER}\n".encode(), b'{"id": "a"}\n'):
        try:
            told = problems(start + content)
        except Unusable as unusable:
            told = [unusable.sentence]
        assert all(told)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=8, max_size=8))
def test_csv_says_what_was_written(values: list[str]) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(MemberRecord._fields)
    writer.writerow(values)
    for place, fields in read(file.getvalue()):
        assert place == "members.csv, line 2"
        assert isinstance(fields, dict)
        texts: Record = dict(zip(MemberRecord._fields, values, strict=True))
        assert {**fields, "protected": None} == {**texts, "protected": None}
