"""What watches over the site is answered in any case, and told nothing."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.web.application import Application
from tests.conftest import on_sqlite

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


@on_sqlite
def test_it_takes_no_part_in_what_others_wait_for(
    client: FlaskClient, admin_app: Application
) -> None:
    with admin_app.database.unit_of_work(writing=True):
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_under_a_wrong_name_there_is_nothing_else(client: FlaskClient) -> None:
    for path in ("/", "/healthz/", "/readyz/x", "/.well-known/jwks.json"):
        assert client.get(path, base_url=BY_ADDRESS).status_code == 400
