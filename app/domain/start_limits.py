"""How many sessions an admin may start, and from when on and at what hours that is unusual."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(DAYS)
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
FORM = re.compile(
    rf"(?P<first>{_DAY})(?:-(?P<last>{_DAY}))? +(?P<begin>{_TIME})-(?P<end>{_TIME}) +\S+"
)


@dataclass(frozen=True)
class WorkingHours:
    """When people are at work: on these days of the week, 0 for Monday, from `begin` to `end`.

    Both are times of `zone`; hours that end before they begin go on after midnight.
    """

    days: frozenset[int]
    begin: time
    end: time
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> "WorkingHours":
        """Return what a text such as "mon-fri 08:00-18:00 Europe/Copenhagen" says.

        Raises ValueError for one that says nothing of the kind.
        """
        match = FORM.fullmatch(text.strip().lower())
        zone = text.rsplit(maxsplit=1)[-1] if match else ""
        if match is None or zone not in available_timezones():
            raise ValueError(text)
        first, last = DAYS.index(match["first"]), DAYS.index(match["last"] or match["first"])
        span = (last - first) % len(DAYS) + 1
        return cls(
            days=frozenset((first + number) % len(DAYS) for number in range(span)),
            begin=time.fromisoformat(match["begin"]),
            end=time.fromisoformat(match["end"]),
            zone=ZoneInfo(zone),
        )

    def hold(self, now: datetime) -> bool:
        """Whether `now` is within them."""
        here = now.astimezone(self.zone)
        at = here.time()
        if self.begin < self.end:
            within = self.begin <= at < self.end
        else:
            within = at >= self.begin or at < self.end
        return within and here.weekday() in self.days


@dataclass(frozen=True)
class StartLimits:
    """The most sessions that an admin may start in an hour, 0 for any number; and what is unusual.

    Without `working_hours` no hour is unusual.
    """

    per_hour: int = 60
    unusual_per_hour: int = 20
    unusual_per_day: int = 60
    working_hours: WorkingHours | None = None

    def is_unusual(self, now: datetime) -> bool:
        """Whether a session that starts at `now` starts at an unusual hour."""
        return self.working_hours is not None and not self.working_hours.hold(now)


USUAL = StartLimits()
