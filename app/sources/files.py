"""Accounts and members in a file: CSV with a header, or JSON Lines.

It is one or the other by its first character. Entries are read as they are asked for: a file of a
million takes the memory of one line.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import IO

from app.domain.directory_reading import Entry, Unusable
from app.sources.lines import Lines
from app.storage.directory import Kind

FLAGS = {"impersonation_allowed", "protected"}
# PostgreSQL's own CSV says t and f.
TRUTHS = {"true": True, "t": True, "yes": True, "1": True}
TRUTHS |= {"false": False, "f": False, "no": False, "0": False}
DELIMITERS = ",;\t"
MOST_UNKNOWN = 20


class DirectoryFile:
    """One file of accounts or of members, open for reading; it is read once, from its start.

    `unknown` names the columns that are not ours, once it has been read.
    """

    def __init__(
        self, kind: Kind, name: str, file: IO[bytes], progress: Callable[[int], object]
    ) -> None:
        self.kind = kind
        self.name = name
        self.unknown: set[str] = set()
        self._lines = Lines(file, name, progress)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hexadecimal."""
        return self._lines.sha256

    def entries(self) -> Iterator[Entry]:
        """Yield what the file tells; raise Unusable if it is nothing of the kind."""
        lines = iter(self._lines)
        blank, first = 0, ""
        for first in lines:
            if first.strip():
                break
            blank += 1
        start = first.lstrip()[:1]
        if not start:
            raise Unusable(f"{self.name} is empty.")
        whole = chain(repeat("\n", blank), [first], lines)
        if start == "[":
            raise Unusable(f"{self.name} is a JSON array: JSON Lines has one object on each line.")
        if start == "{":
            yield from self._json_lines(whole)
        else:
            yield from self._csv(whole, delimiter=max(DELIMITERS, key=first.count))

    def _json_lines(self, lines: Iterator[str]) -> Iterator[Entry]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError):
                fields = None
            if isinstance(fields, dict):
                self._note_unknown(fields)
                yield Entry(self._place(number), fields)
            else:
                yield Entry(self._place(number), "this is no JSON object.")

    def _csv(self, lines: Iterator[str], *, delimiter: str) -> Iterator[Entry]:
        columns: list[str] | None = None
        for first, last, row in _rows(lines, delimiter):
            if isinstance(row, str):
                if columns is None:
                    raise Unusable(f"{self._place(first, last)}: {row}")
                yield Entry(self._place(first, last), row)
            elif columns is None:
                columns = self._columns(row)
            elif len(row) != len(columns):
                wrong = f"there are {len(row)} fields instead of {len(columns)}."
                yield Entry(self._place(first), wrong)
            else:
                yield Entry(self._place(first), _fields(columns, row))

    def _columns(self, row: Sequence[str]) -> list[str]:
        columns = [name.strip().lower() for name in row]
        needed = self.kind.record._fields
        missing = [name for name in needed if name not in columns]
        if missing or len(set(columns)) < len(columns):
            wrong = f"no {', '.join(missing)}" if missing else "a column twice"
            raise Unusable(f"{self.name} has {wrong}. Its first line must be: {','.join(needed)}")
        self._note_unknown(columns)
        return columns

    def _note_unknown(self, names: Iterable[str]) -> None:
        if len(self.unknown) < MOST_UNKNOWN:
            self.unknown.update(name for name in names if name not in self.kind.record._fields)

    def _place(self, first: int, last: int | None = None) -> str:
        to = f" to {last:,}" if last and last > first else ""
        return f"{self.name}, line {first:,}{to}"


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, int, list[str] | str]]:
    """Yield each row, or what is wrong with it, with the numbers of its first and last line."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, reader.line_num, f"this is not CSV: {error}."
        else:
            if row:
                yield first, reader.line_num, row


def _fields(columns: Sequence[str], row: Sequence[str]) -> dict[str, object]:
    fields: dict[str, object] = dict(zip(columns, row, strict=True))
    for name in FLAGS & fields.keys():
        text = str(fields[name]).strip().lower()
        fields[name] = TRUTHS.get(text)
    return fields
