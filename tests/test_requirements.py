"""Nothing that has to be true is silently untested."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.requirements import FAILURES, MUST, NEXT, NOT_BUILT

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


def _ids(tree: ast.Module, marker: str) -> Iterator[str]:
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
