"""What a page says after a change. The address carries a code, never the words."""

from flask import request

NOTICES = {
    "template-created": "The template is ready.",
    "template-changed": "Your changes are saved.",
    "template-deleted": "The template is gone.",
    "test-sent": "The test is on its way.",
    "settings-changed": "Your settings are saved.",
    "nothing-changed": "Nothing was different, so nothing was saved.",
    "signed-out": "You are signed out. See you soon.",
    "choice-expired": "That took too long. Please sign in again.",
}


def current_notice() -> str | None:
    return NOTICES.get(request.args.get("notice", ""))
