"""flask api-keys …"""

from datetime import datetime, timedelta

import pytest

from app.domain import api_keys
from app.storage.api_keys import api_keys_by_age
from app.storage.database import Database
from tests.cast import ADA, API_KEY, HARBOUR
from tests.cli.conftest import Run


def test_a_new_key_is_printed_alone_so_that_a_script_can_take_it(
    run: Run, database: Database, now: datetime
) -> None:
    result = run("api-keys", "create", "Letterbox")
    secret = result.output.removesuffix("\n")
    with database.unit_of_work(writing=False) as db:
        key = api_keys.find(db, secret, now=now)
        assert key is not None
        assert (key.name, key.scopes) == ("Letterbox", ["product"])


def test_its_limits_can_be_told(run: Run, database: Database) -> None:
    options = ["--scope", "propelauth", "--scope", "impersonate", "--reason-optional"]
    options += ["--account", HARBOUR, "--admin", ADA.email.upper(), "--days", "30"]
    assert run("api-keys", "create", "Support tool", *options).exit_code == 0
    with database.unit_of_work(writing=False) as db:
        key = api_keys_by_age(db)[0]
        assert (key.account_id, key.admin_id, key.reason_required) == (HARBOUR, ADA.id, False)
        assert key.expires_at is not None
        assert key.expires_at - key.created_at == timedelta(days=30)


@pytest.mark.parametrize("limit", [("--account", "nowhere"), ("--admin", "nobody@example.com")])
def test_a_limit_to_what_is_not_there_is_refused(run: Run, limit: tuple[str, str]) -> None:
    result = run("api-keys", "create", "Support tool", *limit)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no" in result.stderr


def test_keys_are_listed_and_revoked(run: Run) -> None:
    listed = run("api-keys", "list").output
    assert listed == f"letterbox\t{API_KEY[:10]}…\tgood\tproduct\tLetterbox\n"
    assert run("api-keys", "revoke", "letterbox").output == "Letterbox has been revoked.\n"
    assert "\trevoked\t" in run("api-keys", "list").output
    assert run("api-keys", "revoke", "letterbox").exit_code == 1


def test_only_a_key_that_is_there_can_be_revoked(run: Run) -> None:
    result = run("api-keys", "revoke", "nothing")
    assert result.exit_code == 1
    assert "There is no API key with that id" in result.stderr


def test_a_key_needs_a_name(run: Run) -> None:
    assert run("api-keys", "create", " ").exit_code == 1


def test_an_unknown_scope_is_refused(run: Run) -> None:
    assert run("api-keys", "create", "Letterbox", "--scope", "root").exit_code == 2
