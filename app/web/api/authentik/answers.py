"""authentik's answers: an empty one, a page of a list, and errors as its clients know them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request

from app.domain.errors import Absent, Invalid
from app.domain.policies import Refusal
from app.web.authentication import APIKeyRequired
from app.web.dialects import Failure

PAGE_SIZE = 20
LARGEST_PAGE = 100
LONGEST_NUMBER = 9
NO_PAGE = "Invalid page."
# What its clients call these.
CODES = {403: "permission_denied", 429: "throttled"}
# What authentik refuses with a 401 that says nothing.
UNSAID = {Refusal.ONESELF, Refusal.ACCOUNT_OPTED_OUT, Refusal.ACCOUNT_SUSPENDED}


def empty(status: int = 204) -> Response:
    """Return an answer without a body, and so without a media type."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def moment(at: datetime) -> str:
    """Return a point in time as its clients read it, in whole seconds of UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def paged(count: int, read: Callable[[int, int], Sequence[dict[str, Any]]]) -> Response:
    """Return the page that the address asks for, of `count` rows.

    `read` is given how many rows lie before it and how many it may hold. Raises Absent for a page
    that there is not.
    """
    number = _number("page", default=1)
    size = min(_number("page_size", default=0) or PAGE_SIZE, LARGEST_PAGE)
    pages = max(1, -(-count // size))
    if not 1 <= number <= pages:
        raise Absent(NO_PAGE)
    before = (number - 1) * size
    pagination = {
        "next": number + 1 if number < pages else 0,
        "previous": number - 1,
        "count": count,
        "current": number,
        "total_pages": pages,
        "start_index": before + 1 if count else 0,
        "end_index": min(before + size, count),
    }
    return jsonify(pagination=pagination, results=read(before, size), autocomplete={})


def authentik_answer(failure: Failure) -> Response:
    """Return the error for what the rest of the site would answer with that status and code."""
    if failure.code in UNSAID:
        return empty(401)
    if isinstance(failure.error, Invalid):
        # There is no other field that anybody could fill in wrongly.
        return _json({"reason": [failure.sentence]}, 400)
    if isinstance(failure.error, APIKeyRequired):
        return _json({"detail": failure.sentence, "code": "authentication_failed"}, 403)
    status, code = failure.status, CODES.get(failure.status, failure.code)
    return _json({"detail": failure.sentence, "code": code}, status)


def _json(body: dict[str, Any], status: int) -> Response:
    response = jsonify(body)
    response.status_code = status
    return response


def _number(name: str, *, default: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    plain = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if plain else 0
