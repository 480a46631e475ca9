"""The description of `/api/v1`, in OpenAPI 3.1: a file for people and programs alike.

It is written by hand, since what is written for a reader reads best; the tests hold it to the
routes, to the code's own lists of names, and to what is really answered.
"""

from pathlib import Path

from flask import Response
from flask.typing import ResponseReturnValue

DOCUMENT = Path(__file__).with_suffix(".json").read_bytes()


def show() -> ResponseReturnValue:
    """The document. Strangers need not know what there is to be tried (D1)."""
    return Response(DOCUMENT, mimetype="application/json")
