"""flask admins …"""

from datetime import datetime

import pytest

from app.domain.audit_trail import AuditAction
from app.domain.factors import Lock
from app.storage.admins import admin_by_email
from app.storage.database import Database
from app.storage.factors import factors_of
from tests import trail
from tests.cast import ADA
from tests.cli.conftest import Run
from tests.devices import add_app

CREATE = ("admins", "create", "rene@example.com", "--name", "Rene", "--password")


def test_the_operator_adds_an_admin(run: Run, database: Database) -> None:
    result = run(*CREATE, "a long enough password")
    assert (result.exit_code, result.output) == (0, "rene@example.com may sign in as admin.\n")
    with database.unit_of_work(writing=False) as db:
        admin = admin_by_email(db, "rene@example.com")
        assert admin is not None
        assert not admin.is_superadmin
        event = trail.only(db, AuditAction.ADMIN_CREATED)
    assert (event.actor_kind, event.user_agent) == ("system", "command line")


def test_the_role_can_be_chosen(run: Run) -> None:
    result = run(*CREATE, "a long enough password", "--role", "superadmin")
    assert "as superadmin" in result.output


def test_what_cannot_be_is_told_in_one_sentence(run: Run, database: Database) -> None:
    result = run(*CREATE, "short")
    assert result.exit_code == 1
    assert result.output == "Error: Choose a password of 12 to 128 characters.\n"
    with database.unit_of_work(writing=False) as db:
        assert admin_by_email(db, "rene@example.com") is None


def test_an_unknown_role_is_refused(run: Run) -> None:
    assert run(*CREATE, "a long enough password", "--role", "emperor").exit_code == 2


@pytest.mark.requirement("S8")
def test_the_operator_resets_the_factors_of_an_admin(
    run: Run, database: Database, lock: Lock, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    result = run("admins", "reset-factors", ADA.email)
    assert result.output == "Removed 1 second factors of ada@example.com.\n"
    with database.unit_of_work(writing=False) as db:
        assert not factors_of(db, ADA.id)
        assert trail.only(db, AuditAction.ADMIN_FACTORS_RESET).actor_kind == "system"
    assert run("admins", "reset-factors", "nobody@example.com").exit_code == 1
