import pytest
from flask import Flask
from sqlalchemy import select

from app.product.database import Database
from app.product.models.templates import Template
from app.product.unit_of_work import db
from tests.product.browsing import Browser
from tests.product.cast import Cast


@pytest.fixture
def app(app: Flask) -> Flask:
    """Letterbox with a view that fails halfway, which nobody else must ever have."""

    def fail() -> str:
        db().get_one(Template, "order").name = "half done"
        db().flush()
        raise RuntimeError("a secret detail")

    app.add_url_rule("/fail", "fail", fail, methods=["POST"])
    app.add_url_rule("/forgotten", "forgotten", lambda: "Nobody said who may see this.")
    return app


def test_a_page_that_is_not_there_says_so_within_the_layout(mia: Browser) -> None:
    page = mia.get("/nowhere", status=404)
    assert page.words_in("h1") == "Page not found"
    assert "Mia Chen" in page.text


def test_a_stranger_gets_the_same_page_without_a_menu(stranger: Browser) -> None:
    page = stranger.get("/nowhere", status=404)
    assert page.words_in("h1") == "Page not found"
    assert "Settings" not in page.text


def test_a_wrong_method_names_the_right_ones(mia: Browser) -> None:
    mia.post("/activity", status=405)
    assert "GET" in mia.response.headers["Allow"]


def test_a_failure_is_a_page_that_tells_nothing(mia: Browser) -> None:
    page = mia.post("/fail", status=500)
    assert page.words_in("h1") == "Something broke"
    assert "secret" not in page.text


def test_a_failure_undoes_what_was_half_done(mia: Browser, cast: Cast, database: Database) -> None:
    mia.post("/fail", status=500)
    with database.session(writing=False) as session:
        names = session.scalars(select(Template.name).where(Template.id == cast.order_id)).all()
    assert names == ["Order confirmation"]


def test_a_view_outside_the_table_is_closed(stranger: Browser) -> None:
    stranger.get("/forgotten", status=401)


def test_too_much_text_is_refused(mia: Browser) -> None:
    mia.get("/templates/new")
    mia.post("/templates/new", status=413, body="x" * 1_100_000)
