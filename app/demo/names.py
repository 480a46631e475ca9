"""Names of people and companies for the demo at size, in many scripts."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.storage.folding import fold

WORDS = tomllib.loads((Path(__file__).parent / "names.toml").read_text(encoding="utf-8"))
NOT_IN_AN_ADDRESS = re.compile("[^a-z0-9-]")


@dataclass(frozen=True)
class Word:
    """A name as its owner writes it, and as it goes into an address."""

    text: str
    plain: str


def _words(name: str) -> list[Word]:
    pairs = (word.partition("|") for word in WORDS[name].split())
    return [Word(text, plain or NOT_IN_AN_ADDRESS.sub("", fold(text))) for text, _, plain in pairs]


GIVEN, FAMILY = _words("given"), _words("family")
FIRST, SECOND, LAST = _words("first"), _words("second"), _words("last")
COMPANIES = len(FIRST) * len(SECOND) * len(LAST)
# Prime to the number of names: the companies of one first word are not all neighbours.
STRIDE = 7919


def person(chance: Random) -> tuple[str, str]:
    """Return a name, and what stands before the @."""
    given, family = chance.choice(GIVEN), chance.choice(FAMILY)
    return f"{given.text} {family.text}", f"{given.plain}.{family.plain}"


def company(number: int) -> tuple[str, str]:
    """Return the name and the domain of the company of that number; each has its own.

    There are COMPANIES names; from there on they carry a number.
    """
    rounds, place = divmod(number, COMPANIES)
    rest, first = divmod(place * STRIDE % COMPANIES, len(FIRST))
    last, second = divmod(rest, len(SECOND))
    words = [FIRST[first], SECOND[second], LAST[last]]
    name = " ".join(word.text for word in words)
    domain = "-".join(word.plain for word in words)
    return (
        (f"{name} {rounds + 1}", f"{domain}-{rounds + 1}.example")
        if rounds
        else (
            name,
            f"{domain}.example",
        )
    )
