"""One refusal, many shapes: a page, a fragment for htmx, problem details, or a dialect's own."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, g, jsonify, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, ServiceUnavailable

from app.domain.audit_scan import Tampered
from app.domain.checkpoints import BadCheckpoint
from app.domain.errors import (
    Absent,
    Conflict,
    DomainError,
    Gone,
    Halted,
    Invalid,
    Refused,
    Reused,
    Throttled,
)
from app.storage.database import FAILURES
from app.storage.paging import BadCursor
from app.web import htmx, measuring
from app.web.authentication import FactorRequired, SignInRequired
from app.web.dialects import Dialect, Failure, asked_in
from app.web.protection import SAFE_METHODS

STATUS_OF = {
    Refused: 403,
    Absent: 404,
    Conflict: 409,
    Gone: 410,
    Halted: 409,
    Invalid: 422,
    Reused: 422,
    Throttled: 429,
}
API_PREFIX = "/api/"
RETRY_AFTER_SECONDS = 5

CSRF_FAILED = "This form has grown old, so nothing was done. Load the page again and repeat it."
NOT_RECORDED = "This cannot be recorded at the moment, so nothing was done. Try again shortly."
NOT_INTACT = "The audit trail is not what was recorded, so nothing of it is vouched for."
UNEXPECTED = "Something went wrong on our side. Nothing was changed."

log = logging.getLogger(__name__)


def install(app: Flask, dialects: Sequence[Dialect]) -> None:
    """Answer every exception in the asker's shape."""
    app.extensions["dialects"] = dialects
    for dialect in dialects:
        for kind in dialect.raises:
            app.register_error_handler(kind, partial(_own_error, dialect))
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(BadCursor, _bad_cursor)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(SignInRequired, _sign_in_required)
    app.register_error_handler(FactorRequired, _factor_required)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Tampered, _not_intact)
    app.register_error_handler(BadCheckpoint, _not_intact)
    for failure in FAILURES:
        app.register_error_handler(failure, _database_error)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, sentence: str, *, code: str, **members: object) -> Response:
    """Return RFC 9457 problem details; `members` are added to the standard ones."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": sentence}
    response = jsonify(body | {"code": code} | members)
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _answer(error: Exception, status: int, sentence: str, *, code: str = "error") -> Response:
    if dialect := asked_in():
        return dialect.answer(Failure(status, sentence, code, error))
    if request.path.startswith(API_PREFIX):
        return problem(status, sentence, code=code)
    template = "errors/_fragment.html" if htmx.wants_fragment() else "errors/page.html"
    page = render_template(template, status=status, sentence=sentence, request_id=g.request_id)
    return make_response(page, status)


def _own_error(dialect: Dialect, error: Exception) -> Response:
    return dialect.answer(Failure(BadRequest.code, str(error), "invalid", error))


def _domain_error(error: DomainError) -> Response:
    response = _answer(error, STATUS_OF[type(error)], error.sentence, code=error.code)
    if isinstance(error, Throttled):
        # The next whole second, so that whoever keeps to it is let in.
        response.headers["Retry-After"] = str(-(-error.retry_after // timedelta(seconds=1)))
    return response


def _bad_cursor(error: BadCursor) -> Response:
    return _answer(error, BadRequest.code, str(error), code="bad_cursor")


def _csrf_error(error: CSRFError) -> Response:
    return _answer(error, BadRequest.code, CSRF_FAILED, code="csrf")


def _sign_in_required(error: SignInRequired) -> Response:
    if request.path.startswith(API_PREFIX) or htmx.wants_fragment():
        # The page's script sees the 401, stops polling and offers the way back.
        return _answer(error, 401, str(error.description), code="sign_in")
    next_path = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return Response(status=303, headers={"Location": url_for("sign_in.new", next=next_path)})


def _factor_required(error: FactorRequired) -> Response:
    if request.path.startswith(API_PREFIX) or htmx.wants_fragment():
        return _answer(error, 403, str(error.description), code="factor")
    return Response(status=303, headers={"Location": url_for("enrolment.show")})


def _http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # noqa: PLR2004 - a redirect is no error
        return make_response(error.get_response())
    code = error.name.lower().replace(" ", "_")
    response = _answer(error, error.code, str(error.description), code=code)
    if error.code == 405:  # noqa: PLR2004
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _not_intact(error: Tampered | BadCheckpoint) -> Response:
    log.critical("the audit trail is not what it was: %s", error)
    return _answer(error, 409, f"{NOT_INTACT} {error}", code="not_intact")


def _database_error(error: Exception) -> Response:
    log.error("the database failed: %s", type(error).__name__, exc_info=error)
    if request.method not in SAFE_METHODS:
        measuring.NOT_RECORDED.inc()
    response = _answer(error, ServiceUnavailable.code, NOT_RECORDED, code="unavailable")
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error in request %s", g.request_id, exc_info=error)
    return _answer(error, InternalServerError.code, UNEXPECTED, code="unexpected")
