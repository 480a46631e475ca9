"""Settings: read once from the environment, refused as a whole when one is missing or wrong."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

# `make run` writes the demo's settings here; what the environment says comes first.
SETTINGS_FILE = Path("var/understudy.env")
SECRET_LENGTH = 32
# Random ones have at least twice as many different characters.
SECRET_VARIETY = 10
DEMO_PREFIX = "demo-"
POSTGRESQL = "postgresql://"
DATABASES = ("sqlite:///", POSTGRESQL)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OFF = "off"
# As in Standard Webhooks; there are two while a receiver goes over from one to the next.
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105
WEBHOOK_SECRET_BYTES = range(24, 65)
WEBHOOK_SECRETS = 2
# ASVS 7.5.3: nobody stays trusted with what is dangerous for longer.
STEP_UP_MINUTES = 10
WEBHOOKS = ("UNDERSTUDY_AUDIT_WEBHOOK_", "UNDERSTUDY_ALERT_WEBHOOK_")


class BadSetting(Exception):
    """A setting is missing or wrong; the message is one line that names it."""


@dataclass(frozen=True)
class CompanySettings:
    """The company's identity provider, and what its word is worth; see docs/company-sign-in.md."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    label: str = "your company account"
    role_claim: str = ""
    superadmins: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    strong_amr: frozenset[str] = frozenset()
    strong_acr: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Config:
    """The admin site's settings. The URLs are origins: scheme, host and port, no path."""

    # It may hold a password.
    database_url: str = field(repr=False)
    admin_url: str
    product_url: str
    signing_key_file: Path
    secret_key: str = field(repr=False)
    # On PostgreSQL the tables may belong to another role than the application's.
    database_owner_url: str | None = field(default=None, repr=False)
    demo: bool = False
    reason_required: bool = True
    trusted_proxies: int = 0
    checkpoint_key_file: Path = Path("var/checkpoint-key.pem")
    # Checkpoints are kept here too: whoever rewrites the database cannot rewrite this with it.
    checkpoint_file: Path = Path("var/checkpoints.txt")
    checkpoint_events: int = 1000
    checkpoint_every: timedelta = timedelta(minutes=5)
    # Where copies of the trail go; None for nowhere.
    audit_log_file: Path | None = Path("var/audit.log")
    audit_syslog: str | None = None
    # Its path may be a secret.
    audit_webhook_url: str | None = field(default=None, repr=False)
    audit_webhook_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    audit_webhook_private: bool = False
    # Where alerts go as well; its path may be a secret.
    alert_webhook_url: str | None = field(default=None, repr=False)
    alert_webhook_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    alert_webhook_private: bool = False
    # 0 for any number.
    starts_per_hour: int = 60
    api_requests_per_minute: int = 60_000
    alert_starts_per_hour: int = 20
    alert_starts_per_day: int = 60
    # Such as "mon-fri 08:00-18:00 Europe/Copenhagen"; None for at any hour.
    working_hours: str | None = None
    # Where the worker shows figures to what watches over the site; None for nowhere.
    metrics_address: tuple[str, int] | None = None
    metrics_folder: Path = Path("var/metrics")
    # None where nobody signs in by the company's provider.
    company: CompanySettings | None = None
    password_sign_in: bool = True
    # The settings file of a database that the worker keeps the directory in step with.
    directory_sync: Path | None = None
    # Seals the secrets of authenticator apps.
    factor_key_file: Path = Path("var/factor.key")
    second_factor_required: bool = True
    # How long the proof of a factor is good for what is dangerous.
    step_up_after: timedelta = timedelta(minutes=10)

    @property
    def owner_url(self) -> str:
        """Whose database it is: who migrates it, and deletes what has been archived or erased."""
        return self.database_owner_url or self.database_url

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
        database_owner_url=_owner_url(environ, "UNDERSTUDY_DATABASE_OWNER_URL"),
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
        audit_log_file=_path_or_off(environ, "UNDERSTUDY_AUDIT_LOG_FILE", "audit.log"),
        audit_syslog=_syslog(environ, "UNDERSTUDY_AUDIT_SYSLOG"),
        audit_webhook_url=_webhook_url(environ, "UNDERSTUDY_AUDIT_WEBHOOK_URL", demo=demo),
        audit_webhook_secrets=_webhook_secrets(environ, "UNDERSTUDY_AUDIT_WEBHOOK_SECRET"),
        audit_webhook_private=_flag(environ, "UNDERSTUDY_AUDIT_WEBHOOK_PRIVATE", default=False),
        alert_webhook_url=_webhook_url(environ, "UNDERSTUDY_ALERT_WEBHOOK_URL", demo=demo),
        alert_webhook_secrets=_webhook_secrets(environ, "UNDERSTUDY_ALERT_WEBHOOK_SECRET"),
        alert_webhook_private=_flag(environ, "UNDERSTUDY_ALERT_WEBHOOK_PRIVATE", default=False),
        # Nobody's time is worth anything there, and a suite of tests starts a session a second.
        starts_per_hour=_count(
            environ, "UNDERSTUDY_STARTS_PER_HOUR", default=0 if demo else 60, least=0
        ),
        api_requests_per_minute=_count(
            environ, "UNDERSTUDY_API_REQUESTS_PER_MINUTE", default=60_000, least=0
        ),
        alert_starts_per_hour=_count(
            environ, "UNDERSTUDY_ALERT_STARTS_PER_HOUR", default=20, least=1
        ),
        alert_starts_per_day=_count(
            environ, "UNDERSTUDY_ALERT_STARTS_PER_DAY", default=60, least=1
        ),
        working_hours=environ.get("UNDERSTUDY_WORKING_HOURS") or None,
        company=_company(environ, demo=demo),
        password_sign_in=_flag(environ, "UNDERSTUDY_PASSWORD_SIGN_IN", default=True),
        directory_sync=_path_or_none(environ, "UNDERSTUDY_DIRECTORY_SYNC"),
        factor_key_file=_path(environ, "UNDERSTUDY_FACTOR_KEY_FILE", "factor.key"),
        second_factor_required=_second_factor_required(environ, demo=demo),
        step_up_after=timedelta(minutes=_step_up_minutes(environ)),
        metrics_address=_private_address(environ, "UNDERSTUDY_METRICS_ADDRESS"),
        metrics_folder=metrics_folder(environ),
    )
    for prefix in WEBHOOKS:
        _check_webhook(environ, prefix)
    _check_webhook_secrets(environ)
    _check_key_files(config)
    if not config.password_sign_in and config.company is None:
        raise BadSetting("UNDERSTUDY_PASSWORD_SIGN_IN can be 0 with UNDERSTUDY_OIDC_ISSUER only.")
    if config.audit_log_file == config.checkpoint_file:
        raise BadSetting("UNDERSTUDY_AUDIT_LOG_FILE must be another than the checkpoint file.")
    if config.admin_url == config.product_url:
        raise BadSetting("UNDERSTUDY_PRODUCT_URL must be another origin than UNDERSTUDY_ADMIN_URL.")
    return config


def metrics_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder in which the site's processes count, each in a file of its own."""
    return _path(environ, "UNDERSTUDY_METRICS_FOLDER", "metrics")


def database_url(environ: Mapping[str, str]) -> str:
    """Return the address of the database alone; raise BadSetting if it is none."""
    return _database_url(environ, "UNDERSTUDY_DATABASE_URL")


def _database_url(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name) or "sqlite:///var/understudy.db"
    # The value may hold a password, so it is not repeated.
    if not value.startswith(DATABASES):
        raise BadSetting(f"{name} must begin with {' or '.join(DATABASES)}.")
    try:
        make_url(value)
    except (ArgumentError, ValueError):
        raise BadSetting(f"{name} is not the URL of a database.") from None
    return value


def _owner_url(environ: Mapping[str, str], name: str) -> str | None:
    if not environ.get(name):
        return None
    value, application = (_database_url(environ, one) for one in (name, "UNDERSTUDY_DATABASE_URL"))
    if not (value.startswith(POSTGRESQL) and application.startswith(POSTGRESQL)):
        raise BadSetting(f"{name} is for PostgreSQL only.")
    return value


def _origin(environ: Mapping[str, str], name: str, *, demo: bool) -> str:
    value = _required(environ, name).rstrip("/")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise BadSetting(f"{name} is not a URL: {value}") from error
    # One site, one name: a star would let any name in.
    bare = f"{parts.scheme}://{parts.netloc}" == value and not {"@", "*"} & set(parts.netloc)
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
    if len(set(value)) < SECRET_VARIETY:
        raise BadSetting(f"{name} is too easily guessed: make one with `openssl rand -base64 32`.")
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


def _path_or_none(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _path_or_off(environ: Mapping[str, str], name: str, default: str) -> Path | None:
    return None if environ.get(name) == OFF else _path(environ, name, default)


def _syslog(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        whole = parts.hostname and parts.port and f"{parts.scheme}://{parts.netloc}" == value
    except ValueError:
        whole = False
    if not whole or parts.scheme not in ("udp", "tcp", "tls") or not _is_plain(value):
        raise BadSetting(f"{name} must be such as tls://logs.example.com:6514, tcp:// or udp://.")
    return value


def _private_address(environ: Mapping[str, str], name: str) -> tuple[str, int] | None:
    value = environ.get(name)
    if not value:
        return None
    try:
        host, port = urlsplit(f"//{value}").hostname or "", urlsplit(f"//{value}").port
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address, port = IPv4Address(0), None
    # Figures are for whoever watches over the site, and not for strangers (D5).
    if not port or not address.is_private or address.is_unspecified or "@" in value:
        raise BadSetting(f"{name} must be a private address and a port, such as 127.0.0.1:9464.")
    return str(address), port


def _webhook_url(environ: Mapping[str, str], name: str, *, demo: bool) -> str | None:
    # The value may hold a secret, so it is not repeated.
    value = environ.get(name)
    if not value:
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise BadSetting(f"{name} is not a URL.") from error
    local = demo and parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or local) or not parts.hostname:
        raise BadSetting(f"{name} must begin with https://.")
    if not _is_plain(value) or "#" in value:
        raise BadSetting(f"{name} must have no user, no fragment and no blanks.")
    return value


def _webhook_secrets(environ: Mapping[str, str], name: str) -> tuple[bytes, ...]:
    written = environ.get(name, "").split()
    try:
        secrets = tuple(
            base64.b64decode(one.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
            for one in written
            if one.startswith(WEBHOOK_SECRET_PREFIX)
        )
    except (binascii.Error, ValueError):
        secrets = ()
    good = [one for one in secrets if len(one) in WEBHOOK_SECRET_BYTES]
    if not len(good) == len(written) <= WEBHOOK_SECRETS:
        least, most = WEBHOOK_SECRET_BYTES[0], WEBHOOK_SECRET_BYTES[-1]
        raise BadSetting(
            f"{name} must be {WEBHOOK_SECRET_PREFIX} and {least} to {most} bytes in base64,"
            " or two of these with a blank between them."
        )
    return secrets


def _company(environ: Mapping[str, str], *, demo: bool) -> CompanySettings | None:
    prefix = "UNDERSTUDY_OIDC_"
    if not environ.get(f"{prefix}ISSUER"):
        return None
    secret = _secret_or_file(environ, f"{prefix}CLIENT_SECRET")
    if secret == environ.get("UNDERSTUDY_SECRET_KEY"):
        raise BadSetting(f"{prefix}CLIENT_SECRET must be another than UNDERSTUDY_SECRET_KEY.")
    company = CompanySettings(
        issuer=_issuer(environ, f"{prefix}ISSUER", demo=demo),
        client_id=_required(environ, f"{prefix}CLIENT_ID"),
        client_secret=secret,
        label=environ.get(f"{prefix}LABEL") or CompanySettings.label,
        role_claim=environ.get(f"{prefix}ROLE_CLAIM", ""),
        superadmins=_values(environ, f"{prefix}SUPERADMINS"),
        admins=_values(environ, f"{prefix}ADMINS"),
        strong_amr=_values(environ, f"{prefix}STRONG_AMR"),
        strong_acr=_values(environ, f"{prefix}STRONG_ACR"),
    )
    if bool(company.role_claim) != bool(company.superadmins | company.admins):
        raise BadSetting(f"{prefix}ROLE_CLAIM goes with {prefix}SUPERADMINS or {prefix}ADMINS.")
    return company


def _issuer(environ: Mapping[str, str], name: str, *, demo: bool) -> str:
    # It is compared letter by letter with what the provider calls itself.
    value = _webhook_url(environ, name, demo=demo) or ""
    if "?" in value:
        raise BadSetting(f"{name} must have no query.")
    return value


def _secret_or_file(environ: Mapping[str, str], name: str) -> str:
    file = environ.get(f"{name}_FILE")
    if not file:
        return _required(environ, name)
    if environ.get(name):
        raise BadSetting(f"{name}_FILE is set, and {name} is too.")
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadSetting(f"{name}_FILE cannot be read: {file}") from error
    if not value:
        raise BadSetting(f"{name}_FILE is empty: {file}")
    return value


def _values(environ: Mapping[str, str], name: str) -> frozenset[str]:
    given = (one.strip() for one in environ.get(name, "").split(","))
    return frozenset(one for one in given if one)


def _check_key_files(config: Config) -> None:
    """One key, one purpose: what signs tokens must not sign checkpoints, or seal secrets (K3)."""
    if config.checkpoint_key_file == config.signing_key_file:
        raise BadSetting("UNDERSTUDY_CHECKPOINT_KEY_FILE must be another than the signing key's.")
    if config.factor_key_file in (config.signing_key_file, config.checkpoint_key_file):
        raise BadSetting("UNDERSTUDY_FACTOR_KEY_FILE must be another than the keys that sign.")


def _second_factor_required(environ: Mapping[str, str], *, demo: bool) -> bool:
    name = "UNDERSTUDY_SECOND_FACTOR_REQUIRED"
    required = _flag(environ, name, default=not demo)
    if not required and not demo:
        raise BadSetting(f"{name} can be 0 in demo mode only.")
    return required


def _step_up_minutes(environ: Mapping[str, str]) -> int:
    name = "UNDERSTUDY_STEP_UP_MINUTES"
    minutes = _count(environ, name, default=STEP_UP_MINUTES, least=1)
    if minutes > STEP_UP_MINUTES:
        raise BadSetting(f"{name} must be {STEP_UP_MINUTES} or less.")
    return minutes


def _check_webhook(environ: Mapping[str, str], prefix: str) -> None:
    """Refuse half of a webhook."""
    url, secret, private = (environ.get(prefix + name) for name in ("URL", "SECRET", "PRIVATE"))
    if url and not secret:
        raise BadSetting(f"{prefix}SECRET is not set, but {prefix}URL is.")
    if not url and (secret or private == "1"):
        raise BadSetting(f"{prefix}URL is not set, but {prefix}SECRET or {prefix}PRIVATE is.")


def _check_webhook_secrets(environ: Mapping[str, str]) -> None:
    """Refuse a secret that serves something else as well (K3)."""
    taken = {environ.get("UNDERSTUDY_SECRET_KEY", ""): "UNDERSTUDY_SECRET_KEY"}
    for prefix in WEBHOOKS:
        name = f"{prefix}SECRET"
        for secret in environ.get(name, "").split():
            if taken.setdefault(secret, name) != name:
                raise BadSetting(f"{name} must be another than {taken[secret]}.")


def _is_plain(url: str) -> bool:
    """Whether a URL holds nothing that a reader of it may take for something else."""
    parts = urlsplit(url)
    return url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc


def _count(environ: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    value = environ.get(name, "") or str(default)
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise BadSetting(f"{name} must be a whole number, {least} or more.")
    return int(value)
