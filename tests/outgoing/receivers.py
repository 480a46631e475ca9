"""Receivers of copies, as real as they get on one machine: sockets, TLS and a web server."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from typing import Any

Handle = Callable[[socket.socket], None]


@dataclass
class Stream:
    """What a receiver over TCP or TLS has read: the messages, by their lengths (RFC 6587)."""

    port: int
    messages: list[str] = field(default_factory=list)

    def read(self, connection: socket.socket) -> None:
        """Read to the end; what has no end is thrown away, as receivers do."""
        data = b"".join(iter(lambda: connection.recv(4096), b""))
        while data:
            length, _, rest = data.partition(b" ")
            message, data = rest[: int(length)], rest[int(length) :]
            if len(message) == int(length):
                self.messages.append(message.decode("ascii"))


@contextmanager
def stream(
    handle: Callable[[Stream, socket.socket], None] = Stream.read,
    *,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[Stream]:
    """Run a receiver on this machine until the block is left."""
    with socket.create_server(("127.0.0.1", port)) as server:
        # What is not read fills up soon.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        received = Stream(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if tls is None:
                        handle(received, connection)
                        continue
                    try:
                        with tls.wrap_socket(connection, server_side=True) as secured:
                            handle(received, secured)
                    except OSError:
                        # The other side did not like the certificate.
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield received
        finally:
            # Closing alone would not wake up who waits for a connection.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Web:
    """A web server that keeps what it is asked, and answers with the next of `statuses`."""

    port: int
    statuses: Iterator[int]
    asked: list[Asked] = field(default_factory=list)
    location: str = "/elsewhere"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?token=secret"

    @property
    def accepted(self) -> list[Asked]:
        """The requests that have been answered with 2xx."""
        return self._accepted

    def __post_init__(self) -> None:
        self._accepted: list[Asked] = []


@contextmanager
def web(
    *statuses: int,
    then: int = 204,
    before: Callable[[], object] = lambda: None,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[Web]:
    """Run a web server until the block is left; it does `before` and then answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, dict(self.headers), body)
            received.asked.append(asked)
            before()
            status = next(received.statuses)
            if status // 100 == 2:
                received.accepted.append(asked)
            self.send_response(status)
            self.send_header("Location", received.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing on the terminal."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Some leave without waiting for the answer."""

    server = Server(("127.0.0.1", port), Handler)
    received = Web(server.server_port, chain(statuses, repeat(then)))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server with that certificate speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
