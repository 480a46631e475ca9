"""flask keys …"""

from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.settings import settings
from app.domain import signing_keys

commands = AppGroup("keys", help="The keys that sign tokens and the trail's checkpoints.")


@commands.command("create")
def create() -> None:
    """Write the Ed25519 keys that are missing.

    UNDERSTUDY_SIGNING_KEY_FILE signs impersonation tokens, UNDERSTUDY_CHECKPOINT_KEY_FILE the
    checkpoints of the audit trail.
    """
    config = settings()
    paths = (config.signing_key_file, config.checkpoint_key_file)
    missing = [path for path in paths if not path.exists()]
    if not missing:
        raise click.ClickException("Both keys exist already; nothing was changed.")
    for path in missing:
        _create(path)


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        signing_keys.create(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}.")
