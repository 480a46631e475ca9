"""What the commands about the audit trail have in common."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from app import configured
from app.config import Config
from app.domain import checkpoints
from app.domain.audit_verification import Progress, Tampered
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey
from app.domain.signing_keys import UnusableKey

TAMPERED_STATUS = 1

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


def kept_in(files: Sequence[Path], key: VerifierKey) -> list[Checkpoint]:
    """Return the checkpoints in those of the files that are there."""
    kept: list[Checkpoint] = []
    for path in files:
        try:
            kept += checkpoints.read(path, key) if path.exists() else []
        except (BadCheckpoint, OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path}: {error}") from error
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
