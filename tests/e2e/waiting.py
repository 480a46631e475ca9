"""Waiting for something outside the browser."""

import time
from collections.abc import Callable

from playwright.sync_api import Page

SECONDS = 15.0


def eventually(page: Page, true: Callable[[], bool]) -> None:
    """Wait until it is true; the page lives on meanwhile, as it would not under a plain sleep."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        page.wait_for_timeout(50)
