"""Searching forgives case and accents, and takes wildcards for what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.storage.folding import fold
from app.storage.listed_members import search_members
from app.storage.members import Member
from tests.cast import HARBOUR, MIA


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Mia Søndergaard", "mia sondergaard"),
        ("Łukasz É", "lukasz e"),
        ("ŁUKASZ", "lukasz"),
        ("Straße", "strasse"),
        ("ﬁnance", "finance"),
        ("Æsir Œuvre", "aesir oeuvre"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}da", "ada"),
        ("\N{MATHEMATICAL BOLD CAPITAL A}da", "ada"),
        ("\N{SQUARE MB}", "mb"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("田中", "田中"),
        ("", ""),
    ],
)
def test_letters_lose_case_and_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(text=st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(text=st.text())
def test_the_case_of_a_letter_never_makes_another_person(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


def found(db: Session, text: str) -> list[str]:
    return [row.id for row in search_members(db, text=text, cursor=None).rows]


@pytest.mark.parametrize("text", ["mia", "MIA", "ia sonder", "søNDergaard", "mia@harbour.example"])
def test_a_member_is_found_by_any_part_of_name_or_address(db: Session, text: str) -> None:
    assert found(db, text) == [MIA.id]


@pytest.mark.requirement("X3")
@pytest.mark.parametrize("text", ["%", "_", "m_a", "mi%", "\\", "\\%", "'", "' OR 1=1 --"])
def test_wildcards_and_quotes_are_only_characters(db: Session, text: str) -> None:
    assert found(db, text) == []


@pytest.mark.parametrize("name", ["100%", "snake_case", "back\\slash", "O'Brien"])
def test_a_name_with_a_wildcard_in_it_is_found_by_it(db: Session, mia: Member, name: str) -> None:
    mia.name = name
    mia.fold_names()
    assert found(db, name) == [MIA.id]


def test_a_search_stays_in_its_account(db: Session) -> None:
    everywhere = search_members(db, text="example", cursor=None)
    inside = search_members(db, text="example", cursor=None, account_id=HARBOUR)
    assert len(everywhere.rows) == 8
    assert {row.account_id for row in inside.rows} == {HARBOUR}
