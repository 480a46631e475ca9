"""No test meets what another one has left."""

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen, remove

from app.storage.admins import Admin
from app.storage.database import Database
from tests.breaking import lose_a_table
from tests.cast import ADA
from tests.conftest import on_sqlite
from tests.lending import lent


@pytest.mark.parametrize("time", ["first", "second", "third"])
def test_each_finds_the_cast_alone(
    database: Database, site_database: Database, database_url: str, time: str
) -> None:
    for one in (database, site_database):
        with one.unit_of_work(writing=False) as db:
            assert db.get_one(Admin, ADA.id).name == ADA.name
            assert db.scalar(text("SELECT count(*) FROM counters")) == 0
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, ADA.id).name = "Somebody"
    lose_a_table(database_url, "counters")


@on_sqlite
def test_whoever_goes_on_listening_is_noticed(database: Database) -> None:
    lending, note = lent(database), print
    next(lending)
    listen(database.engine, "begin", note)
    with pytest.raises(AssertionError, match="listening"):
        next(lending)
    remove(database.engine, "begin", note)


@on_sqlite
def test_a_connection_that_is_kept_is_noticed(database: Database) -> None:
    lending = lent(database)
    next(lending)
    with database.engine.connect(), pytest.raises(AssertionError, match="in use"):
        next(lending)
