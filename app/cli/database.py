"""flask db …"""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from flask.cli import AppGroup

from app.cli.settings import settings

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

commands = AppGroup("db", help="The schema of the admin site's database.")


def alembic_config(database_url: str) -> AlembicConfig:
    """Return what Alembic needs to know to migrate the database at that URL."""
    config = AlembicConfig(MIGRATIONS / "alembic.ini", stdout=sys.stdout)
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


@commands.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to REVISION, the newest by default."""
    config = settings()
    if config.database_url.startswith("sqlite:///"):
        Path(config.database_url.removeprefix("sqlite:///")).parent.mkdir(
            parents=True, exist_ok=True
        )
    _run(lambda alembic: command.upgrade(alembic, revision))


@commands.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the schema back to REVISION."""
    _run(lambda alembic: command.downgrade(alembic, revision))


@commands.command("current")
def current() -> None:
    """Print the revision of the database."""
    _run(command.current)


@commands.command("check")
def check() -> None:
    """Fail when the row classes say something that no migration does."""
    _run(command.check)


@commands.command("revision")
@click.argument("message")
def revision(message: str) -> None:
    """Write a new migration from what the row classes say."""
    _run(lambda alembic: command.revision(alembic, message, autogenerate=True))


def _run(what: Callable[[AlembicConfig], object]) -> None:
    try:
        what(alembic_config(settings().database_url))
    except CommandError as error:
        raise click.ClickException(str(error)) from error
