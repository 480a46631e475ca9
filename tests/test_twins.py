"""A twin loses exactly the guard that it names."""

import sys

import pytest

from tests.twins import fails_without, line, value

LIMIT = 3


def within(number: int) -> bool:
    return number > 0 and number <= LIMIT


@fails_without(line(within, " and number <= LIMIT"), value(sys.modules[__name__], "LIMIT", 9))
def test_a_twin_fails_without_its_line_or_its_value() -> None:
    assert not within(4)


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
