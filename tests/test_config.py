"""Settings are taken as a whole or refused with one line that names the wrong one."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from app import config
from app.config import BadSetting, from_environment, read_environment
from tests.twins import fails_without, line, together, value

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


def test_the_owner_of_the_tables_may_be_another_role() -> None:
    one, other = "postgresql://site@db.example.com/x", "postgresql://owner@db.example.com/x"
    config = from_environment(GOOD | {"UNDERSTUDY_DATABASE_URL": one})
    assert (config.database_owner_url, config.owner_url) == (None, one)
    owned = {"UNDERSTUDY_DATABASE_URL": one, "UNDERSTUDY_DATABASE_OWNER_URL": other}
    config = from_environment(GOOD | owned)
    assert (config.database_url, config.owner_url) == (one, other)
    assert other not in repr(config)


@pytest.mark.parametrize(
    ("database", "owner"),
    [
        ("", "postgresql://owner@db/x"),
        ("sqlite:///x.db", "postgresql://owner@db/x"),
        ("postgresql://site@db/x", "sqlite:///x.db"),
        ("postgresql://site@db/x", "mysql://owner:hunter2@db/x"),
    ],
)
def test_an_owner_is_for_postgresql(database: str, owner: str) -> None:
    given = {"UNDERSTUDY_DATABASE_URL": database, "UNDERSTUDY_DATABASE_OWNER_URL": owner}
    with pytest.raises(BadSetting, match="UNDERSTUDY_DATABASE_OWNER_URL") as raised:
        from_environment(GOOD | given)
    assert "hunter2" not in str(raised.value)


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
@fails_without(line(config._secret, "if value.startswith(DEMO_PREFIX) and", "if False and"))
def test_a_secret_of_the_demo_is_for_the_demo_alone() -> None:
    secret = {"UNDERSTUDY_SECRET_KEY": "demo-0123456789abcdef0123456789abcdef"}
    assert from_environment(DEMO | secret).demo
    with pytest.raises(BadSetting, match="UNDERSTUDY_SECRET_KEY"):
        from_environment(GOOD | secret)


@pytest.mark.requirement("S12")
@fails_without(
    together(
        line(config._origin, "if demo and", "if False and"),
        line(config._origin, 'if parts.scheme == "http" and', "if False and"),
    )
)
@pytest.mark.parametrize("name", ["UNDERSTUDY_ADMIN_URL", "UNDERSTUDY_PRODUCT_URL"])
@pytest.mark.parametrize("url", ["https://admin.example.com", "http://192.0.2.1:8000"])
def test_the_demo_stays_on_this_machine(name: str, url: str) -> None:
    with pytest.raises(BadSetting, match=name):
        from_environment(DEMO | {name: url})


WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER_WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"t" * 24).decode()
WEBHOOK = {
    "UNDERSTUDY_AUDIT_WEBHOOK_URL": "https://siem.example.com/hooks?token=hunter2",
    "UNDERSTUDY_AUDIT_WEBHOOK_SECRET": WEBHOOK_SECRET,
}


def test_the_trail_is_copied_to_a_log_file_unless_that_is_switched_off() -> None:
    assert from_environment(GOOD).audit_log_file == Path("var/audit.log")
    assert from_environment(GOOD | {"UNDERSTUDY_AUDIT_LOG_FILE": "off"}).audit_log_file is None
    named = from_environment(GOOD | {"UNDERSTUDY_AUDIT_LOG_FILE": "/var/log/audit.log"})
    assert named.audit_log_file == Path("/var/log/audit.log")


def test_the_log_file_is_not_that_of_the_checkpoints() -> None:
    with pytest.raises(BadSetting, match="UNDERSTUDY_AUDIT_LOG_FILE"):
        from_environment(GOOD | {"UNDERSTUDY_AUDIT_LOG_FILE": "var/checkpoints.txt"})


def test_a_webhook_has_one_secret_or_two() -> None:
    assert from_environment(GOOD | WEBHOOK).audit_webhook_secrets == (b"s" * 32,)
    both = f"{WEBHOOK_SECRET} {OTHER_WEBHOOK_SECRET}"
    config = from_environment(GOOD | WEBHOOK | {"UNDERSTUDY_AUDIT_WEBHOOK_SECRET": both})
    assert config.audit_webhook_secrets == (b"s" * 32, b"t" * 24)


@pytest.mark.requirement("O2")
@fails_without(line(config._webhook_url, "demo and "))
def test_a_webhook_over_http_is_for_the_demo_on_this_machine_alone() -> None:
    local = WEBHOOK | {"UNDERSTUDY_AUDIT_WEBHOOK_URL": "http://127.0.0.1:9000/"}
    assert from_environment(DEMO | local).audit_webhook_url == "http://127.0.0.1:9000/"
    with pytest.raises(BadSetting, match="UNDERSTUDY_AUDIT_WEBHOOK_URL"):
        from_environment(GOOD | local)
    with pytest.raises(BadSetting, match="UNDERSTUDY_AUDIT_WEBHOOK_URL"):
        from_environment(
            DEMO | WEBHOOK | {"UNDERSTUDY_AUDIT_WEBHOOK_URL": "http://siem.example.com/"}
        )


@pytest.mark.parametrize(
    "url", ["udp://logs:514", "tcp://10.0.0.5:601", "tls://[2001:db8::1]:6514"]
)
def test_syslog_goes_over_udp_tcp_or_tls(url: str) -> None:
    assert from_environment(GOOD | {"UNDERSTUDY_AUDIT_SYSLOG": url}).audit_syslog == url


WRONG_COPIES = [
    *[
        ("UNDERSTUDY_AUDIT_SYSLOG", value)
        for value in (
            "logs.example.com:514",
            "udp://logs.example.com",
            "http://logs.example.com:514",
            "tcp://:514",
            "tcp://logs.example.com:0",
            "tcp://logs.example.com:99999",
            "tcp://logs.example.com:514/path",
            "tcp://ada:hunter2@logs.example.com:514",
            "tcp://logs.example.com\n:514",
            "tcp://[::1:514",
        )
    ],
    *[
        ("UNDERSTUDY_AUDIT_WEBHOOK_URL", value)
        for value in (
            "",
            "http://siem.example.com/",
            "http://localhost:9000/",
            "siem.example.com",
            "https://",
            "https://[::1",
            "https://siem.example.com:port/",
            "https://ada:hunter2@siem.example.com/",
            "https://siem.example.com/#hunter2",
            "https://siem.example.com/hunter2 hunter2",
            "https://siem.example.com/hunter2\r\nX-Header: 1",
            "https://siem.example.com/hünter2",
        )
    ],
    *[
        ("UNDERSTUDY_AUDIT_WEBHOOK_SECRET", value)
        for value in (
            "",
            "hunter2",
            "whsec_hunter2",
            "whsec_",
            WEBHOOK_SECRET.removeprefix("whsec_"),
            "whsec_" + base64.b64encode(b"s" * 23).decode(),
            "whsec_" + base64.b64encode(b"s" * 65).decode(),
            f"{WEBHOOK_SECRET} hunter2",
            f"{WEBHOOK_SECRET} {OTHER_WEBHOOK_SECRET} {WEBHOOK_SECRET}",
        )
    ],
    ("UNDERSTUDY_AUDIT_WEBHOOK_PRIVATE", "yes"),
]


@pytest.mark.requirement("K1", "K4")
@pytest.mark.parametrize(("name", "value"), WRONG_COPIES)
def test_a_wrong_setting_of_a_copy_is_named_without_its_secrets(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as wrong:
        from_environment(GOOD | WEBHOOK | {name: value})
    assert str(wrong.value).startswith(name)
    assert "\n" not in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


def test_half_a_webhook_is_refused() -> None:
    for alone in ({"UNDERSTUDY_AUDIT_WEBHOOK_PRIVATE": "1"}, {**WEBHOOK}):
        alone.pop("UNDERSTUDY_AUDIT_WEBHOOK_URL", None)
        with pytest.raises(BadSetting, match="UNDERSTUDY_AUDIT_WEBHOOK_URL is not set"):
            from_environment(GOOD | alone)


@pytest.mark.requirement("K3")
@fails_without(value(config, "_check_webhook_secrets", lambda environ: None))
def test_what_signs_webhooks_signs_nothing_else() -> None:
    with pytest.raises(BadSetting, match="UNDERSTUDY_AUDIT_WEBHOOK_SECRET"):
        from_environment(GOOD | WEBHOOK | {"UNDERSTUDY_SECRET_KEY": WEBHOOK_SECRET})


@pytest.mark.requirement("K4")
def test_the_settings_do_not_show_the_secrets_of_a_webhook() -> None:
    shown = repr(from_environment(GOOD | WEBHOOK))
    assert "hunter2" not in shown
    assert "ssss" not in shown


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


@pytest.mark.requirement("S8")
@fails_without(line(config._second_factor_required, "if not required and not demo", "if False"))
def test_a_second_factor_is_required_outside_the_demo() -> None:
    assert from_environment(GOOD).second_factor_required
    assert not from_environment(DEMO).second_factor_required
    name = "UNDERSTUDY_SECOND_FACTOR_REQUIRED"
    assert from_environment(DEMO | {name: "1"}).second_factor_required
    with pytest.raises(BadSetting, match=name):
        from_environment(GOOD | {name: "0"})


@pytest.mark.requirement("S9")
@fails_without(
    line(config._step_up_minutes, "if minutes > STEP_UP_MINUTES", "if False"),
    line(config._step_up_minutes, "least=1", "least=0"),
)
def test_a_proof_is_good_for_ten_minutes_or_less() -> None:
    name = "UNDERSTUDY_STEP_UP_MINUTES"
    for minutes in (1, 10):
        after = from_environment(GOOD | {name: str(minutes)}).step_up_after
        assert after == timedelta(minutes=minutes)
    for minutes in (0, 11):
        with pytest.raises(BadSetting, match=name):
            from_environment(GOOD | {name: str(minutes)})


@pytest.mark.requirement("K3")
@fails_without(value(config, "_check_key_files", lambda settings: None))
@pytest.mark.parametrize("other", ["signing-key.pem", "checkpoint-key.pem"])
def test_what_seals_secrets_signs_nothing(other: str) -> None:
    with pytest.raises(BadSetting, match="UNDERSTUDY_FACTOR_KEY_FILE"):
        from_environment(GOOD | {"UNDERSTUDY_FACTOR_KEY_FILE": f"var/{other}"})


ALERTS = {
    "UNDERSTUDY_ALERT_WEBHOOK_URL": "https://pager.example.com/hooks?token=hunter2",
    "UNDERSTUDY_ALERT_WEBHOOK_SECRET": OTHER_WEBHOOK_SECRET,
}


@pytest.mark.requirement("O1", "O2", "K4")
@fails_without(
    line(config._webhook_url, 'if not (parts.scheme == "https" or local) or not', "if not"),
    line(config._check_webhook, "if not url and (", "if False and ("),
)
def test_alerts_go_to_a_webhook_by_the_same_rules_as_copies() -> None:
    config = from_environment(GOOD | ALERTS)
    assert config.alert_webhook_secrets == (b"t" * 24,)
    assert "hunter2" not in repr(config)
    for name, bad in (("URL", "http://pager.example.com/"), ("URL", ""), ("SECRET", "whsec_")):
        with pytest.raises(BadSetting, match="UNDERSTUDY_ALERT_WEBHOOK_"):
            from_environment(GOOD | ALERTS | {f"UNDERSTUDY_ALERT_WEBHOOK_{name}": bad})


@pytest.mark.requirement("K3")
@fails_without(value(config, "_check_webhook_secrets", lambda environ: None))
def test_each_webhook_has_a_secret_of_its_own() -> None:
    same = {"UNDERSTUDY_ALERT_WEBHOOK_SECRET": f"{OTHER_WEBHOOK_SECRET} {WEBHOOK_SECRET}"}
    with pytest.raises(BadSetting, match="UNDERSTUDY_ALERT_WEBHOOK_SECRET must be another"):
        from_environment(GOOD | WEBHOOK | ALERTS | same)


@pytest.mark.requirement("P5", "S6")
@fails_without(
    line(config._count, " or int(value) < least"),
    line(config._count, "not value.isascii() or not value.isdigit() or "),
    raises=(ValueError,),
)
def test_limits_are_whole_numbers() -> None:
    config = from_environment(GOOD)
    assert (config.starts_per_hour, config.api_requests_per_minute) == (60, 60_000)
    assert from_environment(DEMO).starts_per_hour == 0
    for name, bad in (
        ("UNDERSTUDY_STARTS_PER_HOUR", "-1"),
        ("UNDERSTUDY_API_REQUESTS_PER_MINUTE", "many"),
        ("UNDERSTUDY_ALERT_STARTS_PER_HOUR", "0"),
        ("UNDERSTUDY_ALERT_STARTS_PER_DAY", "1.5"),
    ):
        with pytest.raises(BadSetting, match=name):
            from_environment(GOOD | {name: bad})


COMPANY = {
    "UNDERSTUDY_OIDC_ISSUER": "https://id.example.com/realms/staff",
    "UNDERSTUDY_OIDC_CLIENT_ID": "understudy",
    "UNDERSTUDY_OIDC_CLIENT_SECRET": "hunter2",
}


@pytest.mark.requirement("S11", "K4")
def test_a_company_provider_is_known_by_its_issuer() -> None:
    assert from_environment(GOOD).company is None
    roles = {"ROLE_CLAIM": "groups", "SUPERADMINS": "support leads, root", "STRONG_AMR": "mfa,hwk"}
    named = {f"UNDERSTUDY_OIDC_{name}": value for name, value in roles.items()}
    company = from_environment(GOOD | COMPANY | named).company
    assert company is not None
    assert company.superadmins == {"support leads", "root"}
    assert company.strong_amr == {"mfa", "hwk"}
    assert "hunter2" not in repr(company)


@pytest.mark.requirement("K4")
@fails_without(line(config._secret_or_file, "if not value", "if False"))
def test_the_client_secret_can_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    named = {"UNDERSTUDY_OIDC_CLIENT_SECRET": "", "UNDERSTUDY_OIDC_CLIENT_SECRET_FILE": str(file)}
    company = from_environment(GOOD | COMPANY | named).company
    assert company is not None
    assert company.client_secret == "hunter2"
    file.write_text("")
    with pytest.raises(BadSetting, match="UNDERSTUDY_OIDC_CLIENT_SECRET_FILE is empty"):
        from_environment(GOOD | COMPANY | named)


@pytest.mark.requirement("K1", "S11")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", "http://id.example.com"),
        ("OIDC_ISSUER", "https://id.example.com/?hunter2"),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_CLIENT_SECRET", GOOD["UNDERSTUDY_SECRET_KEY"]),
        ("OIDC_CLIENT_SECRET_FILE", "/nowhere"),
        ("OIDC_ROLE_CLAIM", "groups"),
        ("OIDC_ADMINS", "support"),
        ("PASSWORD_SIGN_IN", "no"),
    ],
)
def test_a_wrong_setting_of_the_provider_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as wrong:
        from_environment(GOOD | COMPANY | {f"UNDERSTUDY_{name}": value})
    assert "UNDERSTUDY_" in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


@pytest.mark.requirement("S11")
@fails_without(
    line(
        config.from_environment,
        "if not config.password_sign_in and config.company is None",
        "if False",
    )
)
def test_passwords_are_switched_off_where_there_is_another_way_in() -> None:
    off = {"UNDERSTUDY_PASSWORD_SIGN_IN": "0"}
    assert not from_environment(GOOD | COMPANY | off).password_sign_in
    with pytest.raises(BadSetting, match="UNDERSTUDY_PASSWORD_SIGN_IN"):
        from_environment(GOOD | off)
