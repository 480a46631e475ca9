"""Nothing that has to be true is silently untested."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.requirements import FAILURES, MUST, NEXT, NOT_BUILT, UNGUARDED

TESTS = Path(__file__).parent
ROOT = TESTS.parent


@cache
def marked(marker: str) -> frozenset[str]:
    """Return the ids that a marker gives to tests, anywhere in the suite."""
    return frozenset(
        id_
        for path in TESTS.rglob("test_*.py")
        for id_ in _ids(ast.parse(path.read_text(encoding="utf-8")), marker)
    )


@cache
def twinned(marker: str) -> frozenset[str]:
    """Return the ids that a marker gives to tests which have a twin, or are one."""
    return frozenset(
        id_
        for path in TESTS.rglob("test_*.py")
        for id_ in _twinned(ast.parse(path.read_text(encoding="utf-8")), marker)
    )


def _twinned(tree: ast.Module, marker: str) -> Iterator[str]:
    marks = [one for one in tree.body if ast.unparse(one).startswith("pytestmark = ")]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(map(_is_twin, node.decorator_list)):
            for one in (*marks, *node.decorator_list):
                yield from _ids(one, marker)


def _is_twin(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(name) in ("fails_without", "each_fails_without", "by_hand")


def _ids(tree: ast.AST, marker: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{marker}":
            # A literal each, so that this test and a reader find them.
            yield from (ast.literal_eval(argument) for argument in node.args)


@pytest.mark.parametrize("id_", [*MUST, *NEXT])
def test_every_requirement_is_shown_by_a_test(id_: str) -> None:
    assert (id_ in marked("requirement")) == (id_ not in NOT_BUILT)


@pytest.mark.parametrize("id_", FAILURES)
def test_every_failure_elsewhere_is_one_that_we_test(id_: str) -> None:
    assert id_ in marked("failure")


@pytest.mark.parametrize("id_", [*MUST, *NEXT])
def test_every_guard_has_a_twin(id_: str) -> None:
    assert (id_ in twinned("requirement")) == (id_ not in {*UNGUARDED, *NOT_BUILT})


@pytest.mark.parametrize("id_", FAILURES)
def test_every_guard_against_a_failure_elsewhere_has_a_twin(id_: str) -> None:
    assert id_ in twinned("failure")


def test_no_marker_names_what_is_not_in_the_list() -> None:
    assert marked("requirement") <= {*MUST, *NEXT}
    assert marked("failure") <= {*FAILURES}


def test_the_document_names_tests_that_are_there() -> None:
    document = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/*.]+)`", document))
    assert named
    assert [name for name in named if not [*ROOT.glob(name)]] == []


def test_only_what_may_come_later_is_not_built() -> None:
    assert NEXT.keys() >= NOT_BUILT


def test_only_what_is_tested_can_do_without_a_twin() -> None:
    assert marked("requirement") >= UNGUARDED.keys()
