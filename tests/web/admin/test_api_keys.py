"""/settings/api-keys: which programs may do what."""

import re

import pytest
from sqlalchemy import select

from app.domain import api_keys
from app.domain.audit_trail import AuditAction
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.web import authentication
from tests import trail
from tests.browsing import Browser
from tests.cast import ADA, API_KEY, CY, HARBOUR
from tests.clock import Clock
from tests.twins import fails_without, line

KEYS = "/settings/api-keys"
GOOD = {"name": "Support tool", "scopes": "propelauth", "admin_id": CY.id, "days": "30"}


def made(database: Database) -> APIKey:
    with database.unit_of_work(writing=False) as db:
        return db.scalars(select(APIKey).where(APIKey.name == "Support tool")).one()


@pytest.mark.requirement("P1", "K4")
def test_a_key_is_shown_once(superadmin: Browser, database: Database, clock: Clock) -> None:
    superadmin.get(f"{KEYS}/new")
    superadmin.submit(KEYS, status=201, **GOOD, account_id=HARBOUR)
    found = re.search(r"usk[0-9A-Za-z]{43}", superadmin.response.get_data(as_text=True))
    assert found
    with database.unit_of_work(writing=False) as db:
        key = api_keys.find(db, found[0], now=clock.now)
        assert key is not None
        assert (key.scopes, key.account_id, key.admin_id) == (["propelauth"], HARBOUR, CY.id)
        assert (key.created_by_id, key.reason_required) == (ADA.id, True)
        assert key.expires_at is not None
        assert (key.expires_at - clock.now).days == 30
        assert trail.only(db, AuditAction.API_KEY_CREATED).actor_id == ADA.id
    page = superadmin.get(KEYS)
    assert found[0] not in superadmin.response.get_data(as_text=True)
    assert f"{found[0][:10]}…" in page.words


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Type a name."),
        ("scopes", "root", "'root' is not a valid choice"),
        ("account_id", "nowhere", "There is no account with that id."),
        ("callback_urls", "/here", "A callback is a whole web address"),
        ("admin_id", "nobody", "Not a valid choice."),
        ("days", "9", "Not a valid choice."),
    ],
)
def test_a_bad_key_is_asked_for_again(
    superadmin: Browser, field: str, value: str, sentence: str
) -> None:
    superadmin.get(f"{KEYS}/new")
    superadmin.submit(KEYS, status=422, **{**GOOD, field: value})
    assert sentence in superadmin.page.one("div", role="alert").words
    assert "Support tool" in superadmin.response.get_data(as_text=True) or field == "name"


def test_a_key_without_a_scope_is_asked_for_again(superadmin: Browser) -> None:
    superadmin.get(f"{KEYS}/new")
    data = superadmin.page.form(KEYS) | {"name": "Support tool"}
    answer = superadmin.client.post(KEYS, data={k: v for k, v in data.items() if k != "scopes"})
    assert answer.status_code == 422
    assert "Choose what it is for." in answer.text


@pytest.mark.requirement("P1")
@fails_without(line(APIKey.state, "if self.revoked_at is not None", "if False"))
def test_a_revoked_key_opens_nothing(superadmin: Browser, database: Database, clock: Clock) -> None:
    revocation = f"{KEYS}/letterbox/revocation"
    assert "Letterbox" in superadmin.get(revocation).words
    superadmin.submit(revocation)
    assert "Letterbox has been revoked." in superadmin.follow().words
    with database.unit_of_work(writing=False) as db:
        assert api_keys.find(db, API_KEY, now=clock.now) is None
    assert not superadmin.page.all("form", action=revocation)


@pytest.mark.requirement("A2")
@fails_without(line(authentication._check_admin, "if current_user.holds(permission)", "if True"))
def test_an_admin_is_not_led_there(plain_admin: Browser) -> None:
    assert "API keys" not in plain_admin.get("/settings/security").words
    plain_admin.get(KEYS, status=403)


def test_the_list_says_what_a_key_is_for(superadmin: Browser, database: Database) -> None:
    superadmin.get(f"{KEYS}/new")
    superadmin.submit(KEYS, status=201, **GOOD)
    words = superadmin.get(KEYS).words
    assert f"acts for {CY.name}" in words
    assert "Never" in words
    assert made(database).last_used_at is None
