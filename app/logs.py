"""What the processes print: a JSON object a line in production, plain lines in the demo.

The standard library does: everything here logs through it, and so do the libraries, and JSON in
ASCII escapes whatever could begin a line of its own or move a terminal.
"""

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

PLAIN = "%(name)s: %(message)s"
# PostgreSQL repeats there the row that it refuses, names and addresses included.
REPEATED_ROW = re.compile(r"\n(?:DETAIL|CONTEXT):.*?(?=\n\[SQL: |\n\nThe above |\Z)", re.DOTALL)


class JsonLines(logging.Formatter):
    """Each record as one line of ASCII that can be printed, whatever it holds (X4).

    `process` says who is speaking, and `request_id` on which request's behalf.
    """

    def __init__(self, process: str, request_id: Callable[[], str | None] = lambda: None) -> None:
        super().__init__()
        self._process = process
        self._request_id = request_id

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": _without_rows(record.getMessage()),
        }
        if request_id := self._request_id():
            fields["request_id"] = request_id
        fields |= getattr(record, "fields", {})
        if record.exc_info:
            fields["error"] = _without_rows(self.formatException(record.exc_info))
        # The one control character that JSON leaves as it is.
        return json.dumps(fields).replace("\x7f", "\\u007f")


def set_up(
    process: str, *, as_json: bool, request_id: Callable[[], str | None] = lambda: None
) -> None:
    """Let this process print what it logs to its standard error."""
    plain = logging.Formatter(PLAIN)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(process, request_id) if as_json else plain)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Whoever looks at the demo does not want to read of every poll.
    logging.getLogger("understudy.requests").setLevel(logging.INFO if as_json else logging.ERROR)


def _without_rows(text: str) -> str:
    return REPEATED_ROW.sub("", text)
