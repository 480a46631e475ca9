"""Page by page: the place in the list that an address names, and the addresses beside it."""

from typing import Any
from urllib.parse import urlencode

from flask import request

from app.storage.paging import Cursor, Page

PARAMETER = "at"


def cursor() -> Cursor | None:
    """Return the place in the list that the address names; None for its beginning."""
    return Cursor.parse(request.args.get(PARAMETER))


def paged(page: Page[Any]) -> dict[str, Any]:
    """Return what a template needs to show the page and to lead to its neighbours."""
    return {
        "page": page,
        "next_url": _url_at(page.next),
        "previous_url": _url_at(page.previous),
    }


def _url_at(place: Cursor | None) -> str | None:
    if place is None:
        return None
    # By hand, since url_for would take a parameter such as _scheme for an order to itself.
    filters = [(name, value) for name, value in request.args.items() if value and name != PARAMETER]
    return f"{request.path}?{urlencode([*filters, (PARAMETER, str(place))])}"
