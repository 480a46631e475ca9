"""Reading what the route table marks as recorded: it is noted in the trail before it is shown."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Response, g, request
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain import audit_reading
from app.storage.admins import Admin
from app.web import authentication
from app.web.pagination import PARAMETER
from app.web.provenance import provenance
from app.web.routing import Route

LONGEST_FILTERS = 1000


@dataclass(frozen=True)
class Reading:
    """Which page somebody reads, and by which filters. Another page of one list is the same."""

    page: str
    filters: str


def unrecorded(route: Route | None, answer: Response) -> Reading | None:
    """Return what the answer gives to read, None if that is nothing or recorded already."""
    if route is None or not route.recorded or answer.status_code != HTTPStatus.OK:
        return None
    filters = sorted((name, value) for name, value in request.args.items() if name != PARAMETER)
    filled = urlencode([(name, value) for name, value in filters if value])
    reading = Reading(request.path, filled[:LONGEST_FILTERS])
    is_recorded = audit_reading.is_recorded(
        g.db, page=reading.page, filters=reading.filters, reader_id=current_user.id, now=g.now
    )
    return None if is_recorded else reading


def record(db: Session, reading: Reading) -> None:
    """Record the reading of whoever is asking."""
    # Others may have held the lock: the time of an event is when it is its turn.
    db.connection()
    audit_reading.record(
        db,
        page=reading.page,
        filters=reading.filters,
        reader=db.get_one(Admin, current_user.id),
        provenance=provenance(),
        now=authentication.clock(),
    )
