"""Settings are taken as a whole or refused with one line that names the wrong one."""

from pathlib import Path

import pytest

from app.config import BadSetting, from_environment, read_environment

GOOD = {
    "UNDERSTUDY_ADMIN_URL": "https://admin.example.com",
    "UNDERSTUDY_PRODUCT_URL": "https://app.example.com",
    "UNDERSTUDY_SECRET_KEY": "0123456789abcdef0123456789abcdef",
}
DEMO = GOOD | {
    "UNDERSTUDY_DEMO": "1",
    "UNDERSTUDY_ADMIN_URL": "http://localhost:8000",
    "UNDERSTUDY_PRODUCT_URL": "http://127.0.0.1:8001",
}


def test_what_is_not_said_has_a_safe_default() -> None:
    config = from_environment(GOOD)
    assert config.database_url == "sqlite:///var/understudy.db"
    assert config.signing_key_file == Path("var/signing-key.pem")
    assert (config.demo, config.reason_required, config.trusted_proxies) == (False, True, 0)


def test_everything_can_be_said() -> None:
    config = from_environment(
        GOOD
        | {
            "UNDERSTUDY_DATABASE_URL": "postgresql://db.example.com/understudy",
            "UNDERSTUDY_SIGNING_KEY_FILE": "/run/secrets/key.pem",
            "UNDERSTUDY_REASON_REQUIRED": "0",
            "UNDERSTUDY_TRUSTED_PROXIES": "2",
        }
    )
    assert config.database_url.startswith("postgresql://")
    assert (config.reason_required, config.trusted_proxies) == (False, 2)


def test_an_origin_may_end_in_a_slash() -> None:
    config = from_environment(GOOD | {"UNDERSTUDY_ADMIN_URL": "https://admin.example.com/"})
    assert config.admin_url == "https://admin.example.com"
    assert (config.admin_host, config.is_https) == ("admin.example.com", True)


def test_the_demo_runs_over_http_on_this_machine() -> None:
    config = from_environment(DEMO)
    assert (config.admin_host, config.is_https) == ("localhost:8000", False)


WRONG = [
    *[(name, "") for name in GOOD],
    *[
        (name, value)
        for name in ("UNDERSTUDY_ADMIN_URL", "UNDERSTUDY_PRODUCT_URL")
        for value in (
            "admin.example.com",
            "//admin.example.com",
            "https://",
            "https://:443",
            "ftp://admin.example.com",
            "http://admin.example.com",
            "https://admin.example.com/path",
            "https://admin.example.com?query",
            "https://admin.example.com?",
            "https://admin.example.com#fragment",
            "https://ada:secret@admin.example.com",
            "https://admin.example.com:port",
            "https://admin.example.com:99999",
            "https://[::1",
            "javascript:alert(1)",
        )
    ],
    ("UNDERSTUDY_SECRET_KEY", "0123456789abcdef0123456789abcde"),
    ("UNDERSTUDY_PRODUCT_URL", GOOD["UNDERSTUDY_ADMIN_URL"]),
    *[
        (name, value)
        for name in ("UNDERSTUDY_DEMO", "UNDERSTUDY_REASON_REQUIRED")
        for value in ("yes", "true", "2", " 1")
    ],
    *[("UNDERSTUDY_TRUSTED_PROXIES", value) for value in ("-1", "one", "1.5", "٣", " 1")],
    *[
        ("UNDERSTUDY_DATABASE_URL", value)
        for value in ("understudy.db", "sqlite:", "mysql://db/understudy", "oracle://x")
    ],
]


@pytest.mark.requirement("K1")
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as wrong:
        from_environment(GOOD | {name: value})
    assert str(wrong.value).startswith(name)
    assert "\n" not in str(wrong.value)


@pytest.mark.requirement("K4")
def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(BadSetting) as short:
        from_environment(GOOD | {"UNDERSTUDY_SECRET_KEY": "hunter2"})
    with pytest.raises(BadSetting) as database:
        from_environment(GOOD | {"UNDERSTUDY_DATABASE_URL": "mysql://ada:hunter2@db/x"})
    assert "hunter2" not in f"{short.value} {database.value}"


@pytest.mark.requirement("K4")
def test_the_settings_do_not_show_their_secrets() -> None:
    database = "postgresql://ada:hunter2@db.example.com/understudy"
    shown = repr(from_environment(GOOD | {"UNDERSTUDY_DATABASE_URL": database}))
    assert GOOD["UNDERSTUDY_SECRET_KEY"] not in shown
    assert "hunter2" not in shown


@pytest.mark.requirement("S12")
def test_a_secret_of_the_demo_is_for_the_demo_alone() -> None:
    secret = {"UNDERSTUDY_SECRET_KEY": "demo-0123456789abcdef0123456789abcdef"}
    assert from_environment(DEMO | secret).demo
    with pytest.raises(BadSetting, match="UNDERSTUDY_SECRET_KEY"):
        from_environment(GOOD | secret)


@pytest.mark.requirement("S12")
@pytest.mark.parametrize("name", ["UNDERSTUDY_ADMIN_URL", "UNDERSTUDY_PRODUCT_URL"])
@pytest.mark.parametrize("url", ["https://admin.example.com", "http://192.0.2.1:8000"])
def test_the_demo_stays_on_this_machine(name: str, url: str) -> None:
    with pytest.raises(BadSetting, match=name):
        from_environment(DEMO | {name: url})


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("var").mkdir()
    Path("var/understudy.env").write_text("ONE=file\nTWO=file\nTHREE\n", encoding="utf-8")
    settings = read_environment({"ONE": "environment"})
    assert settings == {"ONE": "environment", "TWO": "file", "THREE": ""}


def test_there_need_not_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_environment({"ONE": "environment"}) == {"ONE": "environment"}
