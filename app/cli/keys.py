"""flask keys …"""

from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.settings import now, settings, unit_of_work
from app.domain import factor_keys, key_ring, signing_keys
from app.domain.audit_trail import OPERATOR
from app.domain.key_ring import KeyFiles, Turn
from app.domain.signing_keys import UnusableKey

commands = AppGroup("keys", help="The keys that sign tokens and the trail's checkpoints.")


@commands.command("create")
def create() -> None:
    """Write the keys that are missing.

    UNDERSTUDY_SIGNING_KEY_FILE signs impersonation tokens, UNDERSTUDY_CHECKPOINT_KEY_FILE the
    checkpoints of the audit trail, and UNDERSTUDY_FACTOR_KEY_FILE seals the secrets of
    authenticator apps.
    """
    config = settings()
    wanted = (
        (config.checkpoint_key_file, signing_keys.create),
        (config.factor_key_file, factor_keys.create),
    )
    missing = [(path, make) for path, make in wanted if not path.exists()]
    if not KeyFiles(config.signing_key_file).paths():
        missing.insert(0, (config.signing_key_file, signing_keys.create))
    if not missing:
        raise click.ClickException("The keys exist already; nothing was changed.")
    for path, make in missing:
        _create(path, make)


@commands.command("rotate")
def rotate() -> None:
    """Make the next key that signs tokens.

    It is published now and signs in ten minutes, when whoever keeps our public keys knows it. The
    one before is good until its last token has expired, and goes with the next rotation. Nothing
    has to be started again. The trail's checkpoint key stays: notes that are years old name it.
    """
    files, at = KeyFiles(settings().signing_key_file), now()
    try:
        with unit_of_work() as db:
            turn = key_ring.rotate(db, files, provenance=OPERATOR, now=at)
        key_ring.publish(turn)
    except UnusableKey as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    click.echo(f"Wrote {turn.path}. It signs from {_told(turn)} on.")


@commands.command("list")
def index() -> None:
    """Print the keys that sign tokens, by turn: name, state, since when it signs, file."""
    at = now()
    try:
        turns = KeyFiles(settings().signing_key_file).load().turns
    except UnusableKey as error:
        raise click.ClickException(str(error)) from error
    for turn in turns:
        click.echo("\t".join([turn.key.kid, turn.state(at), _told(turn), str(turn.path)]))


def _told(turn: Turn) -> str:
    return f"{turn.starts_at:%F %T} UTC" if turn.has_start else "the start"


def _create(path: Path, make: Callable[[Path], None]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}.")
