import subprocess
import sys
from pathlib import Path

import pytest

from app.product.config import Config, ConfigError

KEY = "key-of-the-admin-site-0123456789"
GOOD = {
    "LETTERBOX_SECRET_KEY": "s" * 32,
    "UNDERSTUDY_ADMIN_URL": "http://localhost:8000",
    "UNDERSTUDY_PRODUCT_URL": "http://127.0.0.1:8001",
    "LETTERBOX_API_KEY": KEY,
}


def test_a_whole_environment_is_enough() -> None:
    config = Config.from_environment(GOOD)
    assert config.database_url == "sqlite:///var/letterbox.db"
    assert config.host == "127.0.0.1:8001"
    assert not config.is_secure


@pytest.mark.parametrize("name", ["LETTERBOX_SECRET_KEY", "UNDERSTUDY_ADMIN_URL"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is missing"):
        Config.from_environment({**GOOD, name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LETTERBOX_SECRET_KEY", "short"),
        ("LETTERBOX_DATABASE_URL", "no url"),
        ("LETTERBOX_DATABASE_URL", "postgresql://localhost/letterbox"),
        ("UNDERSTUDY_ADMIN_URL", "localhost:8000"),
        ("UNDERSTUDY_ADMIN_URL", "http://admin.example"),
        ("UNDERSTUDY_ADMIN_URL", "https://admin.example:port"),
        ("UNDERSTUDY_PRODUCT_URL", "https://me@product.example"),
        ("UNDERSTUDY_PRODUCT_URL", "https://product.example/app"),
        ("LETTERBOX_API_KEY", "short"),
        ("LETTERBOX_API_KEY", f"{KEY} {KEY}"),
        ("LETTERBOX_PRESENCE_SECONDS", "0"),
        ("LETTERBOX_PRESENCE_SECONDS", "61"),
        ("LETTERBOX_PRESENCE_SECONDS", "soon"),
    ],
)
def test_what_is_half_valid_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        Config.from_environment({**GOOD, name: value})
    assert str(refusal.value).startswith(name)
    assert "\n" not in str(refusal.value)


def test_how_often_a_tab_asks_can_be_set() -> None:
    assert Config.from_environment(GOOD).presence_seconds == 5
    more_often = {**GOOD, "LETTERBOX_PRESENCE_SECONDS": "1"}
    assert Config.from_environment(more_often).presence_seconds == 1


def test_the_api_key_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    environ = {**GOOD, "LETTERBOX_API_KEY": "", "LETTERBOX_API_KEY_FILE": str(file)}
    assert Config.from_environment(environ).api_key == KEY


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    environ = {**GOOD, "LETTERBOX_API_KEY": "", "LETTERBOX_API_KEY_FILE": str(tmp_path / "no")}
    with pytest.raises(ConfigError, match=r"^LETTERBOX_API_KEY_FILE names"):
        Config.from_environment(environ)


def test_secrets_are_not_printed() -> None:
    printed = repr(Config.from_environment(GOOD))
    assert KEY not in printed
    assert "s" * 32 not in printed


def test_a_bad_setting_stops_the_start_with_one_line(tmp_path: Path) -> None:
    start = subprocess.run(
        [sys.executable, "-c", "import app.product.wsgi"],
        env={**GOOD, "LETTERBOX_SECRET_KEY": "short", "PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert start.returncode == 1
    assert start.stderr.startswith("Letterbox cannot start: LETTERBOX_SECRET_KEY")
    assert start.stderr.count("\n") == 1
