"""What each request leaves for whoever watches over the site: a line, and figures about nobody.

Both name the route and never the address that was asked for: that may hold a name (X26, D5).
"""

import logging
import time
from http import HTTPStatus

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
# A page takes a few milliseconds; what waits for a lock, some seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "understudy_requests", "Requests by route and answer", ["method", "route", "status"]
)
SECONDS = Histogram(
    "understudy_request_seconds", "How long requests took", ["route"], buckets=BUCKETS
)
NOT_RECORDED = Counter(
    "understudy_audit_write_failures", "Changes that were refused as they could not be recorded"
)

log = logging.getLogger("understudy.requests")


def install(app: Flask, *, quiet_endpoints: frozenset[str]) -> None:
    """Measure every request; those of `quiet_endpoints` are counted and not logged."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        seconds, route = time.perf_counter() - g.began, _route()
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(route).observe(seconds)
        if request.endpoint not in quiet_endpoints:
            _tell(method, route, response.status_code, seconds)
        return response


def _route() -> str:
    return request.url_rule.rule if request.url_rule else NO_ROUTE


def _tell(method: str, route: str, status: int, seconds: float) -> None:
    milliseconds = round(seconds * 1000)
    level = logging.INFO if status < HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
    fields = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
    log.log(level, "%s %s %d", method, route, status, extra={"fields": fields})
