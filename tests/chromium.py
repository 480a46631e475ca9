"""Which Chromium the browser stories drive."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """Return the machine's Chromium, CHROMIUM's first; None leaves it to Playwright's own."""
    candidates = (shutil.which(name) for name in (os.environ.get("CHROMIUM", ""), *NAMES) if name)
    return next((path for path in candidates if path), None)
