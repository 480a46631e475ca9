"""Words for moments, roles and deeds in pages."""

from datetime import datetime

from flask import Flask

from app.product.clock import current_time
from app.product.models.activity import Action

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
A_WEEK = 7 * DAY

DEEDS = {
    Action.TEMPLATE_CREATED: "wrote the template",
    Action.TEMPLATE_CHANGED: "changed the template",
    Action.TEMPLATE_DELETED: "deleted the template",
    Action.TEST_SENT: "sent a test of",
    Action.NAME_CHANGED: "is now called",
    Action.SENDER_NAME_CHANGED: "changed the sender name to",
}


def register(app: Flask) -> None:
    app.jinja_env.filters.update(ago=ago, deed=deed, exactly=exactly, day=day)


def ago(moment: datetime) -> str:
    """How long ago, as one says it; a date when it is more than a week."""
    seconds = int((current_time() - moment).total_seconds())
    if seconds < MINUTE:
        return "just now"
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if size <= seconds < A_WEEK:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    return day(moment)


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def exactly(moment: datetime) -> str:
    return f"{day(moment)}, {moment:%H:%M} UTC"


def deed(action: str) -> str:
    return DEEDS[Action(action)]
