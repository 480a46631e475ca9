"""flask directory …"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from app.cli.settings import now, unit_of_work
from app.domain import directory
from app.domain.audit_trail import OPERATOR

commands = AppGroup("directory", help="Accounts and members, as the product knows them.")


@commands.command("sync")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def sync(file: Path) -> None:
    """Make the directory equal to a database: FILE (TOML) names it and two queries.

    Its table [source] has `url`, any database that SQLAlchemy reaches, and the queries
    `accounts` and `members`, whose columns are those of the directory.
    """
    source = _source(file)
    engine = create_engine(source["url"])
    with unit_of_work() as db, _readable(engine) as connection:
        tally = directory.sync(
            db,
            source=engine.url.render_as_string(hide_password=True),
            accounts=_rows(connection, source["accounts"]),
            members=_with_progress(_rows(connection, source["members"])),
            provenance=OPERATOR,
            now=now(),
        )
    click.echo(f"{tally.added} new, {tally.changed} changed, {tally.missing} missing.")


@contextmanager
def _readable(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise click.ClickException(f"the directory cannot be read: {error}") from error
    finally:
        engine.dispose()


def _source(file: Path) -> dict[str, str]:
    try:
        source = tomllib.loads(file.read_text(encoding="utf-8"))["source"]
        return {name: str(source[name]) for name in ("url", "accounts", "members")}
    except (KeyError, TypeError, ValueError) as error:
        raise click.ClickException(
            f"{file} needs a table [source] with url, accounts and members."
        ) from error


def _rows(connection: Connection, query: str) -> Iterator[dict[str, Any]]:
    result = connection.execution_options(stream_results=True).execute(text(query))
    return (dict(row) for row in result.mappings())


def _with_progress(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with click.progressbar(rows, label="Members", show_pos=True) as bar:
        yield from bar
