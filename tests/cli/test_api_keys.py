"""flask api-keys …"""

from datetime import datetime

from app.domain import api_keys
from app.domain.permissions import Scope
from app.storage.database import Database
from tests.cli.conftest import Run


def test_a_new_key_is_printed_alone_so_that_a_script_can_take_it(
    run: Run, database: Database, now: datetime
) -> None:
    result = run("api-keys", "create", "Letterbox")
    secret = result.output.removesuffix("\n")
    with database.unit_of_work(writing=False) as db:
        key = api_keys.find(db, secret, scope=Scope.PRODUCT, now=now)
        assert key is not None
        assert key.name == "Letterbox"


def test_a_key_needs_a_name(run: Run) -> None:
    assert run("api-keys", "create", " ").exit_code == 1


def test_an_unknown_scope_is_refused(run: Run) -> None:
    assert run("api-keys", "create", "Letterbox", "--scope", "root").exit_code == 2
