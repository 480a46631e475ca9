"""What an export cannot show, in sentences: it says so itself, and so does who verifies it."""

BEFORE = (
    "It begins with event {first:,}. What was recorded before lies in archives, which are to be"
    " verified by themselves."
)
FILTERED = (
    "It holds only what fits its filters. That nothing which fits was left out rests on the word"
    " of whoever signed it."
)
ROWS = "Rows cannot be proved one by one: they are as they were when the export was signed."
LATER = (
    "That words of some events were erased after the last event here rests on the word of whoever"
    " signed it."
)


def limits_of(*, first: int, is_whole: bool, is_rows: bool, is_erased_later: bool) -> list[str]:
    """Return what an export cannot show that begins with event `first`, a sentence each.

    `is_whole` says that nothing was filtered out, `is_rows` that it is for a spreadsheet, and
    `is_erased_later` that words are missing of which no event in it says why.
    """
    sentences = {
        BEFORE.format(first=first): first > 1,
        FILTERED: not is_whole,
        ROWS: is_rows,
        LATER: is_erased_later,
    }
    return [sentence for sentence, holds in sentences.items() if holds]
