"""Kept-alive connections that are given up before the other side may do so."""

import time
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

# A server closes a connection that has rested for as long as it likes. Whoever writes to it at
# that moment is cut off, and cannot know what has been done (RFC 9112, 9.5). The usual servers and
# proxies wait for five seconds or more.
LONGEST_REST_SECONDS = 4.0


class _Connection(HTTPConnection):
    """Calls itself closed once it has rested for too long."""

    _rests_since = 0.0

    # urllib3 itself answers otherwise than its base class says.
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        self._rests_since = time.monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        rested = time.monotonic() - self._rests_since
        return rested < LONGEST_REST_SECONDS and super().is_connected


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def pool_manager(**options: Any) -> urllib3.PoolManager:
    """Return urllib3's PoolManager with these options; none of its connections rests too long."""
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
    return manager
