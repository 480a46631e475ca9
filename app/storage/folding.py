"""How names and e-mail addresses are folded, so that searching forgives case and accents."""

import unicodedata


def fold(text: str) -> str:
    """Return `text` without case, accents and compatibility forms: "Łukasz É" gives "lukasz e"."""
    if text.isascii():
        return text.lower()
    plain = text
    # Twice, as Unicode's caseless matching does: "㎆" holds two capitals until it is taken apart.
    for _ in range(2):
        plain = unicodedata.normalize("NFKD", plain.casefold())
    # Letters such as ł carry no combining mark, so Unicode alone does not take them apart.
    plain = plain.translate(_STROKED_LETTERS)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


_STROKED_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


# Chinese and Japanese, which put no blanks between words: each letter begins one.
_IDEOGRAPHS = (range(0x3040, 0x3100), range(0x3400, 0xA000), range(0x20000, 0x40000))


class _Spelling(dict[int, str]):
    """Every letter as it is, and everything else, but for blanks, by its number in capitals."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if any(code in some for some in _IDEOGRAPHS):
            letter = f" {letter} "
        elif not letter.isalnum() and not letter.isspace():
            letter = _capitals(code)
        self[code] = letter
        return letter


def _capitals(number: int) -> str:
    """Return the number to the base of 26. What is folded has no capitals of its own."""
    rest = ""
    while True:
        number, digit = divmod(number, 26)
        rest = chr(ord("A") + digit) + rest
        if not number:
            return rest


_SPELLING = _Spelling({0: ""})


def words_of(text: str) -> list[str]:
    """Return the words of `text` as they are searched for: "O'Hara B" gives "oBNhara", "b".

    Punctuation is spelt in capitals, so that there is nothing that a database takes for an
    operator, a wildcard or the end of a word; PostgreSQL has trigrams of letters and digits alone.
    """
    return fold(text).translate(_SPELLING).split()


def searchable(*texts: str) -> str:
    """Return what is stored for searching: the words of the texts, two blanks before each.

    With them the trigrams of a text tell with which one or two letters its words begin.
    """
    return "".join(f"  {word}" for text in texts for word in words_of(text))


def containing(text: str) -> str:
    """Return the LIKE pattern, with `\\` as its escape, that finds `text` folded anywhere."""
    escaped = fold(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
