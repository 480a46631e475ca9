"""How far a database has been read: the newest change, and what to ask for next.

Databases say when a row was changed as a time, a day, or as text in UTC; what they are asked with
must be of the same form.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.domain.directory_reading import Unusable
from app.domain.directory_records import point
from app.domain.directory_sync import Position
from app.domain.errors import Invalid

# The forms; text with a time in it is named by what stands between day and time.
AWARE, NAIVE, DAY, TEXT_DAY = "aware", "naive", "day", "text"
DAY_LENGTH = len("2026-03-02")


class Newest:
    """The newest change among rows, by their column of that name; "" for none."""

    def __init__(self, column: str, position: Position | None) -> None:
        self.position = position
        self._column = column

    def see(self, row: Mapping[str, Any]) -> None:
        """Look at a row; raise Unusable if it does not say when it was changed.

        One that was never changed may say nothing: it is read each time.
        """
        if not self._column or row[self._column] is None:
            return
        try:
            at = point(row, self._column)
        except Invalid as invalid:
            raise Unusable(invalid.sentence) from invalid
        if self.position is None or at > self.position.at:
            self.position = Position(at, self._form(row[self._column]))

    def _form(self, value: object) -> str:
        if isinstance(value, datetime):
            return AWARE if value.tzinfo else NAIVE
        if isinstance(value, date):
            return DAY
        # Texts are compared letter by letter, which sorts times of one zone alone.
        if datetime.fromisoformat(str(value)).utcoffset():
            raise Unusable(f"{self._column} is text in another time zone than UTC.")
        return str(value)[DAY_LENGTH : DAY_LENGTH + 1] or TEXT_DAY


def since_value(position: Position, overlap: timedelta) -> object:
    """Return what to compare the column with, to find whatever changed since before then.

    A change is seen when it is committed, and is dated when it was made: `overlap` is how long
    that may take.
    """
    at = position.at.astimezone(UTC) - overlap
    if position.form == AWARE:
        return at
    if position.form == NAIVE:
        return at.replace(tzinfo=None)
    if position.form == DAY:
        return at.date()
    # Cut off at the second: whatever follows there sorts after it.
    return at.strftime(
        "%Y-%m-%d" + ("" if position.form == TEXT_DAY else f"{position.form}%H:%M:%S")
    )
