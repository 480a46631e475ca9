"""The accounts and members of the demo at size."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo import customers, names


def test_the_same_numbers_give_the_same_people() -> None:
    assert list(customers.members(5, 40)) == list(customers.members(5, 40))


def test_no_two_share_an_id_or_an_address() -> None:
    members = list(customers.members(30, 3000))
    assert len({member.id for member in members}) == len(members)
    assert len({member.email for member in members}) == len(members)


def test_every_company_has_a_name_and_a_domain_of_its_own() -> None:
    companies = [names.company(number) for number in range(names.COMPANIES + 10)]
    assert len({name for name, _ in companies}) == len(companies)
    assert len({domain for _, domain in companies}) == len(companies)


@pytest.mark.parametrize("words", [names.GIVEN, names.FAMILY, names.FIRST, names.SECOND])
def test_every_word_can_stand_in_an_address(words: list[names.Word]) -> None:
    bad = [word.text for word in words if not re.fullmatch("[a-z0-9-]+", word.plain)]
    assert not bad


@given(accounts=st.integers(1, 60), members=st.integers(0, 5000))
def test_the_sizes_come_to_what_was_asked_for(accounts: int, members: int) -> None:
    sizes = customers.sizes(accounts, members)
    assert len(sizes) == accounts
    assert sum(sizes) == members
    assert min(sizes) >= 0


def test_one_account_holds_a_fiftieth_of_a_million() -> None:
    assert customers.sizes(100_000, 1_000_000)[0] == 20_000
