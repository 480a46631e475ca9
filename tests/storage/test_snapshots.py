"""Several transactions that see one moment of the database."""

import pytest

from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.snapshots import go_to, moment_of
from tests.conftest import on_postgresql, on_sqlite


def rename(database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Admin, "ada").name = "Somebody"


@on_postgresql
@pytest.mark.parametrize(("goes", "name"), [(True, "Ada Lindqvist"), (False, "Somebody")])
def test_another_transaction_sees_what_the_first_one_sees(
    database: Database, goes: bool, name: str
) -> None:
    with database.unit_of_work(writing=False) as db:
        moment = moment_of(db)
        rename(database)
        with database.unit_of_work(writing=False) as other:
            go_to(other, moment if goes else None)
            assert other.get_one(Admin, "ada").name == name


@on_sqlite
def test_sqlite_has_no_such_thing(database: Database) -> None:
    with database.unit_of_work(writing=False) as db:
        assert moment_of(db) is None
