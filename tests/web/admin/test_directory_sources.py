"""A source that the directory is not in step with is told on the overview."""

from datetime import datetime

import pytest

from app.storage.database import Database
from app.storage.directory_sources import DirectorySource
from tests.browsing import Browser
from tests.conftest import NOW

NOTICE = "The directory is not in step with <b>crm</b> since"


@pytest.fixture
def failing(database: Database) -> None:
    source = DirectorySource(name="<b>crm</b>", started_at=NOW, positions="{}")
    source.failing_since, source.problem = (
        datetime.fromisoformat("2026-03-02T08:50:00Z"),
        "no route.",
    )
    with database.unit_of_work(writing=True) as db:
        db.add(source)


def test_a_superadmin_sees_that_it_fails_and_why(
    database: Database, superadmin: Browser, failing: None
) -> None:
    words = superadmin.get("/").words
    assert f"{NOTICE} 10 min ago." in words
    assert "No route." in words
    with database.unit_of_work(writing=True) as db:
        db.get_one(DirectorySource, "<b>crm</b>").problem = None
    assert NOTICE not in superadmin.get("/").words


def test_nobody_else_is_told(plain_admin: Browser, failing: None) -> None:
    assert NOTICE not in plain_admin.get("/").words
