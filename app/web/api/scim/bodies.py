"""Reading what a pusher sends: JSON of a sensible shape, then what scim2-models makes of it."""

import json
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import ValidationError
from scim2_models import (
    BaseModel,
    Context,
    Error,
    InvalidSyntaxException,
    InvalidValueException,
    SCIMException,
)
from werkzeug.exceptions import UnsupportedMediaType

from app.storage.base import can_be_stored
from app.web.api.scim.errors import MEDIA_TYPE
from app.web.api.scim.resources import POLICY

Model = TypeVar("Model", bound=BaseModel)
MEDIA_TYPES = (MEDIA_TYPE, "application/json")
DEEPEST = 12


def payload() -> dict[str, Any]:
    """Return the request's JSON object; 415 for another media type, 400 for anything else."""
    if request.mimetype not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send a JSON object as {MEDIA_TYPE}.")
    try:
        body = json.loads(request.get_data(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidSyntaxException(detail="This is no JSON that could be read.") from error
    if not isinstance(body, dict):
        raise InvalidSyntaxException(detail="Send a JSON object.")
    _check(body)
    return body


def parse(model: type[Model], body: object, *, context: Context = Context.DEFAULT) -> Model:
    """Return what the JSON says; raise what is wrong with it as SCIM calls it."""
    try:
        return model.model_validate(body, scim_ctx=context, scim_policy=POLICY)
    except ValidationError as error:
        raise SCIMException.from_error(Error.from_validation_errors(error)[0]) from error


def of(message: Any, model: Any) -> Any:
    """Return the class of a message about resources of that class, known at run time alone."""
    return message[model]


def check_text(text: str) -> None:
    """Raise InvalidValueException for text that no database takes."""
    if not can_be_stored(text):
        raise InvalidValueException(detail="A text holds a zero byte or half a character.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check(body: dict[str, Any]) -> None:
    """Refuse what would be too deep or too odd for whoever walks through it later."""
    level: list[Any] = [body]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                check_text(value)
        level = below
    if level:
        raise InvalidSyntaxException(detail="The JSON is nested too deeply.")
