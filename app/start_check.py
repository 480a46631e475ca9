"""What keeps a site from starting, all of it at once, each with the setting to change.

`flask check` tells it, and the site and the worker refuse to start with it.
"""

import stat
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app import config
from app.config import BadSetting, Config
from app.demo import people
from app.domain import factor_keys, signing_keys
from app.domain.key_ring import KeyFiles
from app.domain.signing_keys import UnusableKey
from app.storage import grants, revisions
from app.storage.database import Database

PREFIX = "UNDERSTUDY_"
# What takes the place of a wrong setting, to see whether another one is wrong as well. For most
# it is nothing, which means the default.
STAND_INS = {
    "UNDERSTUDY_ADMIN_URL": "https://admin.invalid",
    "UNDERSTUDY_PRODUCT_URL": "https://product.invalid",
    "UNDERSTUDY_SECRET_KEY": "a stand-in that is never used for anything",
    "UNDERSTUDY_AUDIT_WEBHOOK_URL": "https://webhook.invalid",
    "UNDERSTUDY_AUDIT_WEBHOOK_SECRET": "whsec_" + "A" * 40,
    "UNDERSTUDY_ALERT_WEBHOOK_URL": "https://webhook.invalid",
    "UNDERSTUDY_ALERT_WEBHOOK_SECRET": "whsec_" + "B" * 40,
}
KEPT_BY_DEFAULT = {
    "UNDERSTUDY_SIGNING_KEY_FILE": "var/signing-key.pem",
    "UNDERSTUDY_CHECKPOINT_KEY_FILE": "var/checkpoint-key.pem",
    "UNDERSTUDY_FACTOR_KEY_FILE": "var/factor.key",
}
TRUE = ("1", "true", "yes", "on")


def findings(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each thing that forbids a start; each begins with what to change."""
    found, settings = _settings(environ)
    demo = environ.get("UNDERSTUDY_DEMO") == "1"
    found += _keys(settings) if settings else []
    if not demo:
        kept = {**KEPT_BY_DEFAULT, **environ}
        found += [*_production(environ, settings), *_shared_secrets(kept), *_open_files()]
    if "UNDERSTUDY_DATABASE_URL" not in {sentence.split()[0] for sentence in found}:
        found += _database(config.database_url(environ), demo=demo)
    return found


def _settings(environ: Mapping[str, str]) -> tuple[list[str], Config | None]:
    """Return what is wrong with the settings one by one, and them if nothing is."""
    found: dict[str, str] = {}
    stand_in = dict(environ)
    while True:
        try:
            settings = config.from_environment(stand_in)
        except BadSetting as error:
            name = str(error).split()[0]
            if name in found:
                return [*found.values()], None
            found[name] = str(error)
            stand_in[name] = STAND_INS.get(name, "")
        else:
            return [*found.values()], None if found else settings


def _keys(settings: Config) -> Iterator[str]:
    for name, load in (
        ("SIGNING", lambda: KeyFiles(settings.signing_key_file).load()),
        ("CHECKPOINT", lambda: signing_keys.load(settings.checkpoint_key_file)),
        ("FACTOR", lambda: factor_keys.load(settings.factor_key_file)),
    ):
        try:
            load()
        except UnusableKey as error:
            yield f"UNDERSTUDY_{name}_KEY_FILE: {error}."


def _production(environ: Mapping[str, str], settings: Config | None) -> Iterator[str]:
    if environ.get("FLASK_DEBUG", "").lower() in TRUE:
        yield "FLASK_DEBUG must not be set: it shows strangers what the site is made of."
    for name in ("UNDERSTUDY_ADMIN_URL", "UNDERSTUDY_PRODUCT_URL"):
        if settings and environ[name].startswith("http://"):
            yield f"{name} must begin with https:// outside the demo."


def _shared_secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """One secret, one purpose (K3), whatever it is called and wherever it is kept."""
    for (one, of_one), (other, of_other) in combinations(sorted(_secrets(environ).items()), 2):
        if of_one & of_other:
            yield f"{other} holds the same secret as {one}: make another."


def _secrets(environ: Mapping[str, str]) -> dict[str, set[str]]:
    return {
        name: _contents(value) if name.endswith("_FILE") else set(value.split())
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and any(word in name for word in ("SECRET", "KEY"))
    }


def _contents(path: str) -> set[str]:
    try:
        return {Path(path).read_text(encoding="utf-8").strip()}
    except (OSError, UnicodeDecodeError):
        return set()


def _open_files() -> Iterator[str]:
    file = config.SETTINGS_FILE
    if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"{file} can be read by others than its owner: chmod 600 {file}."


def _database(url: str, *, demo: bool) -> list[str]:
    database = Database(url)
    try:
        return [f"UNDERSTUDY_DATABASE_URL: {what}" for what in _database_problems(database, demo)]
    except SQLAlchemyError as error:
        return [f"UNDERSTUDY_DATABASE_URL cannot be used: {type(error).__name__}."]
    finally:
        database.dispose()


def _database_problems(database: Database, demo: bool) -> Iterator[str]:
    with database.unit_of_work(writing=False) as db:
        current, newest = revisions.current(db.connection()), revisions.newest()
        if current != newest:
            yield f"the database is of revision {current} and not {newest}: `flask db upgrade`."
        elif not demo:
            if people.are_here(db):
                yield "the demo's admins are there, whose password everybody knows."
            if database.is_postgresql and grants.may_rewrite(db.connection()):
                yield grants.REWRITES
