"""flask audit …"""

from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.audit_archives import archive, erase
from app.cli.audit_copies import copies
from app.cli.audit_exports import Readable, export, verify_export
from app.cli.audit_proofs import check_proof, prove, prove_consistency
from app.cli.audit_verify import verify_database
from app.cli.settings import now, opened_database, settings
from app.cli.trail import (
    PublicKey,
    checkpoint_files,
    checkpoints_of,
    tampering_told,
    unable_told,
)
from app.domain.checkpoints import VerifierKey

commands = AppGroup("audit", help="The audit trail: verify, prove, export, archive.")
for command in (archive, check_proof, copies, erase, export, prove, prove_consistency):
    commands.add_command(command)


@commands.command("verify")
@click.option("--since-checkpoint", is_flag=True, help="Go on from the last signed checkpoint.")
@click.option("--export", "archive", type=Readable, help="Verify an export, without a database.")
@click.option("--key", type=PublicKey(), help="The public key, or a file of it.")
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
    """Verify the whole trail: status 0 if it is what was recorded, 1 if not, 2 if unable to tell.

    The trail is compared with itself, with the checkpoints in its database, and with those in
    UNDERSTUDY_CHECKPOINT_FILE. Only a checkpoint that its operator could not touch shows what the
    operator has done. With --key the address of the database is all that is read of the settings,
    and nothing is recorded. An export is compared with itself, its own checkpoint and those given,
    on any machine and without settings.
    """
    if sum(map(bool, (archive, archives, since_checkpoint))) > 1:
        raise click.UsageError("--export, --archives and --since-checkpoint exclude one another.")
    with unable_told():
        if archive:
            verify_export(archive, key=key, files=files, as_json=as_json)
        else:
            verify_database(
                files,
                key=key,
                since_checkpoint=since_checkpoint,
                archives=archives,
                as_json=as_json,
            )


@commands.command("checkpoint")
def checkpoint() -> None:
    """Sign a checkpoint of the trail as it is now, and print it."""
    config = settings()
    trail = checkpoints_of(config)
    with opened_database(config) as database, tampering_told():
        kept = trail.newest_kept()
        with database.unit_of_work(writing=True) as db:
            made = trail.make(db, now=now(), kept=kept)
        trail.keep(made)
    click.echo(trail.key.sign(made), nl=False)
