"""Which passwords are good enough, and how they are kept (S7)."""

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import passwords
from app.domain.errors import Invalid
from app.domain.passwords import hash_password
from tests.budget import tries
from tests.twins import fails_without, line, value

pytestmark = pytest.mark.requirement("S7")

EASY = "easy to guess"
GOOD = "four unlike words of nobody"


@fails_without(line(hash_password, "if len(password) not in LENGTH", "if False"))
@pytest.mark.parametrize("length", [0, 11, 129, 5000])
def test_a_password_too_short_or_endless_is_not_taken(length: int) -> None:
    with pytest.raises(Invalid, match="12 to 128 characters"):
        hash_password("x" * length)


@fails_without(line(hash_password, "< LEAST_SCORE", "< 0"))
@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "123456789012",
        "qwertyuiopasdf",
        "a" * 128,
        "P@ssw0rd2026",
        "Дддддддддддд",
    ],
)
def test_a_password_that_is_guessed_first_is_not_taken(password: str) -> None:
    with pytest.raises(Invalid, match=EASY):
        hash_password(password)


@fails_without(line(hash_password, "_words(known)", "[]"))
@pytest.mark.parametrize("password", ["Brzeczyszczykiewicz", "Brzeczyszczykiewicz1"])
def test_a_password_made_of_ones_own_name_is_not_taken(password: str) -> None:
    known = ("grzegorz@example.com", "Grzegorz Brzeczyszczykiewicz")
    with pytest.raises(Invalid, match=EASY):
        hash_password(password, known=known)


@fails_without(line(passwords._words, "permutations(some, 2)", "()"))
@pytest.mark.parametrize("password", ["LindqvistAda2026", "ada.lindqvist.2026", "adalindqvist!!"])
def test_a_password_of_several_of_ones_names_is_not_taken(password: str) -> None:
    with pytest.raises(Invalid, match=EASY):
        hash_password(password, known=("ada@example.com", "Ada Lindqvist"))


@pytest.mark.parametrize("filler", ["\0", "ß", "😀"])
def test_a_password_in_any_script_is_taken_as_it_is(filler: str) -> None:
    password = GOOD + filler * (128 - len(GOOD))
    hashed = hash_password(password)
    assert passwords.matches(hashed, password)
    assert not passwords.matches(hashed, password[:-1])


@settings(max_examples=tries(15), deadline=None)
@given(more=st.text(max_size=100))
def test_a_password_is_kept_as_an_argon2id_hash(more: str) -> None:
    hashed = hash_password(GOOD + more)
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PasswordHasher().verify(hashed, GOOD + more)


@fails_without(value(passwords, "nobodys_hash", lambda: passwords._hasher.hash("")))
def test_what_is_nobodys_is_guessed_by_nobody() -> None:
    assert not passwords.matches(passwords.nobodys_hash(), "")
    assert passwords.nobodys_hash().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
