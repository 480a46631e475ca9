"""Keys for programs."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import api_keys
from app.domain.api_keys import Limits
from app.domain.audit_trail import AuditAction
from app.domain.errors import Conflict, Invalid
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from tests import cast, trail
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

NONE = Limits()


def create(
    db: Session,
    now: datetime,
    *,
    name: str = "Letterbox",
    scopes: list[str],
    limits: Limits = NONE,
    by: Admin | None = None,
) -> tuple[APIKey, str]:
    return api_keys.create(
        db, name=name, scopes=scopes, limits=limits, by=by, provenance=FROM_THE_OFFICE, now=now
    )


@pytest.mark.requirement("P1", "L12")
@fails_without(line(api_keys.create, "hash_secret(secret)", "secret"))
def test_a_new_key_is_shown_once_and_kept_as_a_hash(db: Session, ada: Admin, now: datetime) -> None:
    key, secret = create(db, now, scopes=["product"], by=ada)
    assert secret.startswith("usk")
    assert len(secret) >= 46
    # OAuth clients spell anything else in more than one way.
    assert (secret + key.id).isalnum()
    assert secret not in repr(vars(key))
    event = trail.only(db, AuditAction.API_KEY_CREATED)
    assert event.details == {
        "name": "Letterbox",
        "prefix": secret[:10],
        "scope": "product",
        "admin_id": "",
        "admin": "",
        "reason_required": True,
        "callback_urls": "",
        "expires_at": "",
    }


@pytest.mark.requirement("P2")
def test_whom_a_key_acts_for_is_recorded(db: Session, ada: Admin, now: datetime) -> None:
    harbour = db.get_one(Account, cast.HARBOUR)
    limits = Limits(
        account=harbour, admin=ada, reason_required=False, expires_at=now + timedelta(days=1)
    )
    key, _ = create(db, now, scopes=["impersonate", "propelauth"], limits=limits, by=ada)
    assert (key.account, key.admin, key.created_by) == (harbour, ada, ada)
    event = trail.only(db, AuditAction.API_KEY_CREATED)
    assert (event.account_id, event.details["admin_id"]) == (harbour.id, ada.id)
    assert event.details["admin"] == ada.name
    assert event.details["reason_required"] is False
    assert event.details["expires_at"] == "2026-03-03T09:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "scopes"),
    [
        (" ", ["product"]),
        ("x" * 101, ["product"]),
        ("x\x1b", ["product"]),
        ("x", []),
        ("x", ["root"]),
    ],
)
def test_a_key_needs_a_name_and_known_scopes(
    db: Session, now: datetime, name: str, scopes: list[str]
) -> None:
    with pytest.raises(Invalid):
        create(db, now, name=name, scopes=scopes, by=None)


@pytest.mark.requirement("P1")
@fails_without(
    line(
        api_keys.find,
        "hash_secret(secret))",
        "hash_secret(secret)) or api_key_by_secret_hash(db, secret)",
    )
)
def test_a_key_is_found_by_its_secret_alone(db: Session, now: datetime) -> None:
    key = api_keys.find(db, cast.API_KEY, now=now)
    assert key is not None
    for wrong in ("", key.prefix, key.secret_hash, cast.API_KEY + "x", cast.API_KEY.upper()):
        assert api_keys.find(db, wrong, now=now) is None


@pytest.mark.requirement("P1")
@fails_without(line(api_keys.find, " and key.is_good(now)"))
@pytest.mark.parametrize(
    ("column", "value"),
    [("revoked_at", timedelta(0)), ("revoked_at", timedelta(days=1)), ("expires_at", timedelta(0))],
)
def test_a_revoked_or_expired_key_is_not_found(
    db: Session, now: datetime, column: str, value: timedelta
) -> None:
    setattr(db.get_one(APIKey, "letterbox"), column, now + value)
    assert api_keys.find(db, cast.API_KEY, now=now) is None


@pytest.mark.requirement("P1")
def test_a_key_is_good_until_it_expires(db: Session, now: datetime) -> None:
    db.get_one(APIKey, "letterbox").expires_at = now + timedelta(microseconds=1)
    assert api_keys.find(db, cast.API_KEY, now=now) is not None


@pytest.mark.parametrize(
    "url",
    [
        "/callback",
        "javascript:alert(1)",
        "https://",
        "https://app.example.com/#here",
        "https://ada@app.example.com/",
        "https://app.example.com/a b",
        "https://app.example.com/\n",
        "https://[",
        "https://app.example.com/" + "x" * 500,
    ],
)
def test_a_callback_is_a_whole_web_address(db: Session, now: datetime, url: str) -> None:
    with pytest.raises(Invalid):
        create(db, now, scopes=["auth0_callback"], limits=Limits(callback_urls=(url,)))


def test_a_key_that_browsers_are_sent_back_to_has_a_callback(db: Session, now: datetime) -> None:
    with pytest.raises(Invalid):
        create(db, now, scopes=["auth0_callback"])


def test_a_key_cannot_have_expired_when_it_is_made(db: Session, now: datetime) -> None:
    with pytest.raises(Invalid):
        create(db, now, scopes=["product"], limits=Limits(expires_at=now))


@fails_without(
    line(api_keys._check_limits, "if admin is not None and admin.is_disabled", "if False")
)
def test_a_key_acts_for_nobody_who_is_disabled(db: Session, now: datetime, cy: Admin) -> None:
    cy.disabled_at = now
    with pytest.raises(Invalid):
        create(db, now, scopes=["impersonate"], limits=Limits(admin=cy))


@pytest.mark.requirement("P2")
@fails_without(
    line(
        APIKey.state,
        '"admin disabled" if self.admin and self.admin.is_disabled else "good"',
        '"good"',
    )
)
def test_a_key_opens_nothing_while_its_admin_is_disabled(
    db: Session, now: datetime, cy: Admin
) -> None:
    key, secret = create(db, now, scopes=["api"], limits=Limits(admin=cy))
    cy.disabled_at = now
    assert api_keys.find(db, secret, now=now) is None
    assert key.state(now) == "admin disabled"
    cy.disabled_at = None
    assert api_keys.find(db, secret, now=now) is key


@fails_without(
    line(
        api_keys._check_limits,
        "if Scope.DIRECTORY in scopes and limits.account is not None",
        "if False",
    )
)
def test_a_key_for_the_directory_is_limited_to_no_account(db: Session, now: datetime) -> None:
    limits = Limits(account=db.get_one(Account, cast.HARBOUR))
    with pytest.raises(Invalid):
        create(db, now, scopes=["directory"], limits=limits)


@pytest.mark.requirement("P1", "L12")
@fails_without(line(api_keys.revoke, ", APIKey.revoked_at.is_(None)"))
def test_a_key_is_revoked_once_and_that_is_recorded(db: Session, ada: Admin, now: datetime) -> None:
    key = db.get_one(APIKey, "letterbox")
    api_keys.revoke(db, key, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert api_keys.find(db, cast.API_KEY, now=now) is None
    event = trail.only(db, AuditAction.API_KEY_REVOKED)
    assert (event.actor_id, event.details["name"]) == (ada.id, "Letterbox")
    with pytest.raises(Conflict):
        api_keys.revoke(db, key, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert len(trail.events(db, AuditAction.API_KEY_REVOKED)) == 1


@pytest.mark.requirement("P1", "K5")
@fails_without(line(api_keys.find_client, "key if same else None", "key"))
def test_a_client_is_found_by_both_its_id_and_its_secret(db: Session, now: datetime) -> None:
    key = db.get_one(APIKey, "letterbox")
    assert api_keys.find_client(db, "letterbox", cast.API_KEY, now=now) is key
    for pair in (("", cast.API_KEY), ("\ud800", cast.API_KEY), ("letterbox", ""), ("", "")):
        assert api_keys.find_client(db, *pair, now=now) is None
    key.revoked_at = now
    assert api_keys.find_client(db, "letterbox", cast.API_KEY, now=now) is None


@pytest.mark.requirement("P1")
@fails_without(line(api_keys.is_stale, "now - key.last_used_at >= LAST_USED_WITHIN", "True"))
def test_its_use_is_known_to_the_minute(db: Session, now: datetime) -> None:
    key = db.get_one(APIKey, "letterbox")
    assert api_keys.is_stale(key, now=now)
    api_keys.note_use(db, key.id, now=now)
    db.refresh(key)
    assert not api_keys.is_stale(key, now=now + timedelta(seconds=59))
    assert api_keys.is_stale(key, now=now + timedelta(seconds=60))
