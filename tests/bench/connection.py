"""A connection that costs next to nothing."""

import re
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
AT_ONCE = 256 * 1024
# The servers close what has been idle for two seconds.
LONGEST_IDLE_SECONDS = 1.0


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header; None if there is none."""
        found = re.search(rf"\r\n{name}: *([^\r]*)".encode(), self.head, re.IGNORECASE)
        return found[1].decode() if found else None


class Connection:
    """One connection to `url`, kept alive. It is no browser: it takes microseconds of its own.

    Any client of the standard library or of a package takes more of the two cores than the pages
    that it is to measure can spare.
    """

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._address = ("127.0.0.1", urlsplit(url).port or 80)
        self._socket: socket.socket | None = None
        self._used = 0.0

    def send(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        """Send a request and return the answer; raise RuntimeError for one of the 500s."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        content = body.encode()
        if content:
            lines.append(f"Content-Length: {len(content)}")
        answer = self._exchange("\r\n".join([*lines, "", ""]).encode() + content)
        if answer.status >= 500:
            raise RuntimeError(f"{method} {path} was answered {answer.status}")
        return answer

    def get(self, path: str) -> Answer:
        """Return the page at `path`; raise RuntimeError when it is none."""
        answer = self.send("GET", path)
        if answer.status >= 400:
            raise RuntimeError(f"GET {path} was answered {answer.status}")
        return answer

    def close(self) -> None:
        """Close the connection; another request would open another one."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> Answer:
        connection = self._connected()
        connection.sendall(request)
        data = connection.recv(AT_ONCE)
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        parts, missing = [rest], (int(length[1]) if length else 0) - len(rest)
        while missing > 0:
            parts.append(self._more(connection))
            missing -= len(parts[-1])
        self._used = time.monotonic()
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return Answer(int(head[9:12]), head, b"".join(parts))

    def _connected(self) -> socket.socket:
        if time.monotonic() - self._used > LONGEST_IDLE_SECONDS:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _more(self, connection: socket.socket) -> bytes:
        data = connection.recv(AT_ONCE)
        if not data:
            raise RuntimeError("the server has closed the connection before its answer was whole")
        return data
