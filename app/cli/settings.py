"""The settings and the database of a command, opened only when the command needs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from app import config
from app.config import Config
from app.domain.errors import DomainError
from app.storage.database import Database


def settings() -> Config:
    """Return the settings; a bad one ends the command with the line that names it."""
    try:
        return config.from_environment(config.read_environment(os.environ))
    except config.BadSetting as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """Yield the one transaction of a command; what the domain refuses ends it with a sentence."""
    database = Database(settings().database_url)
    try:
        with database.unit_of_work(writing=True) as db:
            yield db
    except DomainError as error:
        raise click.ClickException(error.sentence) from error
    finally:
        database.dispose()


def now() -> datetime:
    """Return the time of the command."""
    return datetime.now(UTC)
