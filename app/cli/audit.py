"""flask audit …"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from flask.cli import AppGroup

from app import configured
from app.cli.parallel import follow_in_processes
from app.cli.settings import now, opened_database, settings
from app.config import Config
from app.domain import audit_verification, checkpoints, verification_events
from app.domain.audit_trail import OPERATOR
from app.domain.audit_verification import Progress, Tampered, Verdict
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey
from app.domain.signing_keys import UnusableKey
from app.storage import audit_chain

commands = AppGroup("audit", help="The audit trail: verify, prove, export, archive.")

TAMPERED_STATUS = 1


@commands.command("verify")
@click.option(
    "--checkpoint",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of checkpoints that was kept elsewhere; may be given several times.",
)
@click.option("--since-checkpoint", is_flag=True, help="Go on from the last signed checkpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict for a program.")
def verify(files: Sequence[Path], since_checkpoint: bool, as_json: bool) -> None:
    """Verify the whole trail; end with status 1 if it is not what was recorded.

    The trail is compared with itself, with the checkpoints in its database, and with those in
    UNDERSTUDY_CHECKPOINT_FILE. Only a checkpoint that its operator could not touch shows what the
    operator has done.
    """
    config = settings()
    trail = _checkpoints(config)
    kept = _kept([config.checkpoint_file, *files], trail.key.verifier)
    with opened_database(config) as database:
        with database.unit_of_work(writing=False) as db:
            size, _ = audit_chain.head(db)
            since = trail.latest(db) if since_checkpoint else None
            with _progress(size - (since.size if since else 0), hidden=as_json) as progress:
                verdict = audit_verification.verify(
                    db,
                    key=trail.key.verifier,
                    kept=kept,
                    since=since,
                    follow=partial(follow_in_processes, config.database_url),
                    progress=progress,
                )
        with database.unit_of_work(writing=True) as db:
            verification_events.record(
                db, verdict, by="flask audit verify", provenance=OPERATOR, now=now()
            )
    click.echo(json.dumps(_as_json(verdict)) if as_json else _sentence(verdict))
    if verdict.finding:
        sys.exit(TAMPERED_STATUS)


@commands.command("checkpoint")
def checkpoint() -> None:
    """Sign a checkpoint of the trail as it is now, and print it."""
    config = settings()
    trail = _checkpoints(config)
    with opened_database(config) as database, _tampering_told():
        with database.unit_of_work(writing=True) as db:
            made = trail.make(db, now=now())
        trail.keep(made)
    click.echo(trail.key.sign(made), nl=False)


def _checkpoints(config: Config) -> Checkpoints:
    try:
        return configured.checkpoints(config)
    except UnusableKey as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _tampering_told() -> Iterator[None]:
    try:
        yield
    except (Tampered, BadCheckpoint) as error:
        raise click.ClickException(str(error)) from error


def _kept(files: Sequence[Path], key: VerifierKey) -> list[Checkpoint]:
    """Return the checkpoints in those of the files that are there."""
    kept: list[Checkpoint] = []
    for path in files:
        try:
            kept += checkpoints.read(path, key) if path.exists() else []
        except (BadCheckpoint, OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path}: {error}") from error
    return kept


@contextmanager
def _progress(length: int, *, hidden: bool) -> Iterator[Progress]:
    # The bar is for whoever waits, the verdict for whoever reads: a pipe gets the verdict alone.
    with click.progressbar(length=length, label="Verifying", file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def _sentence(verdict: Verdict) -> str:
    if verdict.finding:
        return f"TAMPERED: {verdict.finding.sentence}"
    if verdict.last < verdict.first:
        return "Good: nothing has been recorded since."
    words = (
        f" The words of {verdict.erased:,} have been erased on record." if verdict.erased else ""
    )
    checkpoints_ = f"{verdict.checkpoints:,} signed checkpoint{'s' * (verdict.checkpoints != 1)}"
    return (
        f"Good: events {verdict.first:,} to {verdict.last:,} are as they were recorded,"
        f" in agreement with {checkpoints_}.{words}"
    )


def _as_json(verdict: Verdict) -> dict[str, object]:
    found = verdict.finding
    return {
        "good": found is None,
        "first": verdict.first,
        "last": verdict.last,
        "head": verdict.head.hex(),
        "checkpoints": verdict.checkpoints,
        "erased": verdict.erased,
        "finding": found
        and {"kind": found.kind, "first": found.first, "last": found.last, "text": found.sentence},
    }
