"""The settings file of a sync: which database, which queries, how often."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.domain.directory_reading import Unusable
from app.sources.database import DirectoryDatabase
from app.sources.database_errors import without_secrets
from app.storage.directory import ACCOUNTS, MEMBERS

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEFAULTS = {"every": "5m", "full_every": "1d", "overlap": "5m", "updated_at": "", "skip_bad": False}
NEEDED = ("url", ACCOUNTS.name, MEMBERS.name)


def read_settings(file: Path, environ: Mapping[str, str]) -> DirectoryDatabase:
    """Return the database that the file describes; raise Unusable for what is missing or wrong.

    `url_env` in place of `url` names the variable in `environ` that holds it.
    """
    source = _table(file, environ)
    url = _url(file, source["url"])
    updated_at = _column(file, source["updated_at"])
    skip_bad = source["skip_bad"]
    if not isinstance(skip_bad, bool):
        raise Unusable(f"{file}: skip_bad must be true or false.")
    return DirectoryDatabase(
        name=_text(file, source, "name") if "name" in source else without_secrets(url),
        url=url,
        queries={
            kind.name: _text(file, source, kind.name).strip().rstrip(";")
            for kind in (ACCOUNTS, MEMBERS)
        },
        every=_duration(file, source, "every"),
        # Without the column there is no less than everything.
        full_every=_duration(file, source, "full_every") if updated_at else None,
        updated_at=updated_at,
        overlap=_duration(file, source, "overlap"),
        skip_bad=skip_bad,
    )


def _table(file: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        source = tomllib.loads(file.read_text(encoding="utf-8")).get("source")
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Unusable(f"{file} needs a table [source]; it is not TOML: {error}") from error
    source = source if isinstance(source, dict) else {}
    if "url_env" in source and "url" not in source:
        source["url"] = environ.get(str(source.pop("url_env"))) or None
        if source["url"] is None:
            raise Unusable(f"{file}: the variable that url_env names is not set.")
    if not all(name in source for name in NEEDED):
        raise Unusable(f"{file} needs a table [source] with {', '.join(NEEDED)}.")
    if unknown := source.keys() - {*NEEDED, *DEFAULTS, "name"}:
        raise Unusable(f"{file}: nobody knows {', '.join(sorted(unknown))}.")
    return DEFAULTS | source


def _url(file: Path, value: object) -> URL:
    # It may hold a password, so it is not repeated.
    try:
        return make_url(str(value))
    except (ArgumentError, ValueError):
        raise Unusable(f"{file}: url is not the URL of a database.") from None


def _text(file: Path, source: Mapping[str, Any], name: str) -> str:
    value = source[name]
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"{file}: {name} must be text.")
    return value


def _column(file: Path, value: object) -> str:
    if value and not (isinstance(value, str) and COLUMN.fullmatch(value)):
        raise Unusable(f"{file}: updated_at must be the name of a column.")
    return str(value)


def _duration(file: Path, source: Mapping[str, Any], name: str) -> timedelta:
    match = DURATION.fullmatch(str(source[name]))
    if match is None:
        raise Unusable(f"{file}: {name} must be such as 30s, 5m, 12h or 1d.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
