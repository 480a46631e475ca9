"""The settings file of a sync."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.directory_reading import Unusable
from app.sources.database import DirectoryDatabase
from app.sources.settings import read_settings

MINIMAL = 'accounts = "SELECT 1"\nmembers = "SELECT 2;"\n'
URL = 'url = "postgresql://reader:hunter2@db.example.com:5433/product?sslpassword=hunter2"\n'
ROOT = Path(__file__).resolve().parents[2]


def settings(tmp_path: Path, content: str, **environ: str) -> DirectoryDatabase:
    path = tmp_path / "directory.toml"
    path.write_text(content, encoding="utf-8")
    return read_settings(path, environ)


def test_a_database_and_two_queries_are_enough(tmp_path: Path) -> None:
    source = settings(tmp_path, f"[source]\n{URL}{MINIMAL}")
    assert source.name == "postgresql://db.example.com:5433/product"
    assert source.queries == {"accounts": "SELECT 1", "members": "SELECT 2"}
    assert (source.every, source.full_every) == (timedelta(minutes=5), None)


def test_the_rest_can_be_said(tmp_path: Path) -> None:
    more = (
        'name = "crm"\nevery = "30s"\nupdated_at = "changed"\noverlap = "2m"\nfull_every = "12h"\n'
        "skip_bad = true\n"
    )
    source = settings(tmp_path, f"[source]\n{URL}{MINIMAL}{more}")
    assert (source.name, source.every, source.updated_at) == (
        "crm",
        timedelta(seconds=30),
        "changed",
    )
    assert (source.overlap, source.full_every, source.skip_bad) == (
        timedelta(minutes=2),
        timedelta(hours=12),
        True,
    )


def test_the_url_can_come_from_the_environment(tmp_path: Path) -> None:
    content = f'[source]\nurl_env = "CRM_URL"\n{MINIMAL}'
    source = settings(tmp_path, content, CRM_URL="sqlite:///crm.db")
    assert source.name == "sqlite:///crm.db"
    with pytest.raises(Unusable, match="url_env"):
        settings(tmp_path, content)


def test_the_sample_product_can_be_read() -> None:
    source = read_settings(ROOT / "app/product/directory.toml", {})
    assert source.name == "sqlite:///var/letterbox.db"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "needs a table [source] with url, accounts, members."),
        ("not TOML", "needs a table [source]; it is not TOML"),
        ("\ufeff[", "needs a table [source]; it is not TOML"),
        ("source = 1", "needs a table [source] with"),
        (f"[source]\n{MINIMAL}", "needs a table [source] with"),
        (f"[source]\nurl = 'hunter2'\n{MINIMAL}", "url is not the URL of a database."),
        (f"[source]\nurl = 'a://b:hunter2'\n{MINIMAL}", "url is not the URL of a database."),
        (f"[source]\n{URL}accounts = 1\nmembers = ''", "accounts must be text."),
        (f"[source]\n{URL}{MINIMAL}every = '0m'", "every must be such as 30s, 5m, 12h or 1d."),
        (f"[source]\n{URL}{MINIMAL}every = 5", "every must be such as"),
        (f"[source]\n{URL}{MINIMAL}updated_at = 'a; DROP'", "updated_at must be the name"),
        (f"[source]\n{URL}{MINIMAL}skip_bad = 'no'", "skip_bad must be true or false."),
        (f"[source]\n{URL}{MINIMAL}evry = '5m'", "nobody knows evry."),
        (f"[source]\n{URL}{MINIMAL}name = ''", "name must be text."),
    ],
)
def test_settings_that_are_wrong_are_told_without_secrets(
    tmp_path: Path, content: str, sentence: str
) -> None:
    with pytest.raises(Unusable) as unusable:
        settings(tmp_path, content)
    assert sentence in unusable.value.sentence
    assert "hunter2" not in unusable.value.sentence


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="No such file"):
        read_settings(tmp_path / "nowhere.toml", {})
