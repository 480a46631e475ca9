"""How templates write times and durations."""

from datetime import datetime, timedelta

from flask import Flask, g

# What lies further back is told by its date.
LATELY = timedelta(days=7)
STEPS = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def install(app: Flask) -> None:
    """Give the filters to the templates."""
    app.jinja_env.filters.update(datetime=exact, ago=ago, clock=clock)


def exact(at: datetime) -> str:
    """Return the point in time to the second, in UTC: "2026-11-20 14:05:09 UTC"."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(at: datetime) -> str:
    """Return how long ago it was, in its largest unit: "3 min ago"; after a week, the date."""
    passed = g.now - at
    if passed >= LATELY:
        return at.strftime("%Y-%m-%d")
    for step, unit in STEPS:
        if passed >= step:
            return f"{passed // step} {unit} ago"
    return "just now"


def clock(left: timedelta) -> str:
    """Return how much is left as minutes and seconds: "19:04"; "00:00" when it is over."""
    seconds = max(left // timedelta(seconds=1), 0)
    return f"{seconds // 60:02}:{seconds % 60:02}"
