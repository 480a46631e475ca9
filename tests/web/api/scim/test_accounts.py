"""Accounts pushed over SCIM."""

from typing import Any

import pytest

from app.domain import directory
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.impersonations import Impersonation
from tests import trail
from tests.cast import HARBOUR
from tests.twins import fails_without, line
from tests.web.api.conftest import Product
from tests.web.api.scim.conftest import ACCOUNT, BASE, Pusher, account, user

FORBID = {"op": "replace", "path": "impersonationAllowed", "value": False}
SUSPEND = {"op": "replace", "path": "active", "value": False}


def test_an_account_is_added_with_what_is_usual(pusher: Pusher, database: Database) -> None:
    answer = pusher.post("/Accounts", account(externalId="mole"))
    assert (answer.status_code, answer.json["id"]) == (201, "mole")
    assert answer.headers["Location"] == f"{BASE}/Accounts/mole"
    assert (answer.json["active"], answer.json["impersonationAllowed"]) == (True, True)
    with database.unit_of_work(writing=False) as db:
        mole = db.get_one(Account, "mole")
        assert (mole.name, mole.plan, mole.member_count) == ("Mole Brewery", "starter", 0)
        (event,) = [one for one in trail.events(db) if one.action == "account.added"]
        assert (event.account_id, event.account_name) == ("mole", "Mole Brewery")


@pytest.mark.parametrize("missing", ["displayName", "domain", "plan"])
def test_what_is_needed_is_asked_for(pusher: Pusher, missing: str) -> None:
    answer = pusher.post("/Accounts", account(**{missing: None}))
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")


def test_the_same_account_is_not_added_twice(pusher: Pusher) -> None:
    answer = pusher.post("/Accounts", account(externalId=HARBOUR))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")


@pytest.mark.requirement("I9")
@fails_without(line(directory._end_sessions, "end_due(db, provenance=provenance, now=now)", "pass"))
@pytest.mark.parametrize("operation", [FORBID, SUSPEND, None])
def test_what_takes_the_ground_ends_the_session_at_once(
    pusher: Pusher,
    product: Product,
    token: str,
    database: Database,
    operation: dict[str, Any] | None,
) -> None:
    assert product.act(token).status_code == 201
    if operation:
        assert pusher.patch(f"/Accounts/{HARBOUR}", operation).status_code == 200
    else:
        assert pusher.send("DELETE", f"/Accounts/{HARBOUR}").status_code == 204
    with database.unit_of_work(writing=False) as db:
        assert db.query(Impersonation).one().end_reason == "account_unavailable"
    assert product.act(token).status_code == 401


def test_an_account_that_is_removed_stays_and_comes_back(
    pusher: Pusher, database: Database
) -> None:
    pusher.send("DELETE", f"/Accounts/{HARBOUR}")
    assert pusher.get(f"/Accounts/{HARBOUR}").status_code == 404
    with database.unit_of_work(writing=False) as db:
        assert db.get_one(Account, HARBOUR).is_suspended
    answer = pusher.post("/Accounts", account(externalId=HARBOUR))
    assert (answer.status_code, answer.json["id"], answer.json["active"]) == (201, HARBOUR, True)


def test_what_an_admin_has_switched_off_stays_off(pusher: Pusher, database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        db.get_one(Account, HARBOUR).impersonation_switched_off = True
    allow = {"schemas": [ACCOUNT], "impersonationAllowed": True}
    assert pusher.send("PUT", f"/Accounts/{HARBOUR}", allow).status_code == 200
    with database.unit_of_work(writing=False) as db:
        assert not db.get_one(Account, HARBOUR).allows_impersonation


def test_a_member_is_pushed_into_a_pushed_account(pusher: Pusher) -> None:
    here = pusher.post("/Accounts", account()).json["meta"]["location"]
    member = "urn:understudy:params:scim:schemas:extension:member:2.0:User"
    answer = pusher.post("/Users", user(**{member: {"account": here}}))
    assert answer.json[member]["account"] == here
