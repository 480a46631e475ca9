"""Finding resources: filters, pages by number and by cursor, and what of them is shown."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from app.storage.database import Database
from app.storage.members import Member
from app.web.api.scim import lists
from tests.cast import ELSEWHERE, EVE, HARBOUR, IVO, MIA, NOOR, OPAL, PIA, SAM
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.web.api.scim.conftest import BASE, MEMBER, Pusher, account, user

EVERYBODY = {MIA.id, NOOR.id, IVO.id, PIA.id, "omar-as-member", SAM.id, OPAL.id, EVE.id}


@pytest.mark.parametrize(
    ("scim_filter", "found"),
    [
        ('userName eq "mia@harbour.example"', {MIA.id}),
        ('USERNAME EQ "MIA@HARBOUR.EXAMPLE"', {MIA.id}),
        ('emails[type eq "work"].value eq "mia@harbour.example"', {MIA.id}),
        ('emails[type eq "work" and value co "harbour"] and active eq false', {NOOR.id}),
        ('emails[type eq "home"]', set()),
        ('emails.value sw "mia@"', {MIA.id}),
        ('emails co "harbour" and not (userName sw "m")', {NOOR.id, IVO.id, PIA.id}),
        ('displayName sw "mia" or displayName ew "tanaka"', {MIA.id, EVE.id}),
        # Without accents, as everywhere on the site.
        ('name.formatted eq "mia sondergaard"', {MIA.id}),
        (f'externalId eq "{MIA.id}"', {MIA.id}),
        (f'id eq "{MIA.id}" or id eq "{EVE.id}"', {MIA.id, EVE.id}),
        # Ids know of case.
        ('id eq "MIA"', set()),
        ('roles.value eq "owner"', {MIA.id}),
        (f'{MEMBER}:account eq "{ELSEWHERE}"', {EVE.id}),
        (f'{MEMBER}:account eq "{BASE}/Accounts/{ELSEWHERE}"', {EVE.id}),
        (f"{MEMBER}:protected eq true", {PIA.id}),
        (f"{MEMBER}:invited eq true", {IVO.id}),
        ("active eq true", EVERYBODY - {NOOR.id}),
        ("active ne true", {NOOR.id}),
        ('userName gt "n" and userName lt "o"', {NOOR.id}),
        ('meta.created le "2026-03-02T09:00:00Z"', EVERYBODY),
        ('meta.lastModified gt "2026-03-02T09:00:00"', set()),
        ("externalId pr and userName pr and emails pr", EVERYBODY),
        ("externalId eq null", set()),
        ("externalId ne null and active pr", EVERYBODY),
    ],
)
def test_a_filter_finds(pusher: Pusher, scim_filter: str, found: set[str]) -> None:
    assert set(pusher.found(scim_filter)) == found
    resources = listed(pusher, urlencode({"filter": scim_filter}))["Resources"]
    assert {one["id"] for one in resources} == found


@pytest.mark.parametrize(
    ("scim_filter", "found"),
    [
        ('displayName eq "HARBOUR" and domain co "harbour"', {HARBOUR}),
        ('plan ne "business"', set()),
        ("active eq false", {"drydock"}),
        ("impersonationAllowed eq false", {"lighthouse"}),
    ],
)
def test_a_filter_finds_accounts(pusher: Pusher, scim_filter: str, found: set[str]) -> None:
    assert set(pusher.found(scim_filter, "/Accounts")) == found


@pytest.mark.parametrize(
    "injected",
    ["' OR 1=1 --", "%", "_", "\\", "mia' --", "%' OR '1'='1", '" or id pr or id eq "', "🦊", ""],
)
@pytest.mark.parametrize("op", ["eq", "sw", "ew", "co"])
def test_a_value_stays_a_value(pusher: Pusher, op: str, injected: str) -> None:
    quoted = injected.replace("\\", "\\\\").replace('"', '\\"')
    found = pusher.found(f'displayName {op} "{quoted}"')
    assert found == [] or (injected == "" and op != "eq")


@pytest.mark.parametrize(
    "scim_filter",
    [
        "",
        "userName",
        "userName eq",
        "userName eq mia",
        'userName like "m"',
        'password eq "x"',
        'title eq "x"',
        'meta.location eq "x"',
        'id eq "x"; DROP TABLE members',
        "active gt true",
        'active eq "perhaps"',
        'meta.created gt "yesterday"',
        'meta.created co "2026"',
        "userName eq 7",
        'userName eq "\\u0000"',
        'userName co "\\ud800"',
        "(" * 500 + "id pr" + ")" * 500 + " and",
        " or ".join(['id eq "x"'] * 101),
        "not (" * 40 + "id pr" + ")" * 40,
        "n" * 9000,
    ],
)
def test_a_filter_that_cannot_be_is_refused(pusher: Pusher, scim_filter: str) -> None:
    answer = pusher.post("/Users/.search", {"filter": scim_filter})
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidFilter"), answer.json


@on_sqlite
def test_a_search_waits_for_no_writer(pusher: Pusher, database: Database) -> None:
    with database.unit_of_work(writing=True) as db:
        db.connection()
        assert pusher.found(f'id eq "{MIA.id}"') == [MIA.id]


# Pages.


def listed(pusher: Pusher, query: str) -> dict[str, Any]:
    answer = pusher.get(f"/Users?{query}")
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_pages_by_number(pusher: Pusher) -> None:
    first, last = listed(pusher, "count=3"), listed(pusher, "startIndex=7&count=3")
    assert (first["totalResults"], first["startIndex"], first["itemsPerPage"]) == (8, 1, 3)
    assert (last["startIndex"], last["itemsPerPage"]) == (7, 2)
    ids = [one["id"] for one in (*first["Resources"], *last["Resources"])]
    assert ids == sorted(ids)


def test_odd_numbers_mean_the_nearest(pusher: Pusher) -> None:
    assert listed(pusher, "startIndex=-5&count=-1")["Resources"] == []
    assert listed(pusher, "count=0")["totalResults"] == 8
    assert len(listed(pusher, "count=99999999999999999999")["Resources"]) == 8
    assert listed(pusher, "startIndex=100")["Resources"] == []


def test_pages_by_cursor_reach_everybody_once(pusher: Pusher) -> None:
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = listed(pusher, f"count=3&cursor={cursor}")
        ids += [one["id"] for one in page["Resources"]]
        cursor = page.get("nextCursor")
    assert ids == sorted(EVERYBODY)
    back = listed(pusher, f"count=3&cursor={page['previousCursor']}")
    assert [one["id"] for one in back["Resources"]] == ids[3:6]


def test_numbers_end_where_they_grow_dear(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LAST_NUMBER", 5)
    assert listed(pusher, "count=1")["totalResults"] == 6
    assert "totalResults" not in listed(pusher, "count=1&cursor=")
    answer = pusher.get("/Users?startIndex=6")
    assert (answer.status_code, answer.json["scimType"]) == (400, "tooMany")
    assert "cursor" in answer.json["detail"]


@pytest.mark.parametrize("cursor", ["nonsense", "bnVsbA", "WzEsMl0", "%00", "a%20b", "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(pusher: Pusher, cursor: str) -> None:
    answer = pusher.get(f"/Users?cursor={cursor}")
    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidCursor")


@pytest.mark.parametrize(
    "query", ["count=many", "startIndex=1.5", "attributes=id&excludedAttributes=id"]
)
def test_a_list_that_cannot_be_is_refused(pusher: Pusher, query: str) -> None:
    assert pusher.get(f"/Users?{query}").status_code == 400


def test_the_largest_page_has_its_end(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LARGEST_PAGE", 2)
    assert listed(pusher, "count=1000")["itemsPerPage"] == 2


# What is shown.


def test_only_what_is_asked_for_is_shown(pusher: Pusher) -> None:
    (mia,) = listed(pusher, 'filter=userName+sw+"mia"&attributes=userName,emails.value')[
        "Resources"
    ]
    assert mia.keys() == {"schemas", "id", "userName", "emails"}
    assert "emails" not in pusher.get("/Users/mia?excludedAttributes=emails").json
    assert pusher.get(f"/Users/{IVO.id}?attributes={MEMBER}:invited").json[MEMBER] == {
        "invited": True
    }


def test_a_change_shows_what_is_asked_for_too(pusher: Pusher) -> None:
    answer = pusher.post("/Users?attributes=userName", user())
    assert answer.json.keys() == {"schemas", "id", "userName"}


# Versions.


def test_who_has_this_version_gets_nothing(pusher: Pusher) -> None:
    first = pusher.get("/Users/mia")
    tag = first.headers["ETag"]
    assert first.json["meta"]["version"] == tag
    assert tag.startswith('W/"')
    again = pusher.get("/Users/mia", If_None_Match=tag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert pusher.get("/Users/mia", If_None_Match='W/"other"').status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_who_means_another_version_changes_nothing(pusher: Pusher, method: str) -> None:
    before = pusher.get("/Users/mia")
    body = {
        "PUT": user(MIA.email),
        "PATCH": {"Operations": [{"op": "replace", "path": "active", "value": False}]},
    }.get(method)
    answer = pusher.send(method, "/Users/mia", body, If_Match='W/"other"')
    assert answer.status_code == 412
    assert pusher.get("/Users/mia").json == before.json
    good = pusher.send(method, "/Users/mia", body, If_Match=before.headers["ETag"])
    assert good.status_code in (200, 204)


def test_a_change_from_elsewhere_is_another_version(
    pusher: Pusher, database: Database, clock: Clock
) -> None:
    before = pusher.get("/Users/mia").headers["ETag"]
    with database.unit_of_work(writing=True) as db:
        db.get_one(Member, MIA.id).updated_at = clock.now + timedelta(microseconds=1)
    assert pusher.get("/Users/mia").headers["ETag"] != before


def test_a_new_account_is_found_under_its_name(pusher: Pusher) -> None:
    added = pusher.post("/Accounts", account(externalId="mole")).json
    assert pusher.found('displayName sw "mole"', "/Accounts") == ["mole"]
    assert pusher.get("/Accounts/mole").json == added
