"""What Letterbox needs to know before it starts, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DEFAULT_DATABASE_URL = "sqlite:///var/letterbox.db"
DEFAULT_API_KEY_FILE = "var/letterbox.key"
SHORTEST_SECRET_KEY = 32
SHORTEST_API_KEY = 20
# A browser that asked more rarely would be taken for one that has crashed.
PRESENCE_SECONDS = range(1, 61)
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class ConfigError(Exception):
    """A setting is missing or half valid; the message is one line that names it."""


@dataclass(frozen=True)
class Config:
    """The settings of one Letterbox. Secrets stay out of its printed form."""

    database_url: str
    secret_key: str = field(repr=False)
    admin_url: str
    product_url: str
    api_key: str = field(repr=False)
    presence_seconds: int = 5
    demo: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Config":
        return cls(
            database_url=_database_url(environ),
            secret_key=_secret_key(environ),
            admin_url=_origin(environ, "UNDERSTUDY_ADMIN_URL"),
            product_url=_origin(environ, "UNDERSTUDY_PRODUCT_URL"),
            api_key=_api_key(environ),
            presence_seconds=_presence_seconds(environ),
            demo=environ.get("UNDERSTUDY_DEMO") == "1",
        )

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach Letterbox over https."""
        return self.product_url.startswith("https://")

    @property
    def host(self) -> str:
        """The one Host header that Letterbox answers to."""
        return urlsplit(self.product_url).netloc


def _database_url(environ: Mapping[str, str]) -> str:
    url = environ.get("LETTERBOX_DATABASE_URL", DEFAULT_DATABASE_URL)
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        raise ConfigError("LETTERBOX_DATABASE_URL is not a database URL.") from None
    if backend != "sqlite":
        raise ConfigError("LETTERBOX_DATABASE_URL must be a SQLite URL (sqlite:///…).")
    return url


def _secret_key(environ: Mapping[str, str]) -> str:
    key = _required(environ, "LETTERBOX_SECRET_KEY")
    if len(key) < SHORTEST_SECRET_KEY:
        raise ConfigError(
            f"LETTERBOX_SECRET_KEY is too short: give it at least {SHORTEST_SECRET_KEY} characters."
        )
    return key


def _origin(environ: Mapping[str, str], name: str) -> str:
    url = _required(environ, name).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_good_port(parts):
        raise ConfigError(f"{name} must be like https://app.example.com or http://localhost:8001.")
    if url != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise ConfigError(f"{name} must be an origin only: no path, no query, no user name.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigError(f"{name} must use https unless its host is this machine.")
    return url.lower()


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _is_loopback(hostname: str) -> bool:
    return hostname in LOOPBACK_HOSTS or hostname.endswith(".localhost")


def _api_key(environ: Mapping[str, str]) -> str:
    """The key itself wins over the file that holds it."""
    name = "LETTERBOX_API_KEY"
    key = environ.get(name, "").strip()
    if not key:
        name = "LETTERBOX_API_KEY_FILE"
        key = _read_key(name, Path(environ.get(name, DEFAULT_API_KEY_FILE)))
    if len(key) < SHORTEST_API_KEY or any(character.isspace() for character in key):
        raise ConfigError(f"{name} does not hold an API key of the admin site.")
    return key


def _read_key(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{name} names a file that cannot be read: {path}") from None


def _presence_seconds(environ: Mapping[str, str]) -> int:
    """How often an open impersonated tab asks whether its session is still on."""
    name = "LETTERBOX_PRESENCE_SECONDS"
    value = environ.get(name, "").strip() or str(Config.presence_seconds)
    if not value.isascii() or not value.isdigit() or int(value) not in PRESENCE_SECONDS:
        least, most = PRESENCE_SECONDS[0], PRESENCE_SECONDS[-1]
        raise ConfigError(f"{name} must be a whole number from {least} to {most}.")
    return int(value)


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is missing.")
    return value
