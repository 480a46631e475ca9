"""OAuth's one shape of an error: a code for programs and a description for people."""

from collections.abc import Mapping

from flask import Response, jsonify

from app.domain.errors import Invalid
from app.web.dialects import Failure

BAD_REQUEST = 400
CODES = {
    400: "invalid_request",
    413: "invalid_request",
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}


def error(status: int, code: str, description: str) -> Response:
    """Return an error as RFC 6749, 5.2, spells it; `status` is the HTTP status."""
    response = jsonify(error=code, error_description=description)
    response.status_code = status
    return response


def answer(failure: Failure, codes: Mapping[int, str]) -> Response:
    """Return the failure as an error; `codes` are those of one dialect, by HTTP status."""
    # What a value may be is said with 422 elsewhere.
    status = BAD_REQUEST if isinstance(failure.error, Invalid) else failure.status
    code = codes.get(status) or CODES.get(status) or failure.code
    return error(status, code, failure.sentence)
