"""How names and e-mail addresses are folded, so that searching forgives case and accents."""

import unicodedata


def fold(text: str) -> str:
    """Return `text` without case, accents and compatibility forms: "Łukasz É" gives "lukasz e"."""
    # Letters such as ł carry no combining mark, so Unicode alone does not take them apart.
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_STROKED_LETTERS)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


_STROKED_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


def containing(text: str) -> str:
    """Return the LIKE pattern, with `\\` as its escape, that finds `text` folded anywhere."""
    escaped = fold(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
