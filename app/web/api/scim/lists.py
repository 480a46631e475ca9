"""Lists: a page by its number, as RFC 7644 has it, or after a cursor, as RFC 9865 has it.

A page by number costs what all before it cost, so numbers end at 10,000 and whoever has more than
that to read takes cursors. Totals are counted as far as that, too: one of 10,001 means that many
or more, and a cursor's is left out then.
"""

from typing import Any

from flask import g
from scim2_models import (
    InvalidCursorException,
    ListResponse,
    Resource,
    SearchRequest,
    TooManyException,
)
from sqlalchemy import select

from app.storage import pushed
from app.storage.paging import BadCursor, Cursor, page
from app.web.api.scim.bodies import check_text, of
from app.web.api.scim.filters import Condition, condition_of
from app.web.api.scim.kinds import Kind

PAGE_SIZE = 100
LARGEST_PAGE = 200
LAST_NUMBER = 10_000
USE_A_CURSOR = f"Pages by number end at {LAST_NUMBER:,} results. Ask with cursor= for all of them."


def list_of(kind: Kind[Any], search: SearchRequest[Resource[Any]]) -> ListResponse[Resource[Any]]:
    """Return the page that was asked for."""
    size = PAGE_SIZE if search.count is None else min(search.count, LARGEST_PAGE)
    row, where = kind.row, condition_of(search.filter, kind.attributes)
    query = select(row).where(where, row.removed_at.is_(None))
    if search.cursor is not None:
        return _by_cursor(kind, search, query, size=size, total=_total(kind, where))
    start = search.start_index or 1
    if start > LAST_NUMBER:
        raise TooManyException(detail=USE_A_CURSOR)
    rows = g.db.scalars(query.order_by(row.id).offset(start - 1).limit(size)).all()
    # What the page has answered already is not read a second time.
    is_last = len(rows) < size and (rows or start == 1)
    total = start - 1 + len(rows) if is_last else _total(kind, where)
    return _list(kind, rows, total_results=total, start_index=start)


def _total(kind: Kind[Any], where: Condition) -> int:
    return pushed.count_up_to(g.db, kind.row, where, most=LAST_NUMBER + 1)


def _by_cursor(
    kind: Kind[Any], search: SearchRequest[Resource[Any]], query: Any, *, size: int, total: int
) -> ListResponse[Resource[Any]]:
    order = (kind.row.id,)
    try:
        check_text(search.cursor or "")
        found = page(
            g.db, query, order=order, cursor=Cursor.parse(search.cursor), size=max(size, 1)
        )
    except BadCursor as error:
        raise InvalidCursorException from error
    return _list(
        kind,
        found.rows if size else [],
        total_results=total if total <= LAST_NUMBER else None,
        next_cursor=str(found.next) if found.next and size else None,
        previous_cursor=str(found.previous) if found.previous and size else None,
    )


def _list(kind: Kind[Any], rows: Any, **members: Any) -> ListResponse[Resource[Any]]:
    resources = [kind.resource_of(row) for row in rows]
    listed: ListResponse[Resource[Any]] = of(ListResponse, kind.model)(
        resources=resources, items_per_page=len(resources), **members
    )
    return listed
