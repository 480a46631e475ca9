"""Whether the site is there, for what watches over it: by plain words and a status."""

from http import HTTPStatus

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from app.storage import audit_chain
from app.storage.database import FAILURES
from app.web.application_context import reading, writing_probe


def live() -> ResponseReturnValue:
    """The process answers, whatever the database does: starting it anew would help nobody."""
    return _told("ok")


def ready() -> ResponseReturnValue:
    """The database answers, holds a trail, and takes what is written (F1, F2)."""
    try:
        with reading()() as db:
            audit_chain.head(db)
    except FAILURES as error:
        return _not_ready("the database does not answer", type(error).__name__)
    if problem := writing_probe().problem():
        return _not_ready("the database cannot be written to", problem)
    return _told("ready")


def _not_ready(words: str, why: str) -> ResponseReturnValue:
    current_app.logger.warning("the site is not ready: %s", why)
    return _told(words), HTTPStatus.SERVICE_UNAVAILABLE


def _told(words: str) -> Response:
    return Response(f"{words}\n", mimetype="text/plain")
