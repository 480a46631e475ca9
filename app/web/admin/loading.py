"""Loading the row that an address names, or answering that there is none (A10)."""

from typing import TypeVar

from flask import g, request
from werkzeug.exceptions import NotFound

from app.storage.base import Base

Row = TypeVar("Row", bound=Base)


def load_or_404(kind: type[Row], row_id: str) -> Row:
    """Return the row of that kind and id; the same 404 whether it is missing or malformed."""
    row: Row | None = g.db.get(kind, row_id)
    if row is None:
        raise NotFound("There is nothing here, or not any more.")
    return row


def search_text() -> str:
    """Return what was typed into the search box, cut to a length somebody would type."""
    return request.args.get("q", "").replace("\0", "").strip()[:200]
