"""What docs/deploy.md, Dockerfile and compose.yaml say is so. `make lint` reads them as well."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from app import launcher, serving
from tests.twins import fails_without, line

ROOT = Path(__file__).resolve().parents[1]
SETTING = re.compile(r"\b(?:UNDERSTUDY|LETTERBOX)_[A-Z_]+[A-Z]\b")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def is_read(setting: str) -> bool:
    """Whether the sources have the setting's name, whole or as a prefix and what follows it."""
    ends = [i + 1 for i, letter in enumerate(setting) if letter == "_"]
    in_parts = ((f'"{setting[:end]}"', f'}}{setting[end:]}"') for end in ends)
    return f'"{setting}"' in SOURCES or any(
        prefix in SOURCES and rest in SOURCES for prefix, rest in in_parts
    )


def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


@pytest.mark.requirement("D1")
@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "docs/deploy.md", "README.md"])
def test_every_setting_that_is_named_is_one(name: str) -> None:
    named = set(SETTING.findall((ROOT / name).read_text(encoding="utf-8")))
    assert named
    assert sorted(setting for setting in named if not is_read(setting)) == []


def test_containers_have_no_rights_and_no_secrets_of_ours() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":[\d.]+-\w", image) for image in images)
    ours = {name: one for name, one in compose()["services"].items() if name != "database"}
    assert all(one["read_only"] and one["cap_drop"] == ["ALL"] for one in ours.values())
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    secrets = re.findall(r"(?:SECRET\w*|PASSWORD|API_KEY): (\S+)", text)
    assert secrets
    assert all(secret.startswith("${") for secret in secrets)


def test_only_the_operator_speaks_for_the_owner_of_the_tables() -> None:
    speakers = {
        name
        for name, one in compose()["services"].items()
        if "UNDERSTUDY_DATABASE_OWNER_URL" in one["environment"]
    }
    assert speakers == {"operator"}


@pytest.mark.requirement("D3")
def test_an_image_gets_what_runs_and_nothing_else() -> None:
    assert "--require-hashes --requirement requirements.lock\n" in DOCKERFILE
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "\ngunicorn==" in locked
    assert not re.search("^(pytest|playwright)", locked, re.MULTILINE)


def test_what_the_image_is_made_of_reaches_its_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    let_through = re.findall("^!(.*)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(one.removeprefix("./") for one in copied) == sorted(let_through)


@pytest.mark.requirement("D2")
def test_gunicorn_believes_no_header_and_logs_no_address() -> None:
    assert (serving.forwarded_allow_ips, serving.accesslog) == ("", None)
    assert serving.control_socket_disable


def test_a_connection_of_the_products_is_kept_for_longer_than_it_is_idle() -> None:
    """An open tab asks every five seconds; what is closed as it is used again fails a request."""
    assert serving.keepalive == int(launcher.KEEP_ALIVE) > 60


def starting(*addresses: Any) -> SimpleNamespace:
    return SimpleNamespace(app=SimpleNamespace(app_uri=serving.ADMIN_SITE), address=addresses)


HERE = [("127.0.0.1", 8000), ("::1", 8000), ("localhost", 8000), ("127.8.0.1", 8000)]
ELSEWHERE = [
    *(("0.0.0.0", 8000), ("::", 8000), ("192.0.2.7", 8000), ("", 8000)),  # noqa: S104
    *(("demo.example.com", 8000), "/run/understudy.sock", 3),
]


@pytest.mark.requirement("S12")
@pytest.mark.parametrize("address", ELSEWHERE)
@fails_without(line(serving.on_starting, '_environ.get("UNDERSTUDY_DEMO") == "1"', "False"))
def test_a_demo_does_not_start_where_others_reach_it(
    monkeypatch: pytest.MonkeyPatch, address: Any
) -> None:
    monkeypatch.setitem(serving._environ, "UNDERSTUDY_DEMO", "1")
    serving.on_starting(starting(*HERE))
    with pytest.raises(SystemExit, match="is for this machine alone"):
        serving.on_starting(starting(HERE[0], address))
    monkeypatch.setitem(serving._environ, "UNDERSTUDY_DEMO", "0")
    serving.on_starting(starting(address))


def test_a_start_throws_away_old_figures_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting may name a folder that holds the database and the keys."""
    old, kept = ("counter_12.db", "gauge_livesum_7.db"), ("signing-key.pem", "understudy.db")
    for name in (*old, *kept):
        (tmp_path / name).touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    serving.on_starting(starting())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
