"""Words from outside as plain text: nothing in them moves a cursor or what stands around them."""

import unicodedata

# Controls, halves of characters, and what ends a line or a paragraph.
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What turns the direction of the text that follows, and what cannot be seen at all.
MISLEADING = frozenset("\u061c\u200b\u200e\u200f\ufeff") | frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)


def one_line(text: str) -> str:
    """Return `text` on one line, with a blank for each character that is not to be seen (X4)."""
    return " ".join("".join(" " if _is_hidden(one) else one for one in text).split())


def _is_hidden(letter: str) -> bool:
    return letter in MISLEADING or unicodedata.category(letter) in UNPRINTABLE
