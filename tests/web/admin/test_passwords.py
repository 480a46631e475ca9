"""Changing one's own password: what it takes, and what it ends at once (S1, S2, S7)."""

from collections.abc import Callable

import pytest

from app.domain import authentication
from app.domain.audit_trail import AuditAction
from app.domain.authentication import NOT_CURRENT
from app.domain.sign_ins import SignedIn
from app.storage.database import Database
from tests.browsing import Browser
from tests.cast import ADA, PASSWORD
from tests.trail import only
from tests.twins import fails_without, line

NEW = "another password of mine"
SignIn = Callable[..., SignedIn]
PAGE, PASSWORDS = "/settings/security/password/new", "/settings/security/password"


@pytest.mark.requirement("S1", "S2")
@fails_without(
    line(
        authentication.change_password,
        'end_others(db, row, why="password_changed", provenance=provenance, now=now)',
        "pass",
    )
)
def test_another_password_ends_every_other_sign_in(
    superadmin: Browser, stranger: Browser, database: Database, sign_in: SignIn
) -> None:
    first = superadmin.client.get_cookie("understudy", domain="localhost")
    assert first
    sign_in(ADA)
    superadmin.get(PAGE)
    superadmin.submit(PASSWORDS, current=PASSWORD, new=NEW)
    assert "Your password is changed." in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert only(db, AuditAction.PASSWORD_CHANGED).actor_id == ADA.id
    superadmin.client.set_cookie("understudy", first.value, domain="localhost")
    superadmin.get("/", status=303)


@pytest.mark.requirement("S1")
def test_the_new_one_is_good_and_the_old_one_is_not(superadmin: Browser, stranger: Browser) -> None:
    superadmin.get(PAGE)
    superadmin.submit(PASSWORDS, current=PASSWORD, new=NEW)
    superadmin.client.delete_cookie("understudy", domain="localhost")
    for password, status in ((PASSWORD, 401), (NEW, 303)):
        stranger.get("/sign-in")
        stranger.submit("/sign-in", status=status, email=ADA.email, password=password)


@pytest.mark.requirement("S7", "S9")
@pytest.mark.parametrize(
    ("current", "new", "told"),
    [
        ("not my password", NEW, NOT_CURRENT),
        (PASSWORD, "too short", "12 to 128 characters"),
        ("", NEW, "Type your current password."),
    ],
)
def test_what_is_wrong_is_told(superadmin: Browser, current: str, new: str, told: str) -> None:
    superadmin.get(PAGE)
    superadmin.submit(PASSWORDS, status=422, current=current, new=new)
    assert told in superadmin.page.words
    superadmin.get("/")
