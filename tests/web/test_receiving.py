"""A body is here before anybody waits for it; one that cannot be had is the sender's fault."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.storage import sqlite
from app.web.application import Application
from tests import cast
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.keys import make_key
from tests.twins import fails_without, line, together, value

PATHS = ["/oauth/token", "/run-command", "/api/v1/handoffs/redemptions", "/sign-in"]
LIMIT = 64 * 1024

pytestmark = on_sqlite


class ErrorOfAServer(Exception):
    """What gunicorn raises for chunks that are none is not even an OSError."""


class Stream(io.RawIOBase):
    """A body of somebody's who does `act` when it is read."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.act()
        return 0


def send(client: FlaskClient, path: str, stream: Any, **environ: Any) -> Any:
    """Send a body in chunks, as gunicorn hands it over."""
    environ = {"HTTP_AUTHORIZATION": f"Bearer {cast.API_KEY}"} | environ
    environ |= {"wsgi.input": stream, "wsgi.input_terminated": True}
    return client.post(path, environ_overrides=environ)


@pytest.mark.requirement("F1")
@fails_without(
    together(
        line(Application._answer, "receive()", "pass"),
        # Whoever has to wait fails at once.
        value(sqlite, "BUSY_TIMEOUT_MS", 0),
    )
)
@pytest.mark.parametrize("path", PATHS)
def test_nobody_waits_for_a_body_that_is_slow_to_come(
    client: FlaskClient, admin_app: Application, clock: Clock, path: str
) -> None:
    """Whoever else wants to write does so meanwhile, or this fails."""
    wrote = []
    # Who is refused for the key's sake alone has not been listened to yet.
    _, secret = make_key(admin_app.database, "product", "propelauth", now=clock.now)

    def write() -> None:
        with admin_app.database.unit_of_work(writing=True) as db:
            wrote.append(db.execute(text("SELECT 1")).scalar())

    send(client, path, Stream(write), HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert wrote


@pytest.mark.parametrize("error", [OSError, ErrorOfAServer])
@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_breaks_off_is_no_fault_of_ours(
    client: FlaskClient, path: str, error: type[Exception]
) -> None:
    def break_off() -> None:
        raise error(b"zz")

    assert send(client, path, Stream(break_off)).status_code == 400


@pytest.mark.parametrize("size", [LIMIT + 1, 5 * LIMIT])
@pytest.mark.parametrize("path", PATHS[:3])
def test_too_much_is_said_to_be_and_read_to_its_end(
    client: FlaskClient, path: str, size: int
) -> None:
    chunks = io.BytesIO(b" " * size)
    assert send(client, path, chunks).status_code == 413
    assert chunks.read() == b""
    told = io.BytesIO(b" " * size)
    answer = client.post(path, input_stream=told, content_length=size)
    assert (answer.status_code, told.read()) == (413, b"")
