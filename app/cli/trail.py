"""What the commands about the audit trail have in common."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from app import configured
from app.config import Config
from app.domain import checkpoints
from app.domain.audit_scan import Tampered
from app.domain.audit_verification import Progress
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey
from app.domain.signing_keys import UnusableKey
from app.storage.database import FAILURES

TAMPERED_STATUS = 1
UNABLE_STATUS = 2

checkpoint_files = click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of checkpoints that was kept elsewhere; may be given several times.",
)


def checkpoints_of(config: Config) -> Checkpoints:
    """Return what signs checkpoints; an unusable key ends the command with a sentence."""
    try:
        return configured.checkpoints(config)
    except UnusableKey as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def tampering_told() -> Iterator[None]:
    """End the command with a sentence when the trail is not what was signed before."""
    try:
        yield
    except (Tampered, BadCheckpoint) as error:
        raise click.ClickException(str(error)) from error


class Unable(click.ClickException):
    """Nothing was found out: something is not there, or not what it should be."""

    exit_code = UNABLE_STATUS


@contextmanager
def unable_told() -> Iterator[None]:
    """End the command with a status of its own when it could not find out."""
    try:
        yield
    except click.UsageError:
        raise
    except click.ClickException as error:
        raise Unable(error.message) from error
    except FAILURES as error:
        raise Unable(f"the database cannot be used: {error}") from error
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        # Status 1 is for what was found: whatever else goes wrong is no finding.
        raise Unable(f"the trail cannot be followed: {type(error).__name__}: {error}") from error


def kept_in(
    files: Sequence[Path], key: VerifierKey, *, may_be_empty: bool = False
) -> list[Checkpoint]:
    """Return the checkpoints in the files; one that holds none ends the command with a sentence."""
    kept: list[Checkpoint] = []
    for path in files:
        try:
            found = checkpoints.read(path, key)
            if checkpoints.unfinished_in(path, key):
                click.echo(f"{path}: its last checkpoint was never finished: left out.", err=True)
        except (BadCheckpoint, OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path}: {error}") from error
        if not found and not may_be_empty:
            raise click.ClickException(f"{path} holds no checkpoint.")
        kept += found
    return kept


class PublicKey(click.ParamType[VerifierKey]):
    """The public key of a trail, as it is or in a file."""

    name = "key"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> VerifierKey:
        """Return the key; a wrong one ends the command with a sentence."""
        try:
            path = Path(value)
            text = path.read_text(encoding="utf-8") if path.is_file() else value
            return VerifierKey.parse(text)
        except (BadCheckpoint, OSError, UnicodeDecodeError) as error:
            self.fail(str(error), param, ctx)


@contextmanager
def progress_of(length: int, label: str, *, hidden: bool = False) -> Iterator[Progress]:
    """Show how far a long command is."""
    # The bar is for whoever waits, the answer for whoever reads: a pipe gets the answer alone.
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield bar.update
