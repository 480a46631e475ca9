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


def containing(text: str) -> str:
    """Return the LIKE pattern, with `\\` as its escape, that finds `text` folded anywhere."""
    escaped = fold(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
