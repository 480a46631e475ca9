"""Twins of tests: the same test with its guard switched off, which must fail.

`@fails_without(line(tickets.redeem, "row.used_at is None"))` on a test runs it twice: as it is, and
once more with the guard gone. A twin that passes shows a test that cannot fail.
`@each_fails_without("claim", {"iss": line(…), "aud": line(…)})` does so for each case of its own.
`@by_hand` is for a twin that is a test by itself.
"""

import inspect
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

import pytest
from sqlalchemy import text

from tests.owner import as_owner, without_trigger

# Switches one guard off, until the test is over.
Switch = Callable[[pytest.FixtureRequest, pytest.MonkeyPatch], None]

FAILURES = (AssertionError, pytest.fail.Exception)


def fails_without(
    *switches: Switch, raises: tuple[type[BaseException], ...] = ()
) -> pytest.MarkDecorator:
    """Run a test again without each of these guards: there it must fail.

    To fail is an assertion that does not hold; `raises` adds what else counts, where without its
    guard the test meets an exception. Any other exception is an error of the twin.
    """
    return pytest.mark.fails_without(switches, (*FAILURES, *raises))


def each_fails_without(
    argument: str,
    switches: Mapping[str, Switch | None],
    *,
    raises: tuple[type[BaseException], ...] = (),
) -> pytest.MarkDecorator:
    """Run a test with each of these names as `argument`, and again without that name's guard.

    A name without one, where something that cannot be switched off stops it too, has None.
    """
    return pytest.mark.each_fails_without(argument, switches, (*FAILURES, *raises))


# On a test that is a twin by itself: it shows what happens without a guard.
by_hand = pytest.mark.twin_by_hand


def line(guarded: Any, text: str, instead: str = "") -> Switch:
    """Return the switch that replaces `text`, which is once in a function, by `instead`.

    Whoever has imported the function meets the change, for it is its code that is exchanged. A
    property is the function behind it.
    """

    def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        function = _function(guarded)
        source = _rewritten.get(function) or inspect.getsource(function)
        if source.count(text) != 1:
            raise LookupError(f"{text!r} is {source.count(text)} times in {function.__qualname__}")
        # Another switch of the same function finds it as this one leaves it.
        monkeypatch.setitem(_rewritten, function, source.replace(text, instead))
        monkeypatch.setattr(function, "__code__", _compiled(function, _rewritten[function]))

    return switch


def value(place: object, name: str, instead: object) -> Switch:
    """Return the switch that gives an attribute, or an item of a dictionary, another value."""

    def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if isinstance(place, dict):
            monkeypatch.setitem(place, name, instead)
        else:
            monkeypatch.setattr(place, name, instead)

    return switch


def trigger(name: str, *, on: str) -> Switch:
    """Return the switch that takes a trigger of the test's database down, as its owner can."""

    def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        with as_owner(request.getfixturevalue("database_url")) as db:
            without_trigger(db, on, name)

    return switch


def statement(sql: str) -> Switch:
    """Return the switch that has the owner of the test's database run a statement."""

    def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        with as_owner(request.getfixturevalue("database_url")) as db:
            db.execute(text(sql))

    return switch


def together(*switches: Switch) -> Switch:
    """Return the switch that turns off several guards, where each alone would do."""

    def switch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        for one in switches:
            one(request, monkeypatch)

    return switch


# What stands instead of a function's source, until the test is over.
_rewritten: dict[FunctionType, str] = {}


def _function(guarded: Any) -> FunctionType:
    if isinstance(guarded, property):
        guarded = guarded.fget
    function = inspect.unwrap(getattr(guarded, "func", guarded))
    assert isinstance(function, FunctionType)
    return function


@cache
def _compiled(function: FunctionType, source: str) -> CodeType:
    lines, first = inspect.getsourcelines(function)
    module = inspect.getsource(sys.modules[function.__module__]).splitlines(keepends=True)
    # The module as a whole, so that names, closures and methods mean what they did.
    module[first - 1 : first - 1 + len(lines)] = [source]
    compiled = compile("".join(module), function.__code__.co_filename, "exec", dont_inherit=True)
    (code,) = (
        code
        for code in _nested(compiled)
        if code.co_qualname == function.__qualname__
        and code.co_firstlineno == function.__code__.co_firstlineno
    )
    return code


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    switches = [
        switch
        for marker in metafunc.definition.iter_markers("fails_without")
        for switch in marker.args[0]
    ]
    for marker in metafunc.definition.iter_markers("each_fails_without"):
        argument, cases, _ = marker.args
        pairs = [(name, switch) for name in cases for switch in dict.fromkeys((None, cases[name]))]
        ids = [f"without-{name}" if switch else name for name, switch in pairs]
        metafunc.parametrize((argument, "guard"), pairs, ids=ids, indirect=["guard"])
    if switches:
        names = [f"without-{number}" for number in range(1, len(switches) + 1)]
        metafunc.parametrize("guard", [None, *switches], ids=["guarded", *names], indirect=True)


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the twin's guard off before anything else of the test is there."""
    if (switch := getattr(request, "param", None)) is None:
        return
    if "engine_name" in request.fixturenames:
        # What all tests share is made with every guard, should a twin be the first to ask for it.
        request.getfixturevalue("shared_databases")(request.getfixturevalue("engine_name"))
    switch(request, monkeypatch)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    callspec = getattr(pyfuncitem, "callspec", None)
    if callspec is None or callspec.params.get("guard") is None:
        return (yield)
    failures = tuple(
        failure
        for name in ("fails_without", "each_fails_without")
        for marker in pyfuncitem.iter_markers(name)
        for failure in marker.args[-1]
    )
    try:
        yield
    except failures:
        return True
    pytest.fail("passes without its guard", pytrace=False)
