"""Reading what the route table marks as recorded: it is noted in the trail before it is shown."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response, g, request
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain import audit_reading
from app.domain.audit_filters import given_in
from app.domain.audit_reading import Reader
from app.storage.api_keys import APIKey
from app.web import authentication
from app.web.provenance import provenance
from app.web.routing import Route


@dataclass(frozen=True)
class Reading:
    """Who reads which page, and by which filters. Another page of one list is the same."""

    reader: Reader
    page: str
    filters: str


def unrecorded(route: Route | None, answer: Response) -> Reading | None:
    """Return what the answer gives to read, None if that is nothing or recorded already."""
    if route is None or not route.recorded or answer.status_code != HTTPStatus.OK:
        return None
    reading = Reading(_reader(), request.path, _filters() if route.filtered else "")
    is_recorded = audit_reading.is_recorded(
        g.db, page=reading.page, filters=reading.filters, reader=reading.reader, now=g.now
    )
    return None if is_recorded else reading


def _reader() -> Reader:
    key: APIKey | None = g.get("api_key")
    if key is None:
        return Reader(current_user.id)
    return Reader(key.admin_id, through=key.title, account_id=key.account_id)


def _filters() -> str:
    """Return the filters that the page knows, as they are used, uncut.

    What else stands in the address shows nothing, and could hide them. None of them is long: the
    page refuses those.
    """
    given = given_in(request.args)
    return urlencode([(name, given[name]) for name in sorted(given) if given[name]])


def record(db: Session, reading: Reading) -> None:
    """Record the reading of whoever is asking."""
    # Others may have held the lock: the time of an event is when it is its turn.
    db.connection()
    audit_reading.record(
        db,
        page=reading.page,
        filters=reading.filters,
        reader=reading.reader,
        provenance=provenance(),
        now=authentication.clock(),
    )
