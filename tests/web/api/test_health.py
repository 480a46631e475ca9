"""What watches over the site is answered in any case, and told nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select
from sqlalchemy.event import listen, remove

from app.storage import counters
from app.storage.counters import Counter
from app.storage.database import Database
from app.web import writing_probe
from app.web.api import health
from app.web.application import Application
from app.web.writing_probe import WritingProbe
from tests.conftest import on_sqlite
from tests.faults import disk_of
from tests.lending import listening
from tests.twins import fails_without, line

BY_ADDRESS = "http://192.0.2.17:8000"


@pytest.mark.parametrize(("path", "words"), [("/healthz", "ok\n"), ("/readyz", "ready\n")])
def test_a_site_that_works_says_so_under_any_name(
    client: FlaskClient, path: str, words: str
) -> None:
    answer = client.get(path, base_url=BY_ADDRESS)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, words, "text/plain")
    assert "Set-Cookie" not in answer.headers


@on_sqlite
@pytest.mark.requirement("F1")
def test_without_its_database_a_site_is_alive_and_not_ready(
    client: FlaskClient, admin_app: Application
) -> None:
    path = Path(admin_app.database.engine.url.database or "")
    away = path.with_suffix(".away")
    path.rename(away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
    assert client.get("/healthz").status_code == 200
    away.rename(path)
    assert client.get("/readyz").status_code == 200


@contextmanager
def nothing_can_be_written(app: Application) -> Iterator[None]:
    """The disk is full, or the server has become one that is only read."""
    engine = app.database.engine
    if app.database.is_postgresql:
        read_only = partial(Connection.exec_driver_sql, statement="SET TRANSACTION READ ONLY")
        listen(engine, "begin", read_only)
        yield
        remove(engine, "begin", read_only)
        return
    # As much as there is of the write-ahead log, and no more.
    with disk_of(Path(f"{engine.url.database}-wal").stat().st_size):
        yield


@pytest.mark.requirement("F2")
@fails_without(line(health.ready, "if problem := writing_probe().problem()", "if problem := ''"))
def test_a_site_that_cannot_write_is_not_ready_and_is_again_by_itself(
    client: FlaskClient, admin_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_probe, "AT_MOST_EVERY_SECONDS", 0)
    assert client.get("/readyz").status_code == 200
    with nothing_can_be_written(admin_app):
        answer = client.get("/readyz")
        assert client.get("/healthz").status_code == 200
    assert (answer.status_code, answer.text) == (503, "the database cannot be written to\n")
    assert client.get("/readyz").status_code == 200


@on_sqlite
@pytest.mark.requirement("F2")
@fails_without(line(WritingProbe._try, "now - self._tried_at < AT_MOST_EVERY_SECONDS", "False"))
def test_however_often_it_is_asked_it_writes_once_a_second(
    client: FlaskClient, admin_app: Application
) -> None:
    written: list[str] = []

    def note(*args: str) -> None:
        if "INSERT" in args[2]:
            written.append(args[2])

    with listening(admin_app.database.engine, "before_cursor_execute", note):
        for _ in range(5):
            assert client.get("/readyz").status_code == 200
    assert len(written) == 1


@on_sqlite
@pytest.mark.requirement("W6")
@fails_without(line(counters.come_and_go, "end(db, name)", "pass"))
def test_what_it_writes_is_gone_again(client: FlaskClient, admin_app: Application) -> None:
    client.get("/readyz")
    with admin_app.database.unit_of_work(writing=False) as db:
        assert db.scalars(select(Counter)).all() == []


@on_sqlite
@fails_without(line(Database.try_writing, "if not sqlite.is_busy(error)", "if True"))
def test_it_takes_no_part_in_what_others_wait_for(
    client: FlaskClient, admin_app: Application
) -> None:
    with admin_app.database.unit_of_work(writing=True) as db:
        # It is only now that SQLite's one writer writes.
        db.connection()
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_under_a_wrong_name_there_is_nothing_else(client: FlaskClient) -> None:
    for path in ("/", "/healthz/", "/readyz/x", "/.well-known/jwks.json"):
        assert client.get(path, base_url=BY_ADDRESS).status_code == 400
