"""The operator at the command line, in a folder of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from app.cli.operator import operator
from tests.owner import owners

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `flask …` with good settings for the database of `database`."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "DATABASE_OWNER_URL": owners(database_url) if "postgresql" in database_url else "",
        "ADMIN_URL": "http://localhost:8000",
        "PRODUCT_URL": "http://127.0.0.1:8001",
        "SECRET_KEY": "a secret key that is long enough for the tests",
        "SIGNING_KEY_FILE": str(tmp_path / "keys" / "signing-key.pem"),
        "CHECKPOINT_KEY_FILE": str(tmp_path / "keys" / "checkpoint-key.pem"),
        "FACTOR_KEY_FILE": str(tmp_path / "keys" / "factor.key"),
    }.items():
        monkeypatch.setenv(f"UNDERSTUDY_{name}", value)

    def run(*arguments: str) -> Result:
        return operator.test_cli_runner().invoke(args=list(arguments))

    return run
