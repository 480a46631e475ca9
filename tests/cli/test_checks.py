"""flask check"""

import pytest

from tests.cli.conftest import Run
from tests.conftest import on_sqlite


@on_sqlite
@pytest.mark.requirement("K1")
def test_all_that_keeps_a_site_from_starting_is_told(run: Run) -> None:
    result = run("check")
    assert result.exit_code == 1
    told = [line.split()[0] for line in result.output.splitlines()]
    assert told == [
        "UNDERSTUDY_SIGNING_KEY_FILE:",
        "UNDERSTUDY_CHECKPOINT_KEY_FILE:",
        "UNDERSTUDY_FACTOR_KEY_FILE:",
        "UNDERSTUDY_ADMIN_URL",
        "UNDERSTUDY_PRODUCT_URL",
        "UNDERSTUDY_DATABASE_URL:",
    ]


@on_sqlite
def test_a_site_in_order_is_told_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "create")
    monkeypatch.setenv("UNDERSTUDY_DATABASE_URL", "sqlite:///new.db")
    run("db", "upgrade")
    for name in ("ADMIN", "PRODUCT"):
        monkeypatch.setenv(f"UNDERSTUDY_{name}_URL", f"https://{name.lower()}.example.com")
    result = run("check")
    assert (result.exit_code, result.output) == (0, "Nothing keeps the site from starting.\n")
