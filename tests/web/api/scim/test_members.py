"""Members pushed over SCIM."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from app.domain import directory
from app.domain.audit_trail import AuditAction
from app.storage.accounts import Account
from app.storage.database import Database
from app.storage.directory import MemberRecord
from app.storage.impersonations import Impersonation
from app.storage.members import Member
from app.web.application import Application
from tests import factories, trail
from tests.cast import ELSEWHERE, HARBOUR, IVO, MIA
from tests.clock import Clock
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line
from tests.web.api.conftest import Product
from tests.web.api.scim.conftest import BASE, CORE, MEMBER, Pusher, user

RACERS = 6


def row(database: Database, id_: str) -> Member:
    with database.unit_of_work(writing=False) as db:
        return db.get_one(Member, id_)


def actions(database: Database) -> list[str]:
    with database.unit_of_work(writing=False) as db:
        return [one.action for one in trail.events(db) if one.action.startswith(("member", "acc"))]


DEACTIVATE: dict[str, Any] = {"op": "replace", "path": "active", "value": False}
PROTECT: dict[str, Any] = {"op": "replace", "path": f"{MEMBER}:protected", "value": True}
MOVE: dict[str, Any] = {"op": "replace", "path": f"{MEMBER}:account", "value": ELSEWHERE}


# Adding.


def test_what_the_pusher_calls_a_member_becomes_the_id(pusher: Pusher, database: Database) -> None:
    answer = pusher.post("/Users", user(externalId="m-17"))
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{BASE}/Users/m-17"
    assert (answer.json["id"], answer.json["externalId"]) == ("m-17", "m-17")
    lin = row(database, "m-17")
    assert (lin.name, lin.email, lin.account_id) == ("Lin Abara", "lin@harbour.example", HARBOUR)
    assert (lin.role, lin.status, lin.protected) == ("member", "active", False)


def test_without_that_the_id_is_random(pusher: Pusher) -> None:
    answer = pusher.post("/Users", user())
    assert len(answer.json["id"]) == 36
    assert "externalId" not in answer.json


def test_a_new_member_counts(pusher: Pusher, database: Database) -> None:
    def count() -> int:
        with database.unit_of_work(writing=False) as db:
            return db.get_one(Account, HARBOUR).member_count

    before = count()
    pusher.post("/Users", user())
    assert count() == before + 1


@pytest.mark.parametrize("account", [HARBOUR, f"/Accounts/{HARBOUR}", f"../Accounts/{HARBOUR}"])
def test_an_account_is_named_by_its_id_or_its_address(pusher: Pusher, account: str) -> None:
    answer = pusher.post("/Users", user(**{MEMBER: {"account": account}}))
    assert answer.json[MEMBER]["account"] == f"{BASE}/Accounts/{HARBOUR}"


def test_the_account_of_another_site_is_none_of_ours(pusher: Pusher) -> None:
    account = f"https://elsewhere.example/scim/v2/Accounts/{HARBOUR}"
    answer = pusher.post("/Users", user(**{MEMBER: {"account": account}}))
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")


def test_a_member_without_an_account_is_refused_in_a_sentence(pusher: Pusher) -> None:
    answer = pusher.post("/Users", {**user(), "schemas": [CORE], MEMBER: None})
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")
    assert answer.json["detail"] == f"Say in {MEMBER}:account which account the member is in."


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"displayName": "Lin A.", "name": {"formatted": "Lin Abara"}}, "Lin A."),
        ({"displayName": None, "name": {"formatted": "Lin Abara"}}, "Lin Abara"),
        ({"displayName": None, "name": {"givenName": "Lin", "familyName": "Abara"}}, "Lin Abara"),
        ({"displayName": None}, "lin@harbour.example"),
    ],
)
def test_the_name_is_found_where_it_is(pusher: Pusher, sent: dict[str, Any], name: str) -> None:
    answer = pusher.post("/Users", user(**sent))
    assert (answer.json["displayName"], answer.json["name"]["formatted"]) == (name, name)


def test_the_primary_address_is_kept_and_the_user_name_beside_it(pusher: Pusher) -> None:
    emails = [{"value": "home@x.example"}, {"value": "work@x.example", "primary": True}]
    answer = pusher.post("/Users", user("lin", emails=emails))
    assert answer.json["userName"] == "lin"
    assert answer.json["emails"] == [{"value": "work@x.example", "type": "work"}]


def test_a_user_name_that_is_an_address_does_for_both(pusher: Pusher) -> None:
    answer = pusher.post("/Users", user(emails=None))
    assert answer.json["emails"][0]["value"] == "lin@harbour.example"


def test_a_member_without_an_address_is_refused(pusher: Pusher) -> None:
    answer = pusher.post("/Users", user("lin", emails=None))
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")


def test_passwords_and_phones_are_nobodys_business(pusher: Pusher) -> None:
    answer = pusher.post("/Users", user(password="hunter2", phoneNumbers=[{"value": "1"}]))
    assert answer.status_code == 201
    assert not {"password", "phoneNumbers"} & answer.json.keys()


# Names that are taken.


@pytest.mark.parametrize("taken", [{"externalId": MIA.id}, {"userName": "MIA@harbour.example"}])
def test_one_that_is_there_is_not_added_again(pusher: Pusher, taken: dict[str, str]) -> None:
    answer = pusher.post("/Users", user(**taken))
    assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")


def test_the_same_person_in_two_accounts_is_two_members(pusher: Pusher) -> None:
    answer = pusher.post("/Users", user(MIA.email, **{MEMBER: {"account": ELSEWHERE}}))
    assert answer.status_code == 201
    assert sorted(pusher.found(f'userName eq "{MIA.email}"')) == sorted([answer.json["id"], MIA.id])


def test_nobody_is_renamed_to_somebody_else(pusher: Pusher) -> None:
    for path, value in (("userName", MIA.email), ("externalId", MIA.id)):
        answer = pusher.patch(f"/Users/{IVO.id}", {"op": "replace", "path": path, "value": value})
        assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness")


def test_two_of_one_name_can_be_deactivated_nevertheless(
    pusher: Pusher, database: Database, clock: Clock
) -> None:
    with database.unit_of_work(writing=True) as db:
        harbour = db.get_one(Account, HARBOUR)
        db.add(factories.member(account=harbour, email=MIA.email, now=clock.now))
    assert pusher.patch(f"/Users/{MIA.id}", DEACTIVATE).status_code == 200


def test_of_many_who_add_the_same_one_does(
    admin_app: Application, pusher: Pusher, database: Database
) -> None:
    barrier = Barrier(RACERS)

    def add(_: int) -> int:
        racer = Pusher(admin_app.test_client(), pusher.secret)
        barrier.wait()
        return racer.post("/Users", user(externalId="m-17")).status_code

    with ThreadPoolExecutor(RACERS) as threads:
        statuses = sorted(threads.map(add, range(RACERS)))
    assert statuses == [201, *[409] * (RACERS - 1)]
    assert actions(database) == [AuditAction.MEMBER_ADDED]


# Sessions.


@pytest.mark.requirement("I9")
@fails_without(line(directory._end_sessions, "end_due(db, provenance=provenance, now=now)", "pass"))
@pytest.mark.parametrize("operation", [DEACTIVATE, PROTECT, MOVE])
def test_a_change_that_takes_the_ground_ends_the_session_at_once(
    pusher: Pusher, product: Product, token: str, database: Database, operation: dict[str, Any]
) -> None:
    assert product.act(token).status_code == 201
    assert pusher.patch(f"/Users/{MIA.id}", operation).status_code == 200
    with database.unit_of_work(writing=False) as db:
        (session,) = db.query(Impersonation).all()
        assert session.end_reason == "member_unavailable"
    assert product.act(token).status_code == 401


@pytest.mark.requirement("I9")
@fails_without(line(directory._end_sessions, "end_due(db, provenance=provenance, now=now)", "pass"))
def test_removing_a_member_ends_the_session_and_deletes_nothing(
    pusher: Pusher, product: Product, token: str, database: Database
) -> None:
    assert pusher.send("DELETE", f"/Users/{MIA.id}").status_code == 204
    with database.unit_of_work(writing=False) as db:
        assert db.query(Impersonation).one().end_reason == "member_unavailable"
    assert product.act(token).status_code == 401
    assert pusher.get(f"/Users/{MIA.id}").status_code == 404
    assert MIA.id not in pusher.found("userName pr")
    assert row(database, MIA.id).status == "deactivated"
    with database.unit_of_work(writing=False) as db:
        assert db.query(Impersonation).one().target.name == MIA.name


def test_a_deactivated_member_is_still_there(pusher: Pusher) -> None:
    pusher.patch(f"/Users/{MIA.id}", DEACTIVATE)
    assert pusher.get(f"/Users/{MIA.id}").json["active"] is False


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_who_is_removed_is_gone_for_everything(pusher: Pusher, method: str) -> None:
    pusher.send("DELETE", f"/Users/{MIA.id}")
    body = {"PUT": user(), "PATCH": {"Operations": [DEACTIVATE]}}.get(method)
    assert pusher.send(method, f"/Users/{MIA.id}", body).status_code == 404


@pytest.mark.parametrize("again", [{"externalId": MIA.id}, {"userName": MIA.email}])
def test_who_is_added_again_comes_back_as_the_same(
    pusher: Pusher, database: Database, again: dict[str, str]
) -> None:
    pusher.send("DELETE", f"/Users/{MIA.id}")
    answer = pusher.post("/Users", user(**again))
    assert (answer.status_code, answer.json["id"]) == (201, MIA.id)
    assert row(database, MIA.id).status == "active"


def test_who_another_source_tells_of_anew_is_back(
    pusher: Pusher, database: Database, clock: Clock
) -> None:
    mia = row(database, MIA.id)
    told = MemberRecord(*[getattr(mia, name) for name in MemberRecord._fields])
    pusher.send("DELETE", f"/Users/{MIA.id}")
    with database.unit_of_work(writing=True) as db:
        directory.put_members(db, [told], provenance=FROM_THE_OFFICE, now=clock.now)
    assert pusher.get(f"/Users/{MIA.id}").json["active"] is True


# Changing.


def test_what_a_replacement_leaves_out_stays(pusher: Pusher) -> None:
    before = pusher.get(f"/Users/{MIA.id}").json
    sent = {"schemas": [CORE], "userName": MIA.email, "displayName": "Mia Chen"}
    after = pusher.send("PUT", f"/Users/{MIA.id}", sent).json
    same = before.keys() - {"displayName", "name", "meta"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["displayName"] == "Mia Chen"


def test_whoever_is_invited_stays_so_until_deactivated(pusher: Pusher, database: Database) -> None:
    pusher.send("PUT", f"/Users/{IVO.id}", user(IVO.email))
    assert row(database, IVO.id).status == "invited"
    pusher.patch(f"/Users/{IVO.id}", DEACTIVATE)
    pusher.patch(f"/Users/{IVO.id}", {**DEACTIVATE, "value": True})
    assert row(database, IVO.id).status == "active"


def test_an_address_that_is_the_user_name_follows_it(pusher: Pusher) -> None:
    operation = {"op": "replace", "path": "userName", "value": "mia@new.example"}
    answer = pusher.patch(f"/Users/{MIA.id}", operation)
    assert answer.json["emails"][0]["value"] == "mia@new.example"


def test_a_member_stays_in_an_account_that_is_removed_and_nobody_comes_to_it(
    pusher: Pusher,
) -> None:
    pusher.send("DELETE", f"/Accounts/{HARBOUR}")
    assert pusher.patch(f"/Users/{MIA.id}", PROTECT).status_code == 200
    assert pusher.post("/Users", user()).status_code == 400


# The trail.


def test_each_change_is_an_event_and_no_change_is_none(
    pusher: Pusher, database: Database, clock: Clock
) -> None:
    pusher.post("/Users", user(externalId="m-17"))
    clock.move(seconds=1)
    for _ in range(2):
        pusher.patch("/Users/m-17", DEACTIVATE, {**DEACTIVATE, "path": "displayName", "value": "L"})
    pusher.send("DELETE", "/Users/m-17")
    with database.unit_of_work(writing=False) as db:
        added, changed, removed = [
            one for one in trail.events(db) if one.action.startswith("member")
        ]
    assert (added.subject_id, added.account_id) == ("m-17", HARBOUR)
    assert changed.details == {
        "by": "the API key Okta",
        "fields": ["name", "status"],
        "status": "deactivated",
    }
    assert removed.action == AuditAction.MEMBER_REMOVED
    # Names are words, which can be erased.
    assert "Lin" not in added.facts + changed.facts
    assert changed.subject_name == "L"


def test_what_changes_nothing_leaves_the_version(pusher: Pusher, clock: Clock) -> None:
    before = pusher.get(f"/Users/{MIA.id}")
    clock.move(seconds=1)
    after = pusher.patch(f"/Users/{MIA.id}", {**DEACTIVATE, "value": True})
    assert after.headers["ETag"] == before.headers["ETag"]
