"""flask audit …"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.audit_archives import archive, erase, verify_archives
from app.cli.audit_copies import copies
from app.cli.audit_exports import Readable, export, verify_export
from app.cli.audit_proofs import check_proof, prove, prove_consistency
from app.cli.parallel import follow_in_processes
from app.cli.settings import now, opened_database, settings
from app.cli.trail import (
    PublicKey,
    checkpoint_files,
    checkpoints_of,
    kept_in,
    progress_of,
    tampering_told,
)
from app.cli.verdicts import tell
from app.config import Config
from app.domain import audit_archives, audit_verification, verification_events
from app.domain.audit_trail import OPERATOR
from app.domain.audit_verification import Tampered, Verdict
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint, VerifierKey
from app.storage import audit_chain

commands = AppGroup("audit", help="The audit trail: verify, prove, export, archive.")
for command in (archive, check_proof, copies, erase, export, prove, prove_consistency):
    commands.add_command(command)

ARCHIVED = "Events 1 to {last:,} are archived: --archives FOLDER verifies them as well."


@commands.command("verify")
@click.option("--since-checkpoint", is_flag=True, help="Go on from the last signed checkpoint.")
@click.option("--export", "archive", type=Readable, help="Verify an export, without a database.")
@click.option("--key", type=PublicKey(), help="The public key for --export, or a file of it.")
@click.option(
    "--archives",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the archives, to be verified with the table as one.",
)
@checkpoint_files
@click.option("--json", "as_json", is_flag=True, help="Print the verdict for a program.")
def verify(
    files: Sequence[Path],
    since_checkpoint: bool,
    archive: Path | None,
    key: VerifierKey | None,
    archives: Path | None,
    as_json: bool,
) -> None:
    """Verify the whole trail; end with status 1 if it is not what was recorded.

    The trail is compared with itself, with the checkpoints in its database, and with those in
    UNDERSTUDY_CHECKPOINT_FILE. Only a checkpoint that its operator could not touch shows what the
    operator has done. An export is compared with itself, its own checkpoint and those given, on
    any machine and without settings.
    """
    if archive and not since_checkpoint and not archives:
        verify_export(archive, key=key, files=files, as_json=as_json)
    elif archive or key or (archives and since_checkpoint):
        raise click.UsageError(
            "--key goes with --export, --since-checkpoint with the database without --archives."
        )
    else:
        _verify_database(
            files, since_checkpoint=since_checkpoint, archives=archives, as_json=as_json
        )


def _verify_database(
    files: Sequence[Path], *, since_checkpoint: bool, archives: Path | None, as_json: bool
) -> None:
    config = settings()
    trail = checkpoints_of(config)
    kept = kept_in([config.checkpoint_file, *files], trail.key.verifier)
    with opened_database(config) as database:
        with database.unit_of_work(writing=False) as db, tampering_told():
            since = trail.latest(db) if since_checkpoint else None
            verdict = _verdict(db, config, trail, kept, since, archives, hidden=as_json)
            archived = 0 if archives or since else audit_archives.archived(db)
        with database.unit_of_work(writing=True) as db:
            verification_events.record(
                db, verdict, by="flask audit verify", provenance=OPERATOR, now=now()
            )
    limits = [ARCHIVED.format(last=archived)] if archived else []
    tell(verdict, as_json=as_json, limits=limits)


def _verdict(
    db: Session,
    config: Config,
    trail: Checkpoints,
    kept: Sequence[Checkpoint],
    since: Checkpoint | None,
    archives: Path | None,
    *,
    hidden: bool,
) -> Verdict:
    size, _ = audit_chain.head(db)
    key = trail.key.verifier
    with progress_of(size - (since.size if since else 0), "Verifying", hidden=hidden) as progress:
        if archives:
            try:
                shown = verify_archives(db, archives, key=key, kept=kept, progress=progress)
            except Tampered as tampered:
                return Verdict(first=1, last=0, head=b"", finding=tampered.finding)
            kept = [*kept, *shown]
        verdict = audit_verification.verify(
            db,
            key=key,
            kept=kept,
            since=since,
            follow=partial(follow_in_processes, config.database_url),
            progress=progress,
        )
    return replace(verdict, first=1) if archives else verdict


@commands.command("checkpoint")
def checkpoint() -> None:
    """Sign a checkpoint of the trail as it is now, and print it."""
    config = settings()
    trail = checkpoints_of(config)
    with opened_database(config) as database, tampering_told():
        with database.unit_of_work(writing=True) as db:
            made = trail.make(db, now=now())
        trail.keep(made)
    click.echo(trail.key.sign(made), nl=False)
