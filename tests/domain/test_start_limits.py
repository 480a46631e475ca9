"""When people are at work."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.start_limits import StartLimits, WorkingHours

# A Monday, 8 o'clock in Copenhagen, where it is an hour later than in UTC.
MONDAY = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFICE = "mon-fri 08:00-18:00 Europe/Copenhagen"


@pytest.mark.parametrize(
    ("text", "at", "at_work"),
    [
        (OFFICE, MONDAY, True),
        (OFFICE, MONDAY - timedelta(seconds=1), False),
        (OFFICE, MONDAY + 10 * HOUR - timedelta(seconds=1), True),
        (OFFICE, MONDAY + 10 * HOUR, False),
        (OFFICE, MONDAY + 4 * DAY, True),
        (OFFICE, MONDAY + 5 * DAY, False),
        # Summer time began in between.
        (OFFICE, MONDAY + 28 * DAY - HOUR, True),
        ("Sat 08:00-18:00 Europe/Copenhagen", MONDAY + 5 * DAY, True),
        ("sat-mon 00:00-23:59 UTC", MONDAY, True),
        ("sat-mon 00:00-23:59 UTC", MONDAY + DAY, False),
        ("mon-sun 22:00-06:00 UTC", MONDAY + 16 * HOUR, True),
        ("mon-sun 22:00-06:00 UTC", MONDAY - 2 * HOUR, True),
        ("mon-sun 22:00-06:00 UTC", MONDAY, False),
    ],
)
def test_hours_hold_where_they_are_kept(text: str, at: datetime, *, at_work: bool) -> None:
    assert WorkingHours.parse(text).hold(at) is at_work
    assert StartLimits(working_hours=WorkingHours.parse(text)).is_unusual(at) is not at_work


def test_without_hours_none_is_unusual() -> None:
    assert not StartLimits().is_unusual(MONDAY - 5 * HOUR)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "always",
        "mon-fri",
        "mon-fri 08:00-18:00",
        "mon-fri 8:00-18:00 UTC",
        "mon-fri 08:00-24:00 UTC",
        "mon-fre 08:00-18:00 UTC",
        "mon-fri 08:00-18:00 Europe/Atlantis",
        "mon-fri 08:00-18:00 ../../etc/passwd",
        "mon-fri 08:00-18:00 UTC UTC",
    ],
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        WorkingHours.parse(text)
