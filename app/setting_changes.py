"""Settings on record: who reads the trail sees when the rules of the site became others (L1)."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.config import Config
from app.domain.audit_facts import parsed
from app.domain.audit_trail import SITE, AuditAction, append, event
from app.storage import locks
from app.storage.audit_trail import AuditEvent, latest_numbers
from app.storage.database import FAILURES, Database


class NotRecorded(Exception):
    """The settings cannot be recorded; the message is what kind of failure it was."""


def record(database: Database, config: Config, *, now: datetime) -> None:
    """Record the settings that a site starts with, if they are others than those on record.

    Raises NotRecorded when they cannot be: what cannot be recorded does not happen (L3).
    """
    try:
        with database.unit_of_work(writing=False) as db:
            if _recorded(db) == told(config):
                return
        with database.unit_of_work(writing=True) as db:
            # Of the processes that start together one is enough.
            locks.take(db, "settings")
            _record(db, told(config), now=now)
    except FAILURES as error:
        raise NotRecorded(type(error).__name__) from error


def told(config: object) -> dict[str, str]:
    """Return the settings as text; of secrets, and what may hold one, whether there is any."""
    texts: dict[str, str] = {}
    for field in fields(config) if is_dataclass(config) else ():
        value = getattr(config, field.name)
        if is_dataclass(value):
            texts |= {f"{field.name}.{name}": text for name, text in told(value).items()}
        else:
            texts[field.name] = _text(value) if field.repr else _whether(value)
    return texts


def _record(db: Session, settings: Mapping[str, str], *, now: datetime) -> None:
    before = _recorded(db)
    if before == settings:
        return
    # The first time what is not as usual is told.
    before = before or _defaults()
    names = sorted({*settings, *before})
    details = {
        "names": [name for name in names if settings.get(name) != before.get(name)],
        "settings": settings,
    }
    changed = AuditAction.SETTINGS_CHANGED
    append(db, event(changed, now=now, provenance=SITE, details=details))


def _recorded(db: Session) -> Mapping[str, str]:
    numbers = latest_numbers(db, AuditAction.SETTINGS_CHANGED, of_an_admin=False, limit=1)
    recorded = db.get(AuditEvent, numbers[0]) if numbers else None
    settings = parsed(recorded.facts).get("settings") if recorded else None
    return settings if isinstance(settings, dict) else {}


def _defaults() -> dict[str, str]:
    usual = [field for field in fields(Config) if field.default is not MISSING]
    return {
        field.name: _text(field.default) if field.repr else _whether(field.default)
        for field in usual
    }


def _whether(value: Any) -> str:
    return "set" if value else "not set"


def _text(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
