"""Which Chromium the browser stories drive."""

import os
import shutil

# Made for this alone, without windows: it takes a third of the time.
HEADLESS = "chromium-headless-shell"
WHOLE = ("chromium", "chromium-browser", "google-chrome")


def chromium_path(*, whole: bool = False) -> str | None:
    """Return the machine's Chromium, CHROMIUM's first; None leaves it to Playwright's own.

    A `whole` browser also keeps a history, and pages for its Back button.
    """
    names = (os.environ.get("CHROMIUM", ""), *(() if whole else (HEADLESS,)), *WHOLE)
    candidates = (shutil.which(name) for name in names if name)
    return next((path for path in candidates if path), None)
