"""flask admins …"""

from datetime import datetime

import pytest

from app.domain import sign_ins
from app.domain.audit_trail import OPERATOR, AuditAction
from app.domain.factors import Lock
from app.domain.passwords import matches
from app.domain.sign_ins import Method, SignedIn, begin
from app.storage.admins import Admin, admin_by_email
from app.storage.database import Database
from app.storage.factors import factors_of
from tests import trail
from tests.cast import ADA, OMAR, PASSWORD
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


def test_a_lost_password_is_replaced_and_ends_what_it_opened(
    run: Run, database: Database, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        ada = db.get_one(Admin, ADA.id)
        opened = begin(db, ada, method=Method.PASSWORD, provenance=OPERATOR, now=now)
        assert isinstance(opened, SignedIn)
    result = run("admins", "set-password", ADA.email, "--password", "four other unlike words")
    assert result.output == "ada@example.com has another password.\n"
    with database.unit_of_work(writing=True) as db:
        assert trail.only(db, AuditAction.ADMIN_PASSWORD_SET).actor_kind == "system"
        assert sign_ins.find(db, opened.secret, now=now) is None
        assert matches(db.get_one(Admin, ADA.id).password_hash, "four other unlike words")


def test_a_replacement_that_is_no_good_changes_nothing(run: Run, database: Database) -> None:
    result = run("admins", "set-password", ADA.email, "--password", "passwordpassword")
    assert (result.exit_code, result.output[:35]) == (1, "Error: This password is easy to gue")
    with database.unit_of_work(writing=False) as db:
        assert matches(db.get_one(Admin, ADA.id).password_hash, PASSWORD)


@pytest.mark.usefixtures("company")
def test_nobody_is_asked_for_a_password_where_there_are_none(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_PASSWORD_SIGN_IN", "0")
    assert run(*CREATE[:-1]).output == "rene@example.com may sign in as admin.\n"


def test_an_unknown_role_is_refused(run: Run) -> None:
    assert run(*CREATE, "a long enough password", "--role", "emperor").exit_code == 2


@pytest.mark.requirement("S8")
def test_the_operator_resets_the_factors_of_an_admin(
    run: Run, database: Database, lock: Lock, now: datetime
) -> None:
    with database.unit_of_work(writing=True) as db:
        add_app(db, ADA.id, lock=lock, now=now)
    result = run("admins", "reset-factors", ADA.email)
    assert result.output == "Second factors of ada@example.com removed: 1.\n"
    with database.unit_of_work(writing=False) as db:
        assert not factors_of(db, ADA.id)
        assert trail.only(db, AuditAction.ADMIN_FACTORS_RESET).actor_kind == "system"
    assert run("admins", "reset-factors", "nobody@example.com").exit_code == 1


ISSUER = "https://id.example.com/realms/staff"


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ISSUER": ISSUER, "CLIENT_ID": "u", "CLIENT_SECRET": "s"}.items():
        monkeypatch.setenv(f"UNDERSTUDY_OIDC_{name}", value)


@pytest.mark.requirement("S11")
@pytest.mark.usefixtures("company")
def test_the_operator_links_an_admin_to_a_company_account(run: Run, database: Database) -> None:
    result = run("admins", "link", ADA.email, "s-1")
    assert (result.exit_code, result.output) == (
        0,
        f"{ADA.email} may sign in as s-1 of {ISSUER}.\n",
    )
    taken = run("admins", "link", OMAR.email, "s-1")
    assert taken.output == "Error: This company account belongs to another admin.\n"
    second = run("admins", "link", ADA.email, "s-2")
    assert second.output.startswith("Error: This admin has a company account already.")
    assert run("admins", "unlink", ADA.email).exit_code == 0
    assert "has no company account" in run("admins", "unlink", ADA.email).output
    with database.unit_of_work(writing=False) as db:
        event = trail.only(db, AuditAction.COMPANY_ACCOUNT_LINKED)
        assert (event.details["issuer"], event.details["subject"]) == (ISSUER, "s-1")
        assert trail.only(db, AuditAction.COMPANY_ACCOUNT_UNLINKED).details["admin_id"] == ADA.id


@pytest.mark.usefixtures("company")
def test_nobody_is_linked_who_is_not_there_or_to_what_cannot_be(run: Run) -> None:
    assert "no admin" in run("admins", "link", "nobody@example.com", "s-1").output
    for subject in ("", "x" * 256, "s\n1"):
        assert "1 to 255 characters" in run("admins", "link", ADA.email, subject).output


def test_without_a_provider_nobody_is_linked(run: Run) -> None:
    result = run("admins", "link", ADA.email, "s-1")
    assert result.output == "Error: UNDERSTUDY_OIDC_ISSUER is not set.\n"
