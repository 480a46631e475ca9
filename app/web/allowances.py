"""How many requests each API key may still send (P5), as far as this worker knows.

The counter is the database's, for all workers together; each takes shares of it, so that the
product app's call of every action costs no write of its own (`throttles.grant_requests`). Who only
reads is lent one request and waits for no writer: a minute may have one more for each worker.
"""

import threading
from datetime import datetime

from app.domain.errors import Throttled
from app.domain.throttles import REQUEST_WINDOW, Grant

TOO_MANY = "This API key has sent more requests than it may within a minute. Try again shortly."


class AllowanceSpent(Exception):
    """This worker's share is used up: whoever raised this has to ask for another one."""

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id


class Allowances:
    """The shares of one worker, for all of its threads. `most` requests a minute, 0 for any."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self._lent: set[str] = set()

    def spend(self, key_id: str, *, now: datetime) -> None:
        """Take one request off the key's share.

        Raises AllowanceSpent when there is no share for this minute, or nothing left of it, and
        Throttled when the database had none to give.
        """
        if not self.most:
            return
        with self._lock:
            grant = self._grants.get(key_id)
            # One that ends later than it can was given before the clock was set back (R5).
            if grant is None or not now < grant.until <= now + REQUEST_WINDOW:
                raise AllowanceSpent(key_id)
            if not grant.requests:
                raise Throttled(TOO_MANY, retry_after=grant.until - now)
            if grant.requests == 1:
                del self._grants[key_id]
            else:
                self._grants[key_id] = Grant(grant.requests - 1, grant.until)

    def lend(self, key_id: str, *, now: datetime) -> bool:
        """Let one request through before its share is there, if none is lent already."""
        with self._lock:
            if key_id in self._lent:
                return False
            self._lent.add(key_id)
            self._grants[key_id] = Grant(1, now + REQUEST_WINDOW)
            return True

    def put(self, key_id: str, grant: Grant) -> None:
        """Keep a share that the database gave."""
        with self._lock:
            self._lent.discard(key_id)
            held = self._grants.get(key_id)
            # Another thread may have asked at the same time.
            more = held.requests if held and held.until == grant.until else 0
            self._grants[key_id] = Grant(grant.requests + more, grant.until)
