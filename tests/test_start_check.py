"""What keeps a site from starting is told all at once, each with the setting to change."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy.exc import SQLAlchemyError

from app import config, start_check
from app.cli.database import alembic_config
from app.postgresql_server import OWNER, Server
from app.start_check import findings
from tests import postgresql
from tests.twins import each_fails_without, fails_without, line

ROOT = Path(__file__).resolve().parents[1]
Environ = dict[str, str]
SECRET = "0123456789abcdef-of-the-start-check"


@pytest.fixture
def environ(
    tmp_path: Path, empty_database_file: Path, key_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Environ:
    """Settings with which a site starts, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_database_file, "understudy.db")
    for name in ("signing-key.pem", "checkpoint-key.pem", "factor.key"):
        shutil.copy(key_folder / name, tmp_path)
    return {
        "UNDERSTUDY_ADMIN_URL": "https://admin.example.com",
        "UNDERSTUDY_PRODUCT_URL": "https://app.example.com",
        "UNDERSTUDY_SECRET_KEY": SECRET,
        "UNDERSTUDY_DATABASE_URL": f"sqlite:///{tmp_path}/understudy.db",
        "UNDERSTUDY_SIGNING_KEY_FILE": "signing-key.pem",
        "UNDERSTUDY_CHECKPOINT_KEY_FILE": "checkpoint-key.pem",
        "UNDERSTUDY_FACTOR_KEY_FILE": "factor.key",
    }


def test_a_site_that_is_in_order_starts(environ: Environ) -> None:
    assert findings(environ) == []


def one_key_for_both() -> None:
    shutil.copy("signing-key.pem", "checkpoint-key.pem")


def open_settings() -> None:
    Path("var").mkdir()
    Path("var/understudy.env").touch(mode=0o644)


# What is done, what is set, and how the one finding begins.
WRONG: list[tuple[str, Callable[[], object], Environ, str]] = [
    ("a setting", dict, {"UNDERSTUDY_REASON_REQUIRED": "x"}, "UNDERSTUDY_REASON_REQUIRED must"),
    ("a weak secret", dict, {"UNDERSTUDY_SECRET_KEY": "a" * 40}, "UNDERSTUDY_SECRET_KEY is too"),
    (
        "a demo's secret",
        dict,
        {"UNDERSTUDY_SECRET_KEY": f"demo-{SECRET}"},
        "UNDERSTUDY_SECRET_KEY is a demo's",
    ),
    ("debug", dict, {"FLASK_DEBUG": "1"}, "FLASK_DEBUG must not be set"),
    (
        "http",
        dict,
        {"UNDERSTUDY_ADMIN_URL": "http://localhost:8000"},
        "UNDERSTUDY_ADMIN_URL must begin with https://",
    ),
    (
        "any host",
        dict,
        {"UNDERSTUDY_ADMIN_URL": "https://*.example.com"},
        "UNDERSTUDY_ADMIN_URL must be an origin",
    ),
    (
        "figures for strangers",
        dict,
        {"UNDERSTUDY_METRICS_ADDRESS": "0.0.0.0:9464"},
        "UNDERSTUDY_METRICS_ADDRESS must be a private address",
    ),
    (
        "no signing key",
        lambda: Path("signing-key.pem").unlink(),
        {},
        "UNDERSTUDY_SIGNING_KEY_FILE: signing-key.pem cannot be read",
    ),
    (
        "an open key",
        lambda: Path("checkpoint-key.pem").chmod(0o644),
        {},
        "UNDERSTUDY_CHECKPOINT_KEY_FILE: checkpoint-key.pem can be read by others",
    ),
    (
        "no factor key",
        lambda: Path("factor.key").unlink(),
        {},
        "UNDERSTUDY_FACTOR_KEY_FILE: factor.key cannot be read",
    ),
    (
        "no key at all",
        lambda: Path("signing-key.pem").write_bytes(b"hollow"),
        {},
        "UNDERSTUDY_SIGNING_KEY_FILE: signing-key.pem holds no private key",
    ),
    ("open settings", open_settings, {}, "var/understudy.env can be read by others"),
    (
        "no database",
        dict,
        {"UNDERSTUDY_DATABASE_URL": "sqlite:////nowhere/understudy.db"},
        "UNDERSTUDY_DATABASE_URL cannot be used: OperationalError",
    ),
    (
        "an empty database",
        lambda: Path("empty.db").touch(),
        {"UNDERSTUDY_DATABASE_URL": "sqlite:///empty.db"},
        "UNDERSTUDY_DATABASE_URL: the database is of revision None",
    ),
]


KEYS = line(start_check.findings, "found += _keys(settings) if settings else []")
PRODUCTION = line(start_check.findings, "*_production(environ, settings), ")
DATABASE = line(start_check._database, "SQLAlchemyError as error", "ZeroDivisionError as error")
GUARDS = {
    "a setting": line(config._flag, 'if value not in ("", "0", "1")', "if False"),
    "a weak secret": line(config._secret, "if len(set(value)) < SECRET_VARIETY", "if False"),
    "a demo's secret": line(config._secret, "if value.startswith(DEMO_PREFIX) and", "if False and"),
    "debug": PRODUCTION,
    "http": PRODUCTION,
    "any host": line(config._origin, " or not bare"),
    "figures for strangers": line(
        config._private_address, "not address.is_private or address.is_unspecified or "
    ),
    "no signing key": KEYS,
    "an open key": KEYS,
    "no factor key": KEYS,
    "no key at all": KEYS,
    "open settings": line(start_check.findings, ", *_open_files()"),
    "no database": DATABASE,
    "an empty database": line(start_check._database_problems, "if current != newest", "if False"),
}


@pytest.mark.requirement("K1", "S12", "F1", "F6", "F8", "D1")
@each_fails_without("wrong", GUARDS, raises=(SQLAlchemyError,))
def test_what_is_wrong_is_told_with_what_to_change(environ: Environ, wrong: str) -> None:
    break_it, settings, told = next(one[1:] for one in WRONG if one[0] == wrong)
    break_it()
    found = findings(environ | settings)
    assert [finding[: len(told)] for finding in found] == [told]
    assert SECRET not in found[0]


def test_everything_is_told_at_once(environ: Environ) -> None:
    Path("signing-key.pem").chmod(0o640)
    environ |= {"FLASK_DEBUG": "1", "UNDERSTUDY_DATABASE_URL": "sqlite:///nowhere.db"}
    assert len(findings(environ)) == 3
    environ |= {
        "UNDERSTUDY_SECRET_KEY": "",
        "UNDERSTUDY_ADMIN_URL": "admin",
        "UNDERSTUDY_DEMO": "2",
    }
    environ |= {"UNDERSTUDY_AUDIT_WEBHOOK_URL": "ftp://x"}
    told = {sentence.split()[0].removeprefix("UNDERSTUDY_") for sentence in findings(environ)}
    assert told >= {"SECRET_KEY", "ADMIN_URL", "DEMO", "AUDIT_WEBHOOK_URL", "DATABASE_URL"}


@pytest.mark.requirement("K3")
@fails_without(line(start_check.findings, ", *_shared_secrets(kept)"))
def test_one_secret_serves_one_purpose(environ: Environ) -> None:
    one_key_for_both()
    Path("same.txt").write_text(f"{SECRET}\n", encoding="utf-8")
    environ["UNDERSTUDY_SOME_KEY_FILE"] = "same.txt"
    assert findings(environ) == [
        (
            "UNDERSTUDY_SIGNING_KEY_FILE holds the same secret as UNDERSTUDY_CHECKPOINT_KEY_FILE:"
            " make another."
        ),
        "UNDERSTUDY_SOME_KEY_FILE holds the same secret as UNDERSTUDY_SECRET_KEY: make another.",
    ]


@pytest.mark.requirement("S12")
@fails_without(line(start_check._database_problems, "if people.are_here(db)", "if False"))
def test_the_demos_people_are_refused(environ: Environ, database_file: Path) -> None:
    shutil.copyfile(database_file, "understudy.db")
    assert [finding.partition(",")[0] for finding in findings(environ)] == [
        "UNDERSTUDY_DATABASE_URL: the demo's admins are there"
    ]


@pytest.mark.requirement("F8")
@fails_without(
    line(start_check._database_problems, "if current != newest", "if False"), raises=(ValueError,)
)
def test_another_versions_schema_is_refused(environ: Environ) -> None:
    command.downgrade(alembic_config(environ["UNDERSTUDY_DATABASE_URL"]), "-1")
    (finding,) = findings(environ)
    assert finding.endswith("`flask db upgrade`.")


@pytest.mark.requirement("L5")
def test_a_role_that_owns_the_trail_is_refused(environ: Environ, postgresql_server: Server) -> None:
    postgresql.migrate(postgresql_server, "owned")
    environ["UNDERSTUDY_DATABASE_URL"] = postgresql_server.url("owned")
    assert findings(environ) == []
    environ["UNDERSTUDY_DATABASE_URL"] = postgresql_server.url("owned", OWNER)
    (finding,) = findings(environ)
    assert "could rewrite the audit trail" in finding
    postgresql_server.drop_database("owned")


@pytest.mark.requirement("K1", "F1", "F6")
@pytest.mark.parametrize("program", ["import app.wsgi", "from app import worker; worker.main()"])
def test_nothing_starts_with_it(environ: Environ, program: str) -> None:
    Path("signing-key.pem").unlink()
    inherited = {name: value for name, value in os.environ.items() if "UNDERSTUDY" not in name}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=inherited | environ | {"PYTHONPATH": str(ROOT), "FLASK_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["understudy:", "UNDERSTUDY_SIGNING_KEY_FILE:"],
        ["understudy:", "FLASK_DEBUG"],
    ]
