"""flask db …"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from app.cli.settings import opened_database, settings
from app.config import Config
from app.storage import grants

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
    """Bring the schema up to REVISION, the newest by default.

    On PostgreSQL with UNDERSTUDY_DATABASE_OWNER_URL the owner does it, and then grants the role in
    UNDERSTUDY_DATABASE_URL what the application does, and no more.
    """
    config = settings()
    if config.database_url.startswith("sqlite:///"):
        Path(config.database_url.removeprefix("sqlite:///")).parent.mkdir(
            parents=True, exist_ok=True
        )
    _run(lambda alembic: command.upgrade(alembic, revision))
    if config.database_owner_url:
        _grant(config)


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
    """Fail when the row classes say something that no migration does.

    Say so when the application's role on PostgreSQL could rewrite the trail.
    """
    _run(command.check)
    with opened_database(settings()) as database, database.unit_of_work(writing=False) as db:
        if database.is_postgresql and grants.may_rewrite(db.connection()):
            click.echo(f"Warning: {grants.REWRITES}", err=True)


@commands.command("revision")
@click.argument("message")
def revision(message: str) -> None:
    """Write a new migration from what the row classes say."""
    _run(lambda alembic: command.revision(alembic, message, autogenerate=True))


def _grant(config: Config) -> None:
    with opened_database(config) as database, database.unit_of_work(writing=False) as db:
        role = grants.current_role(db.connection())
    owner = replace(config, database_url=config.owner_url)
    with opened_database(owner) as database, database.unit_of_work(writing=True) as db:
        if grants.current_role(db.connection()) == role:
            raise click.ClickException(
                "UNDERSTUDY_DATABASE_OWNER_URL must name another role than UNDERSTUDY_DATABASE_URL."
            )
        grants.grant(db.connection(), role)


def _run(what: Callable[[AlembicConfig], object]) -> None:
    try:
        what(alembic_config(settings().owner_url))
    except CommandError as error:
        raise click.ClickException(str(error)) from error
    except SQLAlchemyError as error:
        raise click.ClickException(f"the database cannot be used: {error}") from error
