"""How many there are, in the words that a page says it with."""

from collections.abc import Callable
from typing import Any

from app.storage.paging import Page
from app.storage.search import MOST_FOUND, SearchPage
from app.storage.sizes import Size

MILLION = 1_000_000


def count_line(page: Page[Any], noun: str, size: Callable[[], Size]) -> str:
    """Return how many fit what was typed, or else how many there are; only then `size` is asked."""
    if isinstance(page, SearchPage):
        return _found(page, noun)
    return _total(size(), noun)


def figure(size: Size) -> str:
    """Return a number of the overview: "312", or "10,000+" where counting has stopped."""
    return f"{size.rows:,}{'+' if size.is_estimated else ''}"


def _found(page: SearchPage[Any], noun: str) -> str:
    """Return "1 member matches", or what to do when there are too many."""
    if page.is_cut:
        return f"More than {MOST_FOUND:,} {noun}s match. Type more to find the one you mean."
    return f"{_counted(page.found, noun)} {'matches' if page.found == 1 else 'match'}"


def _total(size: Size, noun: str) -> str:
    """Return "1 member", "9,800 members" or "About 1.0 million members"."""
    if not size.is_estimated:
        return _counted(size.rows, noun)
    return f"About {_rounded(size.rows)} {noun}s"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rounded(number: int) -> str:
    """Return the number in two figures, as nobody knows it better: "12,000", "1.0 million"."""
    step = 10 ** (len(str(number)) - 2)
    rounded = round(number / step) * step
    return f"{rounded:,}" if rounded < MILLION else f"{rounded / MILLION:,.1f} million"
