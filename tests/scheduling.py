"""Which worker runs what.

A module is one worker's, so that what its tests share is made once. (pytest-xdist 3.8 has marks for
this, `xdist_group`, which are without effect under pytest 9.)
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Those of a line share a running site, or a browser. The races take the whole machine: beside them
# a site may take longer to answer than a product waits.
TOGETHER = (
    ("tests/e2e/", "tests/kit/test_browser.py", "tests/domain/test_races.py"),
    ("tests/clients/",),
)


class ByModule(LoadScopeScheduling):
    """Gives each worker whole modules, and some modules together, the most tests first."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", maxsplit=1)[0]
        return next((line[0] for line in TOGETHER if module.startswith(line)), module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """Return the scheduler, whatever `--dist` says."""
    return ByModule(config, log)
