"""One impersonated run of the product app, from its call to the end of its answer."""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from app.kit.answers import Headers

# Told with the status and the milliseconds of a run that is over.
Report = Callable[[int, int], None]

_SERVER_ERROR = 500
# Under impersonation nothing may reach the sign-in or the storage that the browser holds of its
# own for this origin, and nothing that the member sees may be kept.
_DROPPED = frozenset(
    {"set-cookie", "clear-site-data", "cache-control", "pragma", "expires", "vary"}
)

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class RecordedRun:
    """The app's answer, passed on piece by piece; reports once how it went, when it is over."""

    def __init__(
        self,
        app: WSGIApplication,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        report: Report,
    ) -> None:
        self._start_response = start_response
        self._report = report
        # Until the app says otherwise: an app that never answers has failed.
        self._status = _SERVER_ERROR
        self._over = False
        self._began = time.perf_counter()
        try:
            self._answer: Iterable[bytes] = app(environ, self._start)
            self._pieces = iter(self._answer)
        except BaseException:
            self._fail()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            raise
        except BaseException:
            # The server calls close() next, where this is reported.
            self._status = _SERVER_ERROR
            raise

    def close(self) -> None:
        """Let the app finish, then report; servers call this whatever happened before."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        except BaseException:
            self._fail()
            raise
        self._finish()

    def _start(
        self, status: str, headers: Headers, exc_info: _ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        self._status = int(status.partition(" ")[0])
        return self._start_response(status, _made_private(headers), exc_info)

    def _fail(self) -> None:
        self._status = _SERVER_ERROR
        self._finish()

    def _finish(self) -> None:
        if not self._over:
            self._over = True
            self._report(self._status, round((time.perf_counter() - self._began) * 1000))


def _made_private(headers: Headers) -> Headers:
    vary = [value for name, value in headers if name.lower() == "vary"]
    return [
        *((name, value) for name, value in headers if name.lower() not in _DROPPED),
        ("Cache-Control", "no-store"),
        ("Vary", ", ".join(["Authorization", *vary])),
    ]
