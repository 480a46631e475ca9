"""Reading JSON of unknown origin: what no database could keep, and what is none, is refused."""

import json
import math
from typing import Any, NoReturn

from werkzeug.exceptions import BadRequest

from app.storage.base import can_be_stored


def read_json(data: bytes | str) -> Any:
    """Return the JSON value; raise BadRequest for what is none, or could not be kept as text."""
    try:
        value = json.loads(data, parse_constant=_no_number, parse_float=_finite)
        _check_text(value)
    except RecursionError as error:
        raise BadRequest("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise BadRequest("The body is not JSON.") from error
    return value


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number} is too large")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_text(value: Any) -> None:
    if isinstance(value, str) and not can_be_stored(value):
        raise BadRequest("The JSON spells a character that is none.")
    if isinstance(value, dict):
        for name in value:
            _check_text(name)
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            _check_text(one)
