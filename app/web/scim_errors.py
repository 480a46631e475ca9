"""Errors as SCIM has them (RFC 7644, 3.12), for everything under its prefix."""

from flask import Flask, Response, request
from scim2_models import Error, SCIMException

PREFIX = "/scim/"
MEDIA_TYPE = "application/scim+json"
LONGEST_DETAIL = 500
# What a value may be is said with 422 elsewhere, which SCIM does not know.
STATUS_OF = {422: 400}
TYPE_OF = {"invalid": "invalidValue", "conflict": "uniqueness", "bad_request": "invalidSyntax"}


def install(app: Flask) -> None:
    """Answer what scim2-models raises."""
    app.register_error_handler(
        SCIMException, lambda error: scim_error(error.status, error.detail, error.scim_type)
    )


def asks_for_scim() -> bool:
    """Whether this request is one of SCIM's."""
    return request.path.startswith(PREFIX)


def scim_error(status: int, detail: str, scim_type: str | None = None) -> Response:
    """Return the error; a detail may repeat what was sent, so it is cut."""
    error = Error(status=status, scim_type=scim_type or None, detail=detail[:LONGEST_DETAIL])
    response = Response(error.model_dump_json(), status, mimetype=MEDIA_TYPE)
    if status == 401:  # noqa: PLR2004 - the one status that needs its challenge
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def scim_answer(status: int, sentence: str, code: str) -> Response:
    """Return the error for what the rest of the site would answer with that status and code."""
    return scim_error(STATUS_OF.get(status, status), sentence, TYPE_OF.get(code))
