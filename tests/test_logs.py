"""One record is one line, whatever it holds."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import logs
from app.product import logs as product_logs
from tests.twins import fails_without, line

ANYTHING = st.text(st.characters(codec=None, categories=None), max_size=200)
FORMATTERS = [logs.JsonLines("site", lambda: "request-1"), product_logs.JsonLines()]


def record(
    message: str, *arguments: object, error: BaseException | None = None
) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("app", logging.ERROR, __file__, 1, message, arguments, info)


@pytest.mark.requirement("X4")
@pytest.mark.parametrize("formatter", FORMATTERS, ids=["site", "product"])
@given(text=ANYTHING)
def test_a_record_is_one_line_and_comes_back(formatter: logging.Formatter, text: str) -> None:
    line = formatter.format(record("%s", text, error=ValueError(text)))
    assert line.isprintable()
    assert line.isascii()
    told = json.loads(line)
    assert told["message"] == text
    assert told["error"].startswith("ValueError")


def test_a_record_says_on_whose_behalf() -> None:
    told = json.loads(FORMATTERS[0].format(record("done")))
    expected = {"level": "error", "process": "site", "logger": "app", "message": "done"}
    assert told == expected | {"request_id": "request-1", "at": told["at"]}


@pytest.mark.requirement("K4")
@fails_without(line(logs._without_rows, 'REPEATED_ROW.sub("", text)', "text"))
def test_what_postgresql_repeats_of_a_row_is_left_out() -> None:
    said = "duplicate key\nDETAIL:  Key (email)=(ada\n@example.com) already exists.\n[SQL: INSERT]"
    told = json.loads(FORMATTERS[0].format(record("failed: %s", said, error=ValueError(said))))
    assert told["message"] == "failed: duplicate key\n[SQL: INSERT]"
    assert "ada" not in told["error"]
