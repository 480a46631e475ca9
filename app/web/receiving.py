"""Having the whole of a request before anybody has to wait for it."""

import logging

from flask import request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

log = logging.getLogger(__name__)

# So much of a body that is too large is thrown away, so that whoever sends it can read why.
MOST_DRAINED = 32 * 1024 * 1024
PIECE = 64 * 1024


def receive() -> None:
    """Read the body, which whatever reads it later finds there.

    A stranger may send one as slowly as they like, and whoever writes keeps others from writing.
    Raises RequestEntityTooLarge, and BadRequest for one that cannot be read.
    """
    try:
        data = request.get_data()
        # Of one whose length nobody has said there may be more.
        if request.content_length is None and len(data) == request.max_content_length:
            raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        _drain()
        raise
    except HTTPException:
        raise
    except Exception as error:
        # Each server has errors of its own for a body that breaks off, or whose chunks are none.
        raise BadRequest("The body cannot be read.") from error


def _drain() -> None:
    stream, left = request.environ["wsgi.input"], MOST_DRAINED
    try:
        while left > 0 and (piece := stream.read(PIECE)):
            left -= len(piece)
    except Exception:
        # Whoever sends it has gone, and is not told anything any more.
        log.info("a body that was too large was not read to its end")
