"""Where a hand-off ticket leads: to the product app, in a tab of its own."""

from app.web.application_context import settings

LANDING_PATH = "/impersonation"


def landing_url(ticket: str) -> str:
    """Return the address that opens the session, the ticket in its fragment (H1)."""
    return f"{settings().product_url}{LANDING_PATH}#ticket={ticket}"
