"""Members for an operator's script."""

import pytest

from app.web.api import visible
from tests.cast import ELSEWHERE, EVE, HARBOUR, MIA, PIA
from tests.conftest import on_sqlite
from tests.twins import fails_without, line
from tests.web.api.conftest import problem
from tests.web.api.scripts import Script

OF_HARBOUR = ["ivo", "mia", "noor", "omar-as-member", "pia"]


def ids(script: Script, **query: str) -> list[str]:
    return [row["id"] for row in script.found("/members", **query)]


def test_members_are_listed_by_name(operator: Script) -> None:
    assert ids(operator) == ["eve", "ivo", "mia", "noor", "omar-as-member", "opal", "pia", "sam"]
    assert ids(operator, account=HARBOUR) == OF_HARBOUR


def test_members_are_searched(operator: Script) -> None:
    address = "http://127.0.0.1:8001/people/mia"
    for text in ("sønder", "SONDERGAARD", MIA.email, MIA.id, address):
        assert ids(operator, q=text) == [MIA.id]
        assert ids(operator, q=text, account=ELSEWHERE) == []


def test_a_member_is_told(operator: Script) -> None:
    answer = operator.get(f"/members/{PIA.id}")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "id": "pia",
        "name": "Pia Müller",
        "email": "pia@harbour.example",
        "role": "editor",
        "status": "active",
        "protected": True,
        "account": {"id": "harbour", "name": "Harbour"},
    }
    assert answer.get_json() in operator.found("/members", q="pia")


@pytest.mark.requirement("A10", "P1")
@fails_without(
    line(visible.member, "found and programs.api_key().covers(found.account_id)", "found"),
    line(visible.account_id_in, "return programs.api_key().account_id", "return None"),
)
def test_a_key_of_one_account_sees_nobody_elsewhere(of_harbour: Script) -> None:
    assert ids(of_harbour) == ids(of_harbour, account=HARBOUR) == OF_HARBOUR
    for text in ("eve", EVE.email, EVE.id):
        assert ids(of_harbour, q=text) == []
    problem(of_harbour.get(f"/members/{EVE.id}"), 404, "not_found")
    assert of_harbour.get(f"/members/{MIA.id}").status_code == 200


@pytest.mark.requirement("P1", "P3")
@fails_without(line(visible.account_id_in, "if account(named) is None", "if False"))
def test_an_account_elsewhere_is_as_good_as_none(of_harbour: Script) -> None:
    told = [
        problem(of_harbour.get("/members", account=one), 422, "invalid")
        for one in (ELSEWHERE, "nowhere")
    ]
    assert told[0] == told[1]


@pytest.mark.requirement("A10", "X6")
def test_a_member_who_is_not_there_is_not_found(operator: Script) -> None:
    for member_id in ("nobody", "%00", "é", "x" * 5000, "a%2Fb"):
        problem(operator.get(f"/members/{member_id}"), 404, "not_found")


@on_sqlite
def test_a_member_is_only_read(operator: Script) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        problem(operator.ask(method, f"/members/{MIA.id}"), 405, "method_not_allowed")
