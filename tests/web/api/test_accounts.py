"""Accounts for an operator's script."""

import pytest

from app.web.api import visible
from tests.cast import DRYDOCK, ELSEWHERE, HARBOUR, LIGHTHOUSE
from tests.conftest import on_sqlite
from tests.twins import fails_without, line
from tests.web.api.conftest import problem
from tests.web.api.scripts import Script


def ids(script: Script, **query: str) -> list[str]:
    return [row["id"] for row in script.found("/accounts", **query)]


def test_accounts_are_listed_by_name(operator: Script) -> None:
    assert ids(operator) == [DRYDOCK, ELSEWHERE, HARBOUR, LIGHTHOUSE]


def test_accounts_are_searched(operator: Script) -> None:
    for text in ("harb", "HARBOUR", "harbour.example", HARBOUR):
        assert ids(operator, q=text) == [HARBOUR]


def test_an_account_is_told(operator: Script) -> None:
    answer = operator.get(f"/accounts/{LIGHTHOUSE}")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "id": "lighthouse",
        "name": "Lighthouse",
        "domain": "lighthouse.example",
        "plan": "business",
        "status": "active",
        "allows_impersonation": False,
        "member_count": 1,
    }
    assert answer.get_json() in operator.found("/accounts")


@pytest.mark.requirement("A10", "P1")
@fails_without(line(visible.account, "if programs.api_key().covers(account_id)", "if True"))
def test_a_key_of_one_account_sees_that_one(of_harbour: Script) -> None:
    assert ids(of_harbour) == [HARBOUR]
    for text in ("harb", "example", HARBOUR, "Harbour"):
        assert ids(of_harbour, q=text) == [HARBOUR]
    for text in ("elsewhere", ELSEWHERE, "light", "drydock.example"):
        assert ids(of_harbour, q=text) == []
    assert of_harbour.get(f"/accounts/{HARBOUR}").status_code == 200
    problem(of_harbour.get(f"/accounts/{ELSEWHERE}"), 404, "not_found")


@pytest.mark.requirement("A10", "X6")
def test_an_account_that_is_not_there_is_not_found(operator: Script) -> None:
    for account_id in ("nowhere", "%00", "é", "x" * 5000, "a%2Fb"):
        problem(operator.get(f"/accounts/{account_id}"), 404, "not_found")


@on_sqlite
def test_an_account_is_only_read(operator: Script) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = operator.ask(method, f"/accounts/{HARBOUR}")
        problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
