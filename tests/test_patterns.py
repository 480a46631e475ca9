"""A pattern takes time in proportion to what it reads, whoever wrote that."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import app
from tests.twins import by_hand

# These put a site together as soon as they are imported.
SITES = {"app.wsgi", "app.product.wsgi", "app.cli.operator"}
LENGTH = 100_000
# What makes a pattern of nested or neighbouring repetitions try every way to split it.
STUFF = ("a", " ", "-", ".", "a.", "a-", "/", '"', "{{", "{{ ", "a@", ";\t", "\n", "'", "é", "0")
LONGEST_SECONDS = 5


def patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if module.name in SITES:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                found[f"{module.name}.{name}"] = value
    return found


PATTERNS = patterns()


@contextmanager
def alarm(seconds: float = LONGEST_SECONDS) -> Iterator[None]:
    """Interrupt what takes longer: a linear pattern takes milliseconds, another one minutes."""

    def ring(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.requirement("X7")
@pytest.mark.parametrize("name", PATTERNS)
def test_a_long_text_is_read_in_no_time(name: str) -> None:
    pattern = PATTERNS[name]
    with alarm():
        for stuff in STUFF:
            text = stuff * (LENGTH // len(stuff)) + "!\0"
            pattern.fullmatch(text)
            pattern.search(text)
            pattern.sub("", text)


@pytest.mark.requirement("X7")
@by_hand
def test_a_pattern_that_is_not_linear_is_noticed() -> None:
    with pytest.raises(TimeoutError), alarm(0.2):
        re.compile("(a|a)*b").match("a" * 60)
