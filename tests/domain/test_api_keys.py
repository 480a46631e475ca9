"""Keys for programs."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import api_keys
from app.domain.audit_trail import AuditAction
from app.domain.errors import Invalid
from app.domain.permissions import Scope
from app.storage.admins import Admin
from app.storage.api_keys import APIKey
from tests import cast, trail
from tests.factories import FROM_THE_OFFICE


def create(
    db: Session, now: datetime, *, name: str = "Letterbox", scopes: list[str], by: Admin | None
) -> tuple[APIKey, str]:
    return api_keys.create(db, name=name, scopes=scopes, by=by, provenance=FROM_THE_OFFICE, now=now)


@pytest.mark.requirement("P1", "L12")
def test_a_new_key_is_shown_once_and_kept_as_a_hash(db: Session, ada: Admin, now: datetime) -> None:
    key, secret = create(db, now, scopes=["product"], by=ada)
    assert secret.startswith("us_")
    assert len(secret) >= 46
    assert secret not in repr(vars(key))
    event = trail.only(db, AuditAction.API_KEY_CREATED)
    assert event.details == {"name": "Letterbox", "prefix": secret[:10], "scope": "product"}


@pytest.mark.parametrize(("name", "scopes"), [(" ", ["product"]), ("x", []), ("x", ["root"])])
def test_a_key_needs_a_name_and_known_scopes(
    db: Session, now: datetime, name: str, scopes: list[str]
) -> None:
    with pytest.raises(Invalid):
        create(db, now, name=name, scopes=scopes, by=None)


@pytest.mark.requirement("P1")
def test_a_key_is_found_by_its_secret_alone(db: Session, now: datetime) -> None:
    key = api_keys.find(db, cast.API_KEY, scope=Scope.PRODUCT, now=now)
    assert key is not None
    for wrong in ("", key.prefix, key.secret_hash, cast.API_KEY + "x", cast.API_KEY.upper()):
        assert api_keys.find(db, wrong, scope=Scope.PRODUCT, now=now) is None


@pytest.mark.requirement("P1")
@pytest.mark.parametrize(
    ("column", "value"),
    [("revoked_at", timedelta(0)), ("revoked_at", timedelta(days=1)), ("expires_at", timedelta(0))],
)
def test_a_revoked_or_expired_key_is_not_found(
    db: Session, now: datetime, column: str, value: timedelta
) -> None:
    setattr(db.get_one(APIKey, "letterbox"), column, now + value)
    assert api_keys.find(db, cast.API_KEY, scope=Scope.PRODUCT, now=now) is None


@pytest.mark.requirement("P1")
def test_a_key_is_good_until_it_expires(db: Session, now: datetime) -> None:
    db.get_one(APIKey, "letterbox").expires_at = now + timedelta(microseconds=1)
    assert api_keys.find(db, cast.API_KEY, scope=Scope.PRODUCT, now=now) is not None


@pytest.mark.requirement("P1")
@pytest.mark.parametrize("scope", ["", "products", "a-product", "PRODUCT", "product:read"])
def test_a_key_without_the_scope_is_not_found(db: Session, now: datetime, scope: str) -> None:
    db.get_one(APIKey, "letterbox").scope = scope
    assert api_keys.find(db, cast.API_KEY, scope=Scope.PRODUCT, now=now) is None
