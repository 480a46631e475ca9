"""Lists for programs: a page at a time, from a cursor that nobody but we can have made."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, request
from itsdangerous import BadData, URLSafeSerializer

from app.domain.errors import Invalid
from app.storage.base import can_be_stored
from app.storage.paging import PAGE_SIZE, BadCursor, Cursor, Page
from app.web.application_context import settings

LARGEST_PAGE = 200
LONGEST = 200
NOT_OURS = "This cursor is not one that this list has given, with these filters."


@dataclass(frozen=True)
class Asked:
    """What a list was asked for: its filters by name, the place to go on from, how many rows."""

    filters: dict[str, str]
    cursor: Cursor | None
    size: int

    def answer(self, noun: str, page: Page[Any], rows: list[dict[str, Any]]) -> Response:
        """Return the rows of the page under their noun, and the cursor of the next page."""
        after = _cursors(self.filters).dumps(page.next.keys) if page.next else None
        return jsonify({noun: rows, "next_cursor": after})


def asked(*filters: str) -> Asked:
    """Return what this request asks of a list that has these filters.

    Raises Invalid for another parameter and for an empty filter, as a slip in a script must not
    show it everything, and BadCursor for a cursor that is none of this list.
    """
    given = _parameters({*filters, "cursor", "limit"})
    cursor, limit = given.pop("cursor", ""), given.pop("limit", str(PAGE_SIZE))
    for name, value in given.items():
        if not 0 < len(value) <= LONGEST or not can_be_stored(value):
            raise Invalid(f"{name} must be a text of 1 to {LONGEST} characters.")
    return Asked(given, _cursor(cursor, given), _size(limit))


def _parameters(known: set[str]) -> dict[str, str]:
    given = {}
    for name, values in request.args.lists():
        if name not in known:
            raise Invalid(f"There is no such parameter; there are {', '.join(sorted(known))}.")
        if len(values) > 1:
            raise Invalid(f"{name} must be given once.")
        given[name] = values[0].strip()
    return given


def _size(limit: str) -> int:
    is_number = limit.isascii() and limit.isdigit() and len(limit) <= len(str(LARGEST_PAGE))
    if not is_number or not 1 <= int(limit) <= LARGEST_PAGE:
        raise Invalid(f"limit must be a whole number from 1 to {LARGEST_PAGE}.")
    return int(limit)


def _cursor(sealed: str, filters: dict[str, str]) -> Cursor | None:
    if not sealed:
        return None
    try:
        return Cursor(tuple(_cursors(filters).loads(sealed)))
    except BadData as error:
        raise BadCursor(NOT_OURS) from error


def _cursors(filters: dict[str, str]) -> URLSafeSerializer:
    # A place in one list means nothing in another, nor with other filters.
    salt = f"cursor {request.path}?{urlencode(sorted(filters.items()))}"
    return URLSafeSerializer(settings().secret_key, salt=salt)
