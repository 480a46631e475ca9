"""Errors as SCIM has them (RFC 7644, 3.12), for everything under its prefix."""

from flask import Response
from scim2_models import Error, SCIMException

from app.web.dialects import Failure

MEDIA_TYPE = "application/scim+json"
LONGEST_DETAIL = 500
# What a value may be is said with 422 elsewhere, which SCIM does not know.
STATUS_OF = {422: 400}
TYPE_OF = {"invalid": "invalidValue", "conflict": "uniqueness", "bad_request": "invalidSyntax"}


def scim_answer(failure: Failure) -> Response:
    """Return the error for what the rest of the site would answer with that status and code."""
    error = failure.error
    if isinstance(error, SCIMException):
        return _scim_error(error.status, error.detail, error.scim_type)
    status = STATUS_OF.get(failure.status, failure.status)
    return _scim_error(status, failure.sentence, TYPE_OF.get(failure.code))


def _scim_error(status: int, detail: str, scim_type: str | None = None) -> Response:
    # A detail may repeat what was sent, so it is cut.
    error = Error(status=status, scim_type=scim_type or None, detail=detail[:LONGEST_DETAIL])
    response = Response(error.model_dump_json(), status, mimetype=MEDIA_TYPE)
    if status == 401:  # noqa: PLR2004 - the one status that needs its challenge
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
