"""Settings: read once from the environment, refused as a whole when one is missing or wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

# `make run` writes the demo's settings here; what the environment says comes first.
SETTINGS_FILE = Path("var/understudy.env")
SECRET_LENGTH = 32
DEMO_PREFIX = "demo-"
DATABASES = ("sqlite:///", "postgresql://")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BadSetting(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


@dataclass(frozen=True)
class Config:
    """The admin site's settings. The URLs are origins: scheme, host and port, no path."""

    # It may hold a password.
    database_url: str = field(repr=False)
    admin_url: str
    product_url: str
    signing_key_file: Path
    secret_key: str = field(repr=False)
    demo: bool = False
    reason_required: bool = True
    trusted_proxies: int = 0
    checkpoint_key_file: Path = Path("var/checkpoint-key.pem")
    # Checkpoints are kept here too: whoever rewrites the database cannot rewrite this with it.
    checkpoint_file: Path = Path("var/checkpoints.txt")
    checkpoint_events: int = 1000
    checkpoint_every: timedelta = timedelta(minutes=5)

    @property
    def admin_host(self) -> str:
        """The host and port by which the admin site wants to be called."""
        return urlsplit(self.admin_url).netloc

    @property
    def is_https(self) -> bool:
        """Whether the admin site is reached over https."""
        return self.admin_url.startswith("https://")


def read_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings file's values with those of the environment over them."""
    written = {key: value or "" for key, value in dotenv_values(SETTINGS_FILE).items()}
    return {**written, **environ}


def from_environment(environ: Mapping[str, str]) -> Config:
    """Return the settings in `environ`; raise BadSetting for the first that cannot be used."""
    demo = _flag(environ, "UNDERSTUDY_DEMO", default=False)
    config = Config(
        database_url=_database_url(environ, "UNDERSTUDY_DATABASE_URL"),
        admin_url=_origin(environ, "UNDERSTUDY_ADMIN_URL", demo=demo),
        product_url=_origin(environ, "UNDERSTUDY_PRODUCT_URL", demo=demo),
        signing_key_file=_path(environ, "UNDERSTUDY_SIGNING_KEY_FILE", "signing-key.pem"),
        secret_key=_secret(environ, "UNDERSTUDY_SECRET_KEY", demo=demo),
        demo=demo,
        reason_required=_flag(environ, "UNDERSTUDY_REASON_REQUIRED", default=True),
        trusted_proxies=_count(environ, "UNDERSTUDY_TRUSTED_PROXIES", default=0, least=0),
        checkpoint_key_file=_path(environ, "UNDERSTUDY_CHECKPOINT_KEY_FILE", "checkpoint-key.pem"),
        checkpoint_file=_path(environ, "UNDERSTUDY_CHECKPOINT_FILE", "checkpoints.txt"),
        checkpoint_events=_count(environ, "UNDERSTUDY_CHECKPOINT_EVENTS", default=1000, least=1),
        checkpoint_every=timedelta(
            minutes=_count(environ, "UNDERSTUDY_CHECKPOINT_MINUTES", default=5, least=1)
        ),
    )
    # One key, one purpose: what signs tokens must not sign checkpoints (K3).
    if config.checkpoint_key_file == config.signing_key_file:
        raise BadSetting("UNDERSTUDY_CHECKPOINT_KEY_FILE must be another than the signing key's.")
    if config.admin_url == config.product_url:
        raise BadSetting("UNDERSTUDY_PRODUCT_URL must be another origin than UNDERSTUDY_ADMIN_URL.")
    return config


def _database_url(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name) or "sqlite:///var/understudy.db"
    if not value.startswith(DATABASES):
        # The value may hold a password, so it is not repeated.
        raise BadSetting(f"{name} must begin with {' or '.join(DATABASES)}.")
    return value


def _origin(environ: Mapping[str, str], name: str, *, demo: bool) -> str:
    value = _required(environ, name).rstrip("/")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise BadSetting(f"{name} is not a URL: {value}") from error
    bare = f"{parts.scheme}://{parts.netloc}" == value and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise BadSetting(f"{name} must be an origin such as https://admin.example.com.")
    local = parts.hostname in LOOPBACK
    if demo and not local:
        raise BadSetting(f"{name} must be on localhost or 127.0.0.1 in demo mode.")
    # Over plain http every cookie and ticket could be read on the way.
    if parts.scheme == "http" and not local:
        raise BadSetting(f"{name} must begin with https:// unless it is on this machine.")
    return value


def _secret(environ: Mapping[str, str], name: str, *, demo: bool) -> str:
    value = _required(environ, name)
    if value.startswith(DEMO_PREFIX) and not demo:
        raise BadSetting(f"{name} is a demo's: make one of your own.")
    if len(value) < SECRET_LENGTH:
        raise BadSetting(f"{name} must have {SECRET_LENGTH} characters or more.")
    return value


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise BadSetting(f"{name} is not set.")
    return value


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name, "")
    if value not in ("", "0", "1"):
        raise BadSetting(f"{name} must be 0 or 1.")
    return default if value == "" else value == "1"


def _path(environ: Mapping[str, str], name: str, default: str) -> Path:
    return Path(environ.get(name) or f"var/{default}")


def _count(environ: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    value = environ.get(name, "") or str(default)
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise BadSetting(f"{name} must be a whole number, {least} or more.")
    return int(value)
