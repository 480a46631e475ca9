"""flask keys …"""

import click
from flask.cli import AppGroup

from app.cli.settings import settings
from app.domain import signing_keys

commands = AppGroup("keys", help="The key that signs impersonation tokens.")


@commands.command("create")
def create() -> None:
    """Write a new Ed25519 key to UNDERSTUDY_SIGNING_KEY_FILE."""
    path = settings().signing_key_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        signing_keys.create(path)
    except FileExistsError as error:
        raise click.ClickException(f"{path} exists already; nothing was changed.") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}.")
