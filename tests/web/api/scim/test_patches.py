"""The dialects of PATCH that identity providers speak."""

from typing import Any

import pytest

from tests.cast import ELSEWHERE, MIA
from tests.web.api.scim.conftest import BASE, MEMBER, PATCH, Pusher

WORK = 'emails[type eq "work"].value'
NEW = "mia@new.example"


def patched(pusher: Pusher, *operations: dict[str, Any]) -> dict[str, Any]:
    answer = pusher.patch(f"/Users/{MIA.id}", *operations)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        # Microsoft Entra.
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": "active", "value": "False"},
        # Okta.
        {"op": "replace", "value": {"active": False}},
        {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": 0},
        {"Op": "replace", "Path": "ACTIVE", "Value": False},
    ],
)
def test_everybody_can_deactivate(pusher: Pusher, operation: dict[str, Any]) -> None:
    assert patched(pusher, operation)["active"] is False


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": WORK, "value": NEW},
        {"op": "Add", "path": WORK, "value": NEW},
        {"op": "Replace", "value": {WORK: NEW, "displayName": MIA.name}},
        {"op": "replace", "path": "emails[primary eq true].value", "value": NEW},
        {"op": "replace", "path": "emails", "value": [{"value": NEW, "primary": True}]},
        {"op": "replace", "value": {"emails": [{"value": NEW, "type": "work"}]}},
        {"op": "add", "path": "emails", "value": [{"value": NEW, "primary": True}]},
    ],
)
def test_everybody_can_change_the_address(pusher: Pusher, operation: dict[str, Any]) -> None:
    changed = patched(pusher, operation)
    assert changed["emails"] == [{"value": NEW, "type": "work"}]
    assert changed["displayName"] == MIA.name


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ({"op": "replace", "path": "displayName", "value": "Mia C"}, "Mia C"),
        ({"op": "Replace", "path": "name.formatted", "value": "Mia C"}, "Mia C"),
        ({"op": "replace", "value": {"name": {"formatted": "Mia C"}}}, "Mia C"),
        # Half a name is none.
        ({"op": "Replace", "path": "name.givenName", "value": "Mia"}, MIA.name),
    ],
)
def test_everybody_can_change_the_name(
    pusher: Pusher, operation: dict[str, Any], name: str
) -> None:
    assert patched(pusher, operation)["displayName"] == name


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "roles", "value": [{"value": "billing"}]},
        {"op": "add", "path": 'roles[primary eq "True"].value', "value": "billing"},
        {"op": "replace", "value": {"roles": [{"value": "billing", "type": "x"}]}},
    ],
)
def test_everybody_can_change_the_role(pusher: Pusher, operation: dict[str, Any]) -> None:
    assert patched(pusher, operation)["roles"] == [{"value": "billing"}]


def test_a_member_moves_to_another_account(pusher: Pusher) -> None:
    operation = {"op": "replace", "path": f"{MEMBER}:account", "value": ELSEWHERE}
    assert patched(pusher, operation)[MEMBER]["account"] == f"{BASE}/Accounts/{ELSEWHERE}"


def test_what_is_kept_nowhere_is_passed_over(pusher: Pusher) -> None:
    before = pusher.get(f"/Users/{MIA.id}").json
    after = patched(
        pusher,
        {"op": "Add", "path": "title", "value": "Dr"},
        {"op": "Replace", "path": 'addresses[type eq "work"].locality', "value": "Oslo"},
        {"op": "replace", "value": {"nickName": "M"}},
    )
    assert after == before


def test_the_pushers_name_for_a_member_can_go_and_come(pusher: Pusher) -> None:
    remove = {"op": "remove", "path": "externalId"}
    assert "externalId" not in patched(pusher, remove)
    add = {"op": "add", "path": "externalId", "value": "00u7"}
    after = patched(pusher, add)
    assert (after["id"], after["externalId"]) == (MIA.id, "00u7")
    assert pusher.found('externalId eq "00u7"') == [MIA.id]
    assert pusher.found(f'externalId eq "{MIA.id}"') == []


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "remove", "path": f"{MEMBER}:account"}, "mutability"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "meta.version", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "replace", "path": "displayName", "value": {"a": 1}}, "invalidValue"),
        ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails", "value": [{"value": "no address"}]}, "invalidValue"),
        ({"op": "swap", "path": "active", "value": True}, "invalidValue"),
        ({"op": "replace", "path": f"{MEMBER}:account", "value": "nowhere"}, "invalidValue"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    pusher: Pusher, operation: dict[str, Any], scim_type: str
) -> None:
    before = pusher.get(f"/Users/{MIA.id}").json
    rename = {"op": "replace", "path": "displayName", "value": "Somebody"}
    answer = pusher.patch(f"/Users/{MIA.id}", rename, operation)
    assert (answer.status_code, answer.json["scimType"]) == (400, scim_type), answer.json
    assert pusher.get(f"/Users/{MIA.id}").json == before


@pytest.mark.parametrize(
    "body",
    [
        {"schemas": [PATCH]},
        {"schemas": [PATCH], "Operations": []},
        {"schemas": [PATCH], "Operations": "all"},
        {"schemas": [PATCH], "Operations": [7]},
        {"schemas": [PATCH], "Operations": [{"op": 7, "path": 7}]},
        {"schemas": ["urn:other"], "Operations": [{"op": "remove", "path": "title"}]},
    ],
)
def test_a_body_that_is_no_patch_is_refused(pusher: Pusher, body: dict[str, Any]) -> None:
    assert pusher.send("PATCH", f"/Users/{MIA.id}", body).status_code == 400
