"""Answers of SCIM: resources with their version, and whether the asker's version still holds."""

from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from scim2_models import BaseModel, Context, PreconditionFailedException, ResponseParameters
from werkzeug.http import unquote_etag

from app.web.api.scim.bodies import of, parse
from app.web.api.scim.errors import MEDIA_TYPE

CHANGED = "The resource has changed since. Read it again."


def answer(
    message: BaseModel,
    status: int = 200,
    *,
    context: Context = Context.RESOURCE_QUERY_RESPONSE,
    parameters: ResponseParameters[Any] | None = None,
) -> Response:
    """Return the message as SCIM's JSON, with what was asked of it."""
    text = message.model_dump_json(scim_ctx=context, response_parameters=parameters)
    return Response(text, status, mimetype=MEDIA_TYPE)


def resource(found: Any, status: int = 200, *, parameters: ResponseParameters[Any]) -> Response:
    """Return the resource with its address and its version (RFC 7644, 3.14)."""
    response = answer(found, status, parameters=parameters)
    response.headers["Location" if status == 201 else "Content-Location"] = found.meta.location  # noqa: PLR2004
    response.headers["ETag"] = found.meta.version
    return response


def unchanged(found: Any) -> ResponseReturnValue | None:
    """Return 304 for whoever has this version already."""
    if not request.if_none_match.contains_weak(_tag(found)):
        return None
    return Response(status=304, headers={"ETag": found.meta.version})


def check_version(found: Any) -> None:
    """Raise 412 unless this is the version that the asker means to change."""
    # Versions are weak, and SCIM compares them nevertheless.
    if request.if_match and not request.if_match.contains_weak(_tag(found)):
        raise PreconditionFailedException(detail=CHANGED)


def parameters_of(model: Any) -> ResponseParameters[Any]:
    """Return which attributes the address asks for."""
    parameters: ResponseParameters[Any] = parse(
        of(ResponseParameters, model), request.args.to_dict()
    )
    return parameters


def _tag(found: Any) -> str:
    return str(unquote_etag(found.meta.version)[0])
