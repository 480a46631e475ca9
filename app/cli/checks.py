"""flask check"""

import os
import sys

import click

from app import config, start_check


@click.command("check")
def check() -> None:
    """Say what keeps the site from starting, all at once; end with status 1 if anything does.

    Settings, keys, secrets, and what is in the database. `flask db check` compares the schema.
    """
    found = start_check.findings(config.read_environment(os.environ))
    for sentence in found:
        click.echo(sentence)
    if found:
        sys.exit(1)
    click.echo("Nothing keeps the site from starting.")
