"""Whether the site is there, for what watches over it: by plain words and a status."""

from http import HTTPStatus

from flask import Response, current_app
from flask.typing import ResponseReturnValue

from app.storage import audit_chain
from app.storage.database import FAILURES
from app.web.application_context import reading


def live() -> ResponseReturnValue:
    """The process answers, whatever the database does: starting it anew would help nobody."""
    return _told("ok")


def ready() -> ResponseReturnValue:
    """The database answers, and holds a trail."""
    try:
        with reading()() as db:
            audit_chain.head(db)
    except FAILURES as error:
        current_app.logger.warning("the site is not ready: %s", type(error).__name__)
        return _told("the database does not answer"), HTTPStatus.SERVICE_UNAVAILABLE
    return _told("ready")


def _told(words: str) -> Response:
    return Response(f"{words}\n", mimetype="text/plain")
