"""The Idempotency-Key header: whoever repeats a request says that it is the same.

After draft-ietf-httpapi-idempotency-key-header-07; a key counts for one API key and one admin.
"""

import re

from flask import request
from werkzeug.exceptions import BadRequest

from app.domain.secrets import hash_secret
from app.web.api import programs

HEADER = "Idempotency-Key"
# The draft has it in quotes, most clients send it without.
KEY = re.compile(r'"([A-Za-z0-9._~:/+=-]{1,200})"|([A-Za-z0-9._~:/+=-]{1,200})')
MALFORMED = f"{HEADER} must be 1 to 200 letters, digits or ._~:/+=- such as a UUID."


def form_key() -> str | None:
    """Return what names this request among the starts of its API key; None without the header.

    Raises BadRequest for a malformed one.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    match = KEY.fullmatch(given)
    if match is None:
        raise BadRequest(MALFORMED)
    # It is longer than any form's can be, so that neither is taken for the other.
    return f"{programs.api_key().id} {hash_secret(match[1] or match[2])}"
