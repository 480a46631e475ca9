"""The callers: an admin, and a product app, each with a connection of its own."""

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.demo.people import PASSWORD
from tests.bench.connection import Answer, Connection


@dataclass
class Admin:
    """A signed-in admin, as a program."""

    url: str
    email: str
    connection: Connection = field(init=False)
    cookie: str = ""
    csrf_token: str = ""

    def __post_init__(self) -> None:
        self.connection = Connection(self.url)
        self.csrf_token = self._token("/sign-in")
        self._post("/sign-in", email=self.email, password=PASSWORD, next="")
        # Signing in makes a session of its own, and so another token.
        self.csrf_token = self._token("/settings/security")

    def get(self, path: str) -> bytes:
        """Return the page at `path`; raise RuntimeError for any other answer."""
        answer = self._keep_cookie(self.connection.send("GET", path, Cookie=self.cookie))
        if answer.status != 200:
            raise RuntimeError(f"GET {path} was answered {answer.status}")
        return answer.body

    def start(self, member_id: str) -> str:
        """Start a session, as by a form of its own; return its ticket."""
        answer = self._post(
            f"/members/{member_id}/impersonations",
            form_key=secrets.token_urlsafe(24),
            reason="How long does it take?",
            ticket_url="",
        )
        return (answer.header("Location") or "").partition("#ticket=")[2]

    def end(self, impersonation_id: str) -> None:
        """End somebody's session."""
        self._post(f"/impersonations/{impersonation_id}/end")

    def _post(self, path: str, **fields: str) -> Answer:
        answer = self.connection.send(
            "POST",
            path,
            urlencode({**fields, "csrf_token": self.csrf_token}),
            Cookie=self.cookie,
            Sec_Fetch_Site="same-origin",
            Content_Type="application/x-www-form-urlencoded",
        )
        if answer.status != 303:
            raise RuntimeError(f"POST {path} was answered {answer.status}")
        return self._keep_cookie(answer)

    def _keep_cookie(self, answer: Answer) -> Answer:
        self.cookie = (answer.header("Set-Cookie") or self.cookie).partition(";")[0]
        return answer

    def _token(self, path: str) -> str:
        found = re.search(rb'name="csrf_token"[^>]* value="([^"]+)"', self.get(path))
        if found is None:
            raise RuntimeError(f"{path} has no form")
        return found[1].decode()


class Kit:
    """A product app that asks as its integration kit does."""

    def __init__(self, url: str, api_key: str) -> None:
        self._connection = Connection(url)
        self._key = api_key

    def redeem(self, ticket: str) -> dict[str, Any]:
        """Return the token that the ticket is exchanged for, and what it says of the session."""
        answer = self._call("handoffs/redemptions", ticket=ticket)
        return self._wanted(answer, 201)

    def record(self, token: str) -> bool:
        """Ask for one request of the impersonated tab; return whether it is let through."""
        path = "impersonations/actions"
        answer = self._call(path, token=token, method="GET", path="/templates")
        if answer.status == 401:
            return False
        self._wanted(answer, 201)
        return True

    def end(self, token: str) -> None:
        """End the session from its banner."""
        self._wanted(self._call("impersonations/ends", token=token), 200)

    def _call(self, _where: str, **body: str) -> Answer:
        return self._connection.send(
            "POST",
            f"/api/v1/{_where}",
            json.dumps(body),
            Authorization=f"Bearer {self._key}",
            Content_Type="application/json",
        )

    def _wanted(self, answer: Answer, status: int) -> dict[str, Any]:
        if answer.status != status:
            raise RuntimeError(f"the kit was answered {answer.status}: {answer.body!r}")
        told: dict[str, Any] = json.loads(answer.body)
        return told
