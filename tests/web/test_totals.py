"""What stands above a list."""

from typing import Any

import pytest

from app.storage.paging import Page
from app.storage.search import MOST_FOUND, SearchPage
from app.storage.sizes import Size
from app.web.admin.totals import count_line, figure

LIST: Page[Any] = Page([], None, None)


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (Size(0), "0 members"),
        (Size(1), "1 member"),
        (Size(9_800), "9,800 members"),
        (Size(20_000), "20,000 members"),
        (Size(12_345, is_estimated=True), "About 12,000 members"),
        (Size(987_654, is_estimated=True), "About 990,000 members"),
        (Size(999_999, is_estimated=True), "About 1.0 million members"),
        (Size(1_234_567, is_estimated=True), "About 1.2 million members"),
        (Size(23_456_789, is_estimated=True), "About 23.0 million members"),
    ],
)
def test_a_list_says_how_long_it_is(size: Size, line: str) -> None:
    assert count_line(LIST, "member", lambda: size) == line


@pytest.mark.parametrize(
    ("found", "line"), [(0, "0 members match"), (1, "1 member matches"), (500, "500 members match")]
)
def test_a_search_says_how_many_it_found(found: int, line: str) -> None:
    page: SearchPage[Any] = SearchPage([], None, None, found, is_cut=False)
    assert count_line(page, "member", lambda: Size(9)) == line


def test_a_search_that_found_too_many_says_what_to_do() -> None:
    page: SearchPage[Any] = SearchPage([], None, None, MOST_FOUND, is_cut=True)
    line = count_line(page, "account", lambda: Size(9))
    assert line == "More than 500 accounts match. Type more to find the one you mean."


def test_a_figure_says_where_counting_has_stopped() -> None:
    assert figure(Size(1_312)) == "1,312"
    assert figure(Size(10_000, is_estimated=True)) == "10,000+"
