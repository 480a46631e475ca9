"""Searching by what one remembers of a name or an address, the likeliest first.

First comes whom the text names exactly, then who has words that begin with the words that were
typed, then who has them anywhere within. At most MOST_FOUND are taken; sorting is of those.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from app.storage import search_index
from app.storage.base import Base, can_be_stored
from app.storage.folding import fold, words_of
from app.storage.paging import INCOMPLETE, PAGE_SIZE, BadCursor, Cursor, Page
from app.storage.search_index import TRIGRAM

MOST_FOUND = 500
MOST_IDS = 20
LAST_LETTER = "\U0010ffff"

FoundRow = TypeVar("FoundRow")
# How well it fits, its key for sorting, its id: by these the found are sorted.
Candidate = tuple[int, str, str]


@dataclass(frozen=True)
class SearchPage(Page[FoundRow]):
    """One page of what was found: `found` rows, or the best of more when it `is_cut`."""

    found: int
    is_cut: bool


@dataclass(frozen=True)
class Found:
    """What was found: the ids of one page, and what else there is to say about it."""

    ids: Sequence[str]
    next: Cursor | None
    previous: Cursor | None
    found: int
    is_cut: bool

    def read(self, load: Callable[[Sequence[str]], Iterable[FoundRow]]) -> SearchPage[FoundRow]:
        """Return the page with the rows that `load` returns for the ids, in whatever order."""
        loaded: Iterable[Any] = load(self.ids) if self.ids else ()
        rows = {row.id: row for row in loaded}
        return SearchPage(
            rows=[rows[id_] for id_ in self.ids if id_ in rows],
            next=self.next,
            previous=self.previous,
            found=self.found,
            is_cut=self.is_cut,
        )


def search(
    db: Session,
    kind: type[Base],
    *,
    text: str,
    cursor: Cursor | None,
    exact: Sequence[ColumnElement[bool]],
    account_id: str | None = None,
    size: int = PAGE_SIZE,
) -> Found:
    """Return the page at `cursor` of the rows with all words of `text`, best first.

    `exact` are the conditions, each with an index of its own, of the rows that `text` names;
    `account_id` keeps to one account, or to what belongs to it. Raises BadCursor for the cursor of
    another list.
    """
    place = _place(cursor)
    ordered = sorted(_candidates(db, kind, text, exact, account_id).values())
    is_cut = len(ordered) > MOST_FOUND
    ordered = ordered[:MOST_FOUND]
    if cursor is not None and cursor.before:
        end = bisect_left(ordered, place)
        start = max(0, end - size)
    else:
        start = bisect_right(ordered, place) if cursor is not None else 0
        end = start + size
    shown = ordered[start:end]
    return Found(
        ids=[id_ for _, _, id_ in shown],
        next=Cursor(shown[-1]) if shown and end < len(ordered) else None,
        previous=Cursor(shown[0], before=True) if shown and start else None,
        found=len(ordered),
        is_cut=is_cut,
    )


def ids_in(text: str) -> list[str]:
    """Return what could be the id of a row: all of `text`, or a part of it if it is an address."""
    parts = [text.strip()]
    if "/" in text:
        parts += re.split(r"[\s/?#&=]+", unquote(text))[:MOST_IDS]
    ids = dict.fromkeys(one for part in parts for one in (part, part.lower()))
    return [one for one in ids if one and can_be_stored(one)]


def _candidates(
    db: Session,
    kind: type[Base],
    text: str,
    exact: Sequence[ColumnElement[bool]],
    account_id: str | None,
) -> dict[str, Candidate]:
    """Return who fits, by id; when there are more than MOST_FOUND, one more than that at least."""
    columns: Any = kind.__table__.c
    within = columns.get("account_id", columns.id)
    limit, found = MOST_FOUND + 1, dict[str, Candidate]()

    def add(rank: int, query: Select[Any]) -> None:
        if account_id is not None:
            query = query.where(within == account_id)
        for id_, sort_key in db.execute(query.limit(limit)):
            found.setdefault(id_, (rank, sort_key, id_))

    query = select(columns.id, columns.sort_key)
    for condition in exact:
        add(0, query.where(condition))
    words, name = list(dict.fromkeys(words_of(text))), fold(text).strip()
    if words:
        # A short beginning fits so many that the index of trigrams would give any of them.
        beginning = columns.sort_key.between(name, f"{name}{LAST_LETTER}")
        add(1, query.where(beginning).order_by(columns.sort_key, columns.id))
        if len(found) < limit:
            for id_, sort_key, is_best in _holding(db, kind, words, account_id, limit):
                found.setdefault(id_, (1 if is_best else 2, sort_key, id_))
    return found


def _holding(
    db: Session, kind: type[Base], words: list[str], account_id: str | None, limit: int
) -> Sequence[tuple[str, str, bool]]:
    """Return at most `limit` rows that have all words, and whether each of them begins one."""
    beginnings = tuple(f"  {word}" for word in words)
    # One or two letters are no trigram: they begin a word.
    inside = tuple(word if len(word) >= TRIGRAM else f"  {word}" for word in words)
    wanted = [inside]
    if len(words) > 1 and len(words[0]) < TRIGRAM:
        # Or they end one, and the next word follows: "ia sonder".
        wanted.append(("  ".join(words),))
    search_index.prepare(db)
    return search_index.holding(
        db, kind.__tablename__, wanted, best=beginnings, account_id=account_id, limit=limit
    )


def _place(cursor: Cursor | None) -> Candidate:
    if cursor is None:
        return (0, "", "")
    match cursor.keys:
        case (int() as rank, str() as sort_key, str() as id_):
            return rank, sort_key, id_
    raise BadCursor(INCOMPLETE)
