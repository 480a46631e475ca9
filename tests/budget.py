"""How hard the tests with examples at random try: `make audit` says how many times as hard."""

import os

TIMES = int(os.environ.get("UNDERSTUDY_TEST_BUDGET", "1"))


def tries(count: int) -> int:
    """Return how many examples to try where `count` are enough for `make test`."""
    return count * TIMES
