"""What every list has in common: pages by cursors that only we can make, and strict parameters."""

import base64
import json

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from app.domain.permissions import Scope
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from app.web import authentication
from app.web.api import visible
from tests import factories
from tests.cast import CY, EVE, HARBOUR
from tests.clock import Clock
from tests.conftest import on_sqlite
from tests.twins import fails_without, line
from tests.web.api.conftest import problem
from tests.web.api.scripts import Script, script

LISTS = ["/accounts", "/members", "/impersonations", "/audit-trail/events"]
each_list = pytest.mark.parametrize("path", LISTS)


@pytest.fixture
def crowd(operator: Script, database: Database, clock: Clock) -> None:
    """Several of everything."""
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        for _ in range(5):
            factories.start(db, impersonator=cy, target=eve, now=clock.move(seconds=1))


def everything(path: str) -> dict[str, str]:
    return {"state": "any"} if path == "/impersonations" else {}


@each_list
@pytest.mark.parametrize("limit", [2, 3])
def test_pages_hold_everything_once_and_in_order(
    operator: Script, crowd: None, path: str, limit: int
) -> None:
    query = everything(path)
    whole = operator.get(path, **query, limit=200).get_json()
    (rows,) = (value for value in whole.values() if isinstance(value, list))
    pages = list(operator.pages(path, **query, limit=limit))
    assert [len(page) == limit for page in pages[:-1]] == [True] * (len(pages) - 1)
    read = [one for page in pages for one in page]
    # To read the trail is an event itself, if a newer one than all that were there.
    assert read[-len(rows) :] == [row["id"] for row in rows]
    assert len(read) == len(set(read)) >= 4


@pytest.mark.parametrize("path", ["/members", "/accounts"])
def test_a_search_is_read_page_by_page_too(operator: Script, path: str) -> None:
    whole = [row["id"] for row in operator.found(path, q="example")]
    assert [one for page in operator.pages(path, q="example", limit=2) for one in page] == whole
    assert len(whole) > 2


@each_list
def test_a_page_has_fifty_rows_unless_more_are_asked_for(
    operator: Script, database: Database, clock: Clock, path: str
) -> None:
    with database.unit_of_work(writing=True) as db:
        cy, eve = db.get_one(Admin, CY.id), db.get_one(Member, EVE.id)
        for _ in range(60):
            factories.start(db, impersonator=cy, target=eve, now=clock.now)
            db.add(factories.member(account=factories.account(now=clock.now), now=clock.now))
    for limit, most in (({}, 50), ({"limit": 60}, 60)):
        body = operator.get(path, **everything(path), **limit).get_json()
        assert len(body[path.rpartition("/")[2]]) == most


@each_list
def test_a_list_says_nothing_of_totals(operator: Script, path: str) -> None:
    assert len(operator.get(path).get_json()) == 2


# Cursors.


def forged(*keys: object) -> str:
    """A cursor as a page of the admin site has it, or as somebody would make one."""
    return base64.urlsafe_b64encode(json.dumps([False, *keys]).encode()).decode().rstrip("=")


FOREIGN = ["nonsense", "0", "1", "eyJ", "\0", "é", "x" * 9000, forged("a", "b"), forged(1), "[]"]


@each_list
@pytest.mark.requirement("X6")
def test_a_cursor_that_we_did_not_give_is_refused(operator: Script, path: str) -> None:
    for cursor in FOREIGN:
        problem(operator.get(path, cursor=cursor), 400, "bad_cursor")


@on_sqlite
@each_list
def test_a_cursor_under_another_secret_is_refused(operator: Script, path: str) -> None:
    cursor = URLSafeSerializer("another secret", salt=f"cursor /api/v1{path}?").dumps(["a", "b"])
    problem(operator.get(path, cursor=cursor), 400, "bad_cursor")


def test_a_cursor_means_nothing_in_another_list_or_search(operator: Script, crowd: None) -> None:
    cursor = operator.get("/members", limit=1).get_json()["next_cursor"]
    assert operator.get("/members", limit=2, cursor=cursor).status_code == 200
    problem(operator.get("/accounts", cursor=cursor), 400, "bad_cursor")
    problem(operator.get("/members", cursor=cursor, q="mia"), 400, "bad_cursor")
    problem(operator.get("/members", cursor=cursor, account=HARBOUR), 400, "bad_cursor")
    problem(operator.get("/members", cursor=cursor[:-1]), 400, "bad_cursor")


@pytest.mark.requirement("P1")
@fails_without(line(visible.account_id_in, "return programs.api_key().account_id", "return None"))
def test_a_cursor_opens_nothing_to_a_key_of_one_account(
    operator: Script, of_harbour: Script
) -> None:
    cursor = operator.get("/members", limit=1).get_json()["next_cursor"]
    answer = of_harbour.get("/members", cursor=cursor)
    assert {row["account"]["id"] for row in answer.get_json()["members"]} == {HARBOUR}


# Parameters.


@on_sqlite
@each_list
def test_a_limit_that_cannot_be_is_refused(operator: Script, path: str) -> None:
    for limit in ("0", "-1", "201", "1.5", "x", "٣", "1e2", "+1", "9" * 5000):
        told = problem(operator.get(path, limit=limit), 422, "invalid")
        assert told["detail"] == "limit must be a whole number from 1 to 200."


@on_sqlite
@each_list
def test_a_mistyped_parameter_shows_nobody_everything(operator: Script, path: str) -> None:
    problem(operator.get(path, acount=HARBOUR), 422, "invalid")
    problem(operator.get(path, offset="10"), 422, "invalid")


@on_sqlite
@each_list
def test_a_parameter_is_given_once(operator: Script, path: str) -> None:
    problem(operator.ask("GET", f"{path}?limit=1&limit=2"), 422, "invalid")


@on_sqlite
@each_list
def test_an_empty_filter_shows_nobody_everything(operator: Script, path: str) -> None:
    """As a variable leaves it that has no value."""
    filters = {"/members": "q", "/accounts": "q"}
    for value in ("", " "):
        problem(operator.get(path, **{filters.get(path, "account"): value}), 422, "invalid")
        problem(operator.get(path, limit=value), 422, "invalid")
    # Before the first page there is no cursor.
    assert operator.get(path, cursor="").status_code == 200


HOSTILE = ["%", "_", "'", '"', "*", "a OR b", "\\", "é", "🦆", "-", "  x  "]


@pytest.mark.requirement("X6")
@pytest.mark.parametrize("path", ["/members", "/accounts"])
def test_anything_can_be_searched_for_but_what_no_name_has(operator: Script, path: str) -> None:
    for q in HOSTILE:
        assert operator.get(path, q=q).status_code == 200
    for q in ("a\0b", "x" * 201):
        problem(operator.get(path, q=q), 422, "invalid")


# Who may ask.


@on_sqlite
@pytest.mark.requirement("P1")
@fails_without(line(authentication._check_program, "route.audience not in key.scopes", "False"))
@pytest.mark.parametrize("scope", [one for one in Scope if one not in ("api", "auth0_callback")])
def test_another_scope_opens_no_list(
    client: FlaskClient, database: Database, clock: Clock, scope: str
) -> None:
    other = script(client, database, clock, scope)
    for path in LISTS:
        problem(other.get(path), 403, "forbidden")
