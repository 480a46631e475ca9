"""How an OAuth client proves which API key is its own: by the key's id and its secret."""

from collections.abc import Iterator
from urllib.parse import unquote_plus

from flask import g, request

from app.domain import api_keys
from app.storage.api_keys import APIKey
from app.web.parameters import parameters


def client_key() -> APIKey | None:
    """Return the good key of the client that asks, None for nobody.

    RFC 6749, 2.3.1: by Basic, or by `client_id` and `client_secret` in the body. Raises BadRequest
    for a body that cannot be read.
    """
    found = (api_keys.find_client(g.db, *pair, now=g.now) for pair in _pairs())
    return next((key for key in found if key is not None), None)


def _pairs() -> Iterator[tuple[str, str]]:
    basic = _basic()
    if basic is None:
        sent = parameters()
        pair = sent.get("client_id"), sent.get("client_secret")
        if isinstance(pair[0], str) and isinstance(pair[1], str):
            yield pair[0], pair[1]
        return
    yield basic
    # The RFC wants both form-encoded first; only some clients do that.
    yield unquote_plus(basic[0]), unquote_plus(basic[1])


def _basic() -> tuple[str, str] | None:
    try:
        sent = request.authorization
    except ValueError:
        # Werkzeug does not expect other characters than base64 may have.
        return None
    if sent is None or sent.type != "basic":
        return None
    return sent.username or "", sent.password or ""
