"""What Letterbox prints in production: a JSON object a line, with the id of the request."""

import json
import logging
import uuid
from datetime import UTC, datetime

from flask import Flask, Response, g, has_request_context, request

from app.kit.impersonation import REQUEST_ID_KEY

log = logging.getLogger("letterbox.requests")


class JsonLines(logging.Formatter):
    """Each record as one line of ASCII that can be printed, whatever it holds."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": "product",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            fields["request_id"] = _request_id()
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields).replace("\x7f", "\\u007f")


def set_up() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def register(app: Flask) -> None:
    """Tell each request by its route: its address and its query may hold people's names."""

    @app.after_request
    def tell(response: Response) -> Response:
        response.headers["X-Request-ID"] = _request_id()
        if request.endpoint != "static":
            route = request.url_rule.rule if request.url_rule else "none"
            log.info("%s %s %d", request.method, route, response.status_code)
        return response


def _request_id() -> str:
    """Under impersonation it is the id in the audit trail."""
    if "request_id" not in g:
        g.request_id = request.environ.get(REQUEST_ID_KEY) or uuid.uuid4().hex
    request_id: str = g.request_id
    return request_id
