"""A clock that stands still until a test moves it."""

from datetime import datetime, timedelta


class Clock:
    """Calling it tells the time."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        """Move on `by` days, hours, minutes, seconds or microseconds; return the new time."""
        self.now += timedelta(**by)
        return self.now
