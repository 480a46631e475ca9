"""The other side of the wire: a real HTTP server that speaks the admin site's contract."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

API_KEY = "key-of-the-product"
ACTIONS = "/api/v1/impersonations/actions"
OUTCOMES = "/api/v1/impersonations/outcomes"
PRESENCES = "/api/v1/impersonations/presences"
ENDS = "/api/v1/impersonations/ends"
REDEMPTIONS = "/api/v1/handoffs/redemptions"

Json = dict[str, Any]
# What to answer: the status, and an object, or bytes as they are.
Reply = tuple[int, Json | bytes]


def make_token(typ: str = "imp+jwt", session: str = "session-1") -> str:
    """A token in shape; nobody on this side of the wire checks its signature."""
    parts = ({"alg": "EdDSA", "typ": typ, "kid": "k1"}, {"sid": session})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts]
    return ".".join([*(part.rstrip("=") for part in encoded), "c2lnbmF0dXJl"])


TOKEN = make_token()
TICKET = "ticket-of-ada"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    content: Json
    headers: dict[str, str]
    connection: int


@dataclass
class AdminStandIn:
    """Answers as the contract says, or as it is told to, and keeps what it was asked."""

    name: str = "Grace Hopper"
    email: str = "grace@example.com"
    account: str = "Acme Ltd"
    actor: str = "Ada Lovelace"
    time_left: float = 1200
    started: float = field(default_factory=time.monotonic)
    ended: Json | None = None
    reachable: bool = True
    tickets: dict[str, str] = field(default_factory=lambda: {TICKET: TOKEN})
    asked: list[Asked] = field(default_factory=list)
    replies: dict[str, Callable[[Json], Reply]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN
    url: str = ""

    def reply(self, path: str, status: int, content: Json | bytes) -> None:
        """From now on answer ``path`` so."""
        self.replies[path] = lambda _: (status, content)

    def asked_for(self, path: str) -> list[Json]:
        """What came in for one path, oldest first."""
        return [asked.content for asked in self.asked if asked.path == path]

    def end(self, sentence: str = "Omar Haddad ended it.", why: str = "admin_ended") -> None:
        """End the session: from now on its token is dead."""
        self.ended = {"why": why, "sentence": sentence}

    def impersonation(self) -> Json:
        """The session, as the contract shows it."""
        now = datetime.now(UTC)
        left = max(0, self.started + self.time_left - time.monotonic())
        return {
            "id": "session-1",
            "subject": {"id": "member-1", "name": self.name, "email": self.email},
            "account": {"id": "account-1", "name": self.account},
            "actor": {"id": "admin-1", "name": self.actor, "email": "ada@example.com"},
            "started_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=left)).isoformat(),
            "seconds_left": round(left),
        }

    def answer(self, path: str, content: Json) -> Reply:
        """The answer to one request."""
        usual: dict[str, Callable[[Json], Reply]] = {
            REDEMPTIONS: self._redeem,
            ACTIONS: self._record,
            OUTCOMES: lambda _: (204, b""),
            PRESENCES: lambda _: self._unless_ended(200, {}),
            ENDS: self._end,
        }
        return {**usual, **self.replies}[path](content)

    def _record(self, _: Json) -> Reply:
        return self._unless_ended(201, {"action_id": "action-1"})

    def _unless_ended(self, status: int, content: Json) -> Reply:
        if self.ended is not None:
            return 401, problem("impersonation_ended", 401, ended=self.ended)
        return status, {**content, "impersonation": self.impersonation()}

    def _end(self, _: Json) -> Reply:
        self.ended = self.ended or {"why": "impersonator_ended", "sentence": "You ended it."}
        return 200, {"ended": self.ended}

    def _redeem(self, content: Json) -> Reply:
        token = self.tickets.pop(content["ticket"], None)
        if token is None:
            return 400, problem("ticket_refused", 400)
        return 201, {"token": token, "impersonation": self.impersonation()}


def problem(code: str, status: int, **members: object) -> Json:
    """An RFC 9457 problem."""
    told = {"type": "about:blank", "title": code, "status": status, "detail": code, "code": code}
    return {**told, **members}


@contextmanager
def serve(stand_in: AdminStandIn) -> Iterator[None]:
    """Put the stand-in on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not stand_in.reachable:
                # Hangs up, on connections that were kept alive as well.
                self.close_connection = True
                return
            content = json.loads(body)
            port = self.client_address[1]
            stand_in.asked.append(Asked(self.path, content, dict(self.headers), port))
            status, answer = stand_in.answer(self.path, content)
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in stand_in.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its given name)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
