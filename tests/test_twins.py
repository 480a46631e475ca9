"""A twin loses exactly the guard that it names."""

import sys
from functools import cached_property

import pytest

from tests.twins import each_fails_without, fails_without, line, together, value

LIMIT = 3
LAST = " and number <= LIMIT"


def within(number: int) -> bool:
    return number > 0 and number <= LIMIT


@fails_without(line(within, LAST), value(sys.modules[__name__], "LIMIT", 9))
def test_a_twin_fails_without_its_line_or_its_value() -> None:
    assert not within(4)


@fails_without(together(line(within, "number > 0 and "), line(within, " <= LIMIT", " < 0")))
def test_a_twin_can_lose_two_lines_of_one_function() -> None:
    assert not within(-1)


ITEMS = {"one": 1}


@fails_without(value(ITEMS, "one", 2))
def test_a_twin_can_lose_an_item() -> None:
    assert ITEMS == {"one": 1}


@each_fails_without(
    "number", {"-1": line(within, "number > 0 and "), "4": line(within, LAST), "5": None}
)
def test_each_case_loses_a_guard_of_its_own(number: str) -> None:
    assert not within(int(number))


class Limit:
    @cached_property
    def cached(self) -> int:
        return LIMIT

    @property
    def asked(self) -> int:
        return LIMIT


@fails_without(line(Limit.cached, "LIMIT", "9"), line(Limit.asked, "LIMIT", "9"))
def test_a_property_is_a_function_too() -> None:
    limit = Limit()
    assert limit.cached + limit.asked == 2 * LIMIT


def test_a_line_that_is_not_there_is_an_error(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LookupError, match="'number' is 3 times in within"):
        line(within, "number")(request, monkeypatch)


def test_the_guard_is_back_afterwards(request: pytest.FixtureRequest) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        line(within, "number > 0 and ")(request, monkeypatch)
        assert within(-1)
    assert not within(-1)
