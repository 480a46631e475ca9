"""What a request's body names, as OAuth clients send it: in a form or in JSON."""

from typing import Any
from urllib.parse import parse_qsl

from flask import request
from werkzeug.exceptions import BadRequest

from app.web.json_text import read_json


def parameters() -> dict[str, Any]:
    """Return what the body names: of a JSON object any values, of a form texts.

    Its bytes tell which it is, as published clients send either under the other's media type.
    Raises BadRequest for what is neither, and for a form that names something twice (RFC 6749,
    3.2).
    """
    data = request.get_data().strip()
    if data.startswith((b"{", b"[", b'"')):
        value = read_json(data)
        if not isinstance(value, dict):
            raise BadRequest("The body is neither a form nor a JSON object.")
        return value
    return _form(data)


def _form(data: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True)
    except ValueError as error:
        raise BadRequest("The body is neither a form nor a JSON object.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise BadRequest("The form names something twice.")
    return form
