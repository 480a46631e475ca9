"""An operator's script, as it talks to our own API."""

from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.storage.database import Database
from tests.cast import ADA, MIA
from tests.clock import Clock
from tests.keys import make_key

API = "/api/v1"
START = {"actor": ADA.email, "subject": MIA.id, "reason": "Her template is broken"}


class Script:
    """A program with a key of its own."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret = client, secret

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return self.client.open(f"{API}{path}", method=method, headers=headers, **more)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.ask("GET", path, query_string=query)

    def found(self, path: str, **query: Any) -> list[Any]:
        """Return the rows of the one page that there is."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        body = answer.get_json()
        assert body.pop("next_cursor") is None
        (rows,) = body.values()
        return list(rows)

    def pages(self, path: str, **query: Any) -> Iterator[list[str]]:
        """Yield the ids of each page, up to the last."""
        cursor = ""
        while cursor is not None:
            body = self.get(path, **query, cursor=cursor).get_json()
            cursor = body.pop("next_cursor")
            (rows,) = body.values()
            yield [row["id"] for row in rows]

    def start(self, *, key: str | None = None, **changed: Any) -> TestResponse:
        body = {name: value for name, value in (START | changed).items() if value is not None}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.ask("POST", "/impersonations", json=body, headers=headers)

    def end(self, session_id: str) -> TestResponse:
        return self.ask("POST", f"/impersonations/{session_id}/end")


def script(
    client: FlaskClient, database: Database, clock: Clock, *scopes: str, **limits: Any
) -> Script:
    """Return a script with a new key; without `scopes` it may do everything of this API."""
    scopes = scopes or ("api", "impersonate")
    return Script(client, make_key(database, *scopes, now=clock.now, **limits)[1])


def ticket_of(answer: TestResponse) -> str:
    """Return the ticket in the address that opens the session."""
    url: str = answer.get_json()["handoff"]["url"]
    landing, _, ticket = url.partition("#ticket=")
    assert landing == "http://127.0.0.1:8001/impersonation"
    return ticket
