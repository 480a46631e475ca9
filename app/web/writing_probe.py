"""Whether the database can be written to, tried seldom enough that asking is no attack."""

import threading
import time

from app.storage.database import FAILURES, Database

AT_MOST_EVERY_SECONDS = 1.0


class WritingProbe:
    """Writes once a second at most, however many ask this process, and remembers how it went.

    The seconds are those of a clock that nobody sets.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._tried_at: float | None = None
        self._problem = "not tried yet"

    def problem(self) -> str:
        """Return what kept the last try from being written, empty for nothing."""
        # While somebody tries, the others are told of the last time.
        if self._lock.acquire(blocking=False):
            try:
                self._try()
            finally:
                self._lock.release()
        return self._problem

    def _try(self) -> None:
        now = time.monotonic()
        if self._tried_at is not None and now - self._tried_at < AT_MOST_EVERY_SECONDS:
            return
        try:
            self._database.try_writing()
            self._problem = ""
        except FAILURES as error:
            self._problem = type(error).__name__
        self._tried_at = time.monotonic()
