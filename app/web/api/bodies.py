"""Reading JSON bodies: each field by name and kind, with an answer that names what is wrong."""

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.domain.errors import Invalid
from app.storage.base import can_be_stored
from app.web.json_text import read_json

TEXT_LENGTH = 8192


def json_object(*names: str) -> dict[str, Any]:
    """Return the request's JSON object; 415 for another media type, 400 for anything else.

    Raises Invalid when it has a field that is none of `names`: who sends more means more than is
    done, such as another person to do it for (X6, ASVS V15.3.3).
    """
    if not request.is_json:
        raise UnsupportedMediaType("Send a JSON object as application/json.")
    try:
        body = request.get_json()
    except RecursionError as error:
        raise BadRequest("The JSON is nested too deeply.") from error
    if not isinstance(body, dict):
        raise BadRequest("Send a JSON object.")
    if not body.keys() <= set(names):
        raise Invalid(f"There is no such field; there are {', '.join(names) or 'none'}.")
    return body


def check_empty() -> None:
    """Raise Invalid when a request that needs no body has fields in one; no body is as good."""
    if request.get_data():
        json_object()


def json_value() -> Any:
    """Return the JSON value that the body's bytes are, whatever media type they claim to be.

    Raises BadRequest for what is none, or what could not be kept as text.
    """
    return read_json(request.get_data())


def text(body: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """Return the text in the field `name`; raise Invalid when it is missing and has no default."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or len(value) > TEXT_LENGTH or not can_be_stored(value):
        raise Invalid(f"{name} must be a text.")
    return value


def flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """Return whether the field `name` is true; raise Invalid for what is neither true nor false."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Invalid(f"{name} must be true or false.")
    return value


def number(body: dict[str, Any], name: str, *, most: int) -> int:
    """Return the whole number in the field `name`, from 0 to `most`; raise Invalid for others."""
    value = body.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise Invalid(f"{name} must be a whole number from 0 to {most}.")
    return value
