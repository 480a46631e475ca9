"""Every refusal and failure, as a page in the product's own words."""

from http import HTTPStatus

from flask import Flask, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.product import sign_in
from app.product.people import impersonation

WORDS = {
    HTTPStatus.BAD_REQUEST: ("That did not work", "Letterbox could not read this request."),
    HTTPStatus.UNAUTHORIZED: (
        "This member cannot be used",
        "The member or the account is no longer active, so there is nothing to see here.",
    ),
    HTTPStatus.FORBIDDEN: ("Not allowed", "You may not do this."),
    HTTPStatus.NOT_FOUND: (
        "Page not found",
        "There is nothing at this address. It may have been deleted, or the link is wrong.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "That did not work",
        "This address cannot be used in this way.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("Too much text", "The form holds more than we can take."),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something broke",
        "This is our fault, not yours. Nothing was changed. Please try again in a moment.",
    ),
}
FORGED = (
    "This form is too old, or your browser did not keep our cookie. Go back, reload, try again."
)
# Where the one who raised the error has something better to say than the table.
SPEAKING = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)


def register(app: Flask) -> None:
    app.register_error_handler(CSRFError, _show_forgery)
    app.register_error_handler(HTTPException, show)


def show(error: HTTPException) -> ResponseReturnValue:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status < HTTPStatus.BAD_REQUEST:
        return error
    if status == HTTPStatus.UNAUTHORIZED and impersonation() is None:
        return sign_in.show_in_place()
    title, sentence = WORDS.get(status, (status.phrase, status.description))
    if status in SPEAKING and error.description != type(error).description:
        sentence = error.description or sentence
    response = _page(status, title, sentence)
    if allow := error.get_response().headers.get("Allow"):
        response.headers["Allow"] = allow
    return response


def _show_forgery(_error: CSRFError) -> Response:
    return _page(HTTPStatus.BAD_REQUEST, WORDS[HTTPStatus.BAD_REQUEST][0], FORGED)


def _page(status: HTTPStatus, title: str, sentence: str) -> Response:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The page of a failure must not ask the database who is looking: that may fail again.
        g.visitor = None
    page = render_template(
        "errors/show.html", title=title, sentence=sentence, status=status, path=request.path
    )
    return make_response(page, status)
