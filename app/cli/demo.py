"""flask demo …"""

import click
from flask.cli import AppGroup

from app import demo
from app.cli.settings import now, settings, unit_of_work

commands = AppGroup("demo", help="Sample data to look around in.")


@commands.command("load")
def load() -> None:
    """Add the demo's admins and two weeks of past sessions, once."""
    if not settings().demo:
        raise click.ClickException("UNDERSTUDY_DEMO is not 1: this is no demo.")
    with unit_of_work() as db:
        if demo.is_loaded(db):
            click.echo("The demo data is here already.")
            return
        count = demo.load(db, now=now())
    click.echo(f"Added {len(demo.PEOPLE)} admins and {count} past sessions.")
