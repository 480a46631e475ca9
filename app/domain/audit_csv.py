"""Events as rows for a spreadsheet: for people to read, and safe to open (X5)."""

import csv
import io
import json
import re
from collections.abc import Iterable

from app.domain.audit_records import as_record
from app.storage.audit_chain import StoredEvent

# A spreadsheet takes a cell that begins with one of these for a formula; the last four are their
# full-width forms.
FORMULA_STARTS = "=+-@＝＋－＠"
# Where a spreadsheet may begin a cell: at the start of a field, and within it where its country
# separates a list by a semicolon, where it takes tabs for separators, or after the end of a line.
# Quotation marks and NULs may be taken away in front of what follows. A quote gets another one in
# each such place, so that taking one away there always gives what was recorded.
CELL = re.compile(
    r"\A(?=[\t\r\n])"
    rf"""|(?:\A|(?<=[;\t\r\n]))(?=["\0]*['\0{re.escape(FORMULA_STARTS)}])"""
)
# Excel takes a file for one of its own country's old alphabets unless it begins with this.
BYTE_ORDER_MARK = "\ufeff"

COLUMNS = (
    "id",
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_name",
    "actor_email",
    "subject_id",
    "subject_name",
    "subject_email",
    "account_id",
    "account_name",
    "impersonation_id",
    "reason",
    "details",
    "address",
    "user_agent",
    "request_id",
    "words_erased",
    "hash",
)


def header() -> bytes:
    """Return the first row, with the mark that says how the file is written."""
    return (BYTE_ORDER_MARK + _written([COLUMNS])).encode()


def rows(events: Iterable[StoredEvent]) -> bytes:
    """Return a row for each event, as RFC 4180 and UTF-8 have it."""
    # Half a character, which JSON can spell, is written out: a file for people must open.
    return _written(_row(event) for event in events).encode(errors="backslashreplace")


def guarded(field: str) -> str:
    """Return the field so that no spreadsheet takes it, or a part of it, for a formula."""
    return CELL.sub("'", field)


def _row(event: StoredEvent) -> list[str]:
    record = as_record(event)
    words = record["words"] or {}
    details = record["facts"] | words.get("details", {})
    cells = {
        **words,
        **record,
        "details": json.dumps(details, ensure_ascii=False, sort_keys=True) if details else "",
        "words_erased": "yes" if event.words is None else "no",
    }
    return [guarded(str(cells.get(name) or "")) for name in COLUMNS]


def _written(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
