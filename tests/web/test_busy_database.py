"""A database that is away, or busy, is told as such: a page or JSON, never an error of ours."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.event import listen, listens_for

from app.postgresql_server import Server
from app.storage import audit_chain, postgresql
from app.storage.database import Database
from app.web.application import Application
from tests import cast
from tests.browsing import FROM_HERE, Browser
from tests.cast import ADA, PASSWORD, Person
from tests.conftest import on_postgresql
from tests.owner import as_owner

pytestmark = [on_postgresql, pytest.mark.requirement("F1")]

API = {"Authorization": f"Bearer {cast.API_KEY}"}
SAYS_SO = "This cannot be recorded at the moment, so nothing was done. Try again shortly."


@pytest.fixture(autouse=True)
def few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "POOL_SIZE", 1)
    monkeypatch.setattr(postgresql, "POOL_OVERFLOW", 0)
    monkeypatch.setattr(postgresql, "POOL_TIMEOUT_SECONDS", 0.01)


@pytest.fixture
def site_database(few_connections: None, database_url: str) -> Iterator[Database]:
    """One that is opened only now, with so few connections."""
    database = Database(database_url, patience=postgresql.SITE)
    yield database
    database.dispose()


def limit(engine: Engine, name: str) -> None:
    """Let the site's own limit be a short one."""

    @listens_for(engine, "begin")
    def on_begin(connection: object) -> None:
        connection.exec_driver_sql(f"SET LOCAL {name} = '50ms'")  # type: ignore[attr-defined]


@contextmanager
def chain_is_held(app: Application, url: str) -> Iterator[None]:
    limit(app.database.engine, "lock_timeout")
    with as_owner(url) as db:
        audit_chain.lock(db)
        yield


@contextmanager
def writing_is_slow(app: Application, url: str) -> Iterator[None]:
    limit(app.database.engine, "statement_timeout")
    with as_owner(url) as db:
        db.execute(
            text(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql"
                " AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
            )
        )
        db.execute(
            text(
                "CREATE TRIGGER slow BEFORE INSERT ON audit_events"
                " FOR EACH ROW EXECUTE FUNCTION slow()"
            )
        )
    yield
    with as_owner(url) as db:
        db.execute(text("DROP FUNCTION slow CASCADE"))


@contextmanager
def no_connection_is_left(app: Application, _url: str) -> Iterator[None]:
    with app.database.engine.connect():
        yield


@contextmanager
def locks_cross(app: Application, _url: str) -> Iterator[None]:
    """Of two who wait for one another PostgreSQL sends one away; that is told like this."""

    @listens_for(app.database.engine, "begin")
    def on_begin(connection: object) -> None:
        connection.exec_driver_sql(  # type: ignore[attr-defined]
            "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$"
        )

    yield


Busy = Callable[[Application, str], AbstractContextManager[None]]
WAYS: list[Busy] = [chain_is_held, writing_is_slow, no_connection_is_left, locks_cross]


@pytest.mark.parametrize("busy", WAYS)
def test_a_person_and_a_program_are_told_to_try_again(
    client: FlaskClient, admin_app: Application, database_url: str, busy: Busy
) -> None:
    browser = Browser(client)
    data = browser.get("/sign-in").form("/sign-in") | {"email": ADA.email, "password": PASSWORD}
    with busy(admin_app, database_url):
        page = client.post("/sign-in", data=data, headers=FROM_HERE)
        answer = client.post("/api/v1/handoffs/redemptions", json={"ticket": "x"}, headers=API)
    assert (page.status_code, page.mimetype, page.headers["Retry-After"]) == (503, "text/html", "5")
    assert SAYS_SO in page.text
    if answer.status_code != 400:  # a ticket that never was writes nothing
        assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")


@pytest.mark.requirement("R4")
def test_nobodys_request_is_repeated_on_their_behalf(
    client: FlaskClient, admin_app: Application, database_url: str
) -> None:
    begun: list[object] = []
    listen(admin_app.database.engine, "begin", begun.append)
    with locks_cross(admin_app, database_url):
        answer = client.post("/api/v1/handoffs/redemptions", json={"ticket": "x"}, headers=API)
    assert (answer.status_code, answer.headers["Retry-After"], len(begun)) == (503, "5", 1)


def test_a_site_whose_server_was_restarted_goes_on(
    client: FlaskClient, sign_in: Callable[[Person], object], postgresql_server: Server
) -> None:
    sign_in(ADA)
    assert client.get("/").status_code == 200
    postgresql_server.stop()
    away = client.get("/")
    postgresql_server.start()
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert client.get("/").status_code == 200
