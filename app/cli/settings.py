"""The settings and the database of a command, opened only when the command needs them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import config
from app.config import Config
from app.domain.errors import DomainError
from app.storage import grants
from app.storage.database import Database


def settings() -> Config:
    """Return the settings; a bad one ends the command with the line that names it."""
    try:
        return config.from_environment(config.read_environment(os.environ))
    except config.BadSetting as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def opened_database(config: Config, *, pruning: bool = False) -> Iterator[Database]:
    """Yield the database, as its owner and for the deletions on record too if `pruning`.

    What it or the domain refuses ends the command with a sentence.
    """
    database = Database(config.owner_url if pruning else config.database_url, pruning=pruning)
    try:
        if pruning:
            _check_is_owner(database)
        yield database
    except DomainError as error:
        raise click.ClickException(error.sentence) from error
    except SQLAlchemyError as error:
        raise click.ClickException(f"the database cannot be used: {error}") from error
    finally:
        database.dispose()


def _check_is_owner(database: Database) -> None:
    with database.unit_of_work(writing=False) as db:
        if database.is_postgresql and not grants.may_rewrite(db.connection()):
            raise click.ClickException(
                "UNDERSTUDY_DATABASE_OWNER_URL is not set, and only the owner of the tables can"
                " delete from the trail."
            )


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """Yield the one transaction of a command."""
    with opened_database(settings()) as database, database.unit_of_work(writing=True) as db:
        yield db


def now() -> datetime:
    """Return the time of the command."""
    return datetime.now(UTC)
