"""flask audit archive, and erase"""

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from sqlalchemy.orm import Session

from app import configured
from app.cli.settings import now, opened_database, settings
from app.cli.trail import checkpoints_of, progress_of, tampering_told
from app.config import Config
from app.domain import (
    audit_archive_verification,
    audit_archives,
    audit_copies,
    audit_exports,
    erasures,
)
from app.domain.audit_archive_verification import Archives
from app.domain.audit_archived import archived
from app.domain.audit_export_events import Export
from app.domain.audit_export_files import BadExport, ExportFile
from app.domain.audit_trail import OPERATOR
from app.domain.audit_verification import Progress
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import Checkpoint, CheckpointKey, VerifierKey
from app.domain.errors import Conflict
from app.storage.database import Database

NOT_REACHED = (
    "Not reached, so see to it yourself: archives, exports, copies and backups made before; the"
    " person's own entry among the members or admins, with their sign-ins and second factors;"
    " what others wrote of them elsewhere, such as filters of readings and addresses mistyped at a"
    " sign-in; and the address and browser of a session that still runs."
)
STILL_IN_LOG = (
    "Somebody is reading the database, so its write-ahead log holds the words until SQLite has"
    " emptied it: once the site and the worker have stopped and this database is closed."
)
STILL_IN_DATABASE = (
    "PostgreSQL keeps them in its files until VACUUM, and in its write-ahead log and backups for"
    " as long as you let it."
)


@click.command("archive")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/archives"),
    show_default=True,
    help="Where the archive is written.",
)
def archive(folder: Path) -> None:
    """Write the events that a superadmin has ordered archived to a file, and delete them.

    A superadmin orders it on the page Archives. The file is an export: `flask audit verify
    --export FILE` verifies it by itself, `flask audit verify --archives FOLDER` together with the
    table. Only when it lies on the disk, verified and recorded, do its events leave the table.
    Stopped half way, it goes on where it was.
    """
    config = settings()
    trail = checkpoints_of(config)
    with opened_database(config, pruning=True) as database, tampering_told():
        with database.unit_of_work(writing=False) as db:
            waiting = audit_archives.waiting(db)
        if waiting:
            click.echo(f"Wrote {_archive(database, trail, folder)}.")
        _check_copies(database, config)
        pruned = _prune(database)
        if not waiting and not pruned:
            raise Conflict(audit_archives.NOTHING_WAITS)
    click.echo(f"{pruned:,} events have left the database.")


def _check_copies(database: Database, config: Config) -> None:
    """End the command while a copy still needs what is to leave the table."""
    names = [target.name for target in configured.copy_targets(config)]
    with database.unit_of_work(writing=False) as db:
        last = archived(db)
        for copy in audit_copies.copies(db, names):
            if copy.is_ahead:
                raise Conflict(f"{copy.target}: {copy.problem}. Nothing has left the database.")
            if copy.last_event_id < last:
                raise Conflict(
                    f"{copy.target} has a copy up to event {copy.last_event_id:,} only. Nothing"
                    " has left the database; run this again when the worker has sent the rest."
                )


def verify_archives(
    db: Session,
    folder: Path,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint],
    progress: Progress,
) -> list[Checkpoint]:
    """Verify the archives in a folder; return their checkpoints. Raises Tampered.

    Which files are archives the trail itself has recorded; the others are told.
    """
    paths = [path for path in folder.iterdir() if path.suffix.lower() == ".zip" and path.is_file()]
    told = audit_archive_verification.told_by_table(db)
    archives = Archives(paths, told, key, kept, progress)
    try:
        return archives.verify(archived(db))
    finally:
        for path in sorted(archives.unused):
            click.echo(f"{path} was left out: {_why_not(path)}.", err=True)


def _why_not(path: Path) -> str:
    try:
        ExportFile.find(path)
    except BadExport as error:
        return str(error)
    return "it is not an archive that this trail has recorded, or a second copy of one"


def _archive(database: Database, trail: Checkpoints, folder: Path) -> Path:
    with database.unit_of_work(writing=True) as db:
        export = audit_archives.prepare(db, trail=trail, by="flask audit archive", now=now())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events-{export.first}-{export.last}.zip"
    digest = _write(export, path, database, trail.key)
    with database.unit_of_work(writing=True) as db:
        audit_archives.record(
            db, export=export, file=path.name, sha256=digest, provenance=OPERATOR, now=now()
        )
    return path


@click.command("erase")
@click.argument("person_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase(person_id: str, yes: bool) -> None:
    """Erase what people wrote and were called in every event by or about PERSON_ID.

    That is the id of a member or an admin. What their sessions repeat of it, such as reason and
    ticket link, goes too. Ids, times and actions stay, and the trail still verifies. At the end
    it says what it does not reach.
    """
    if not yes:
        click.confirm("This cannot be undone. Erase these words?", abort=True)
    with opened_database(settings(), pruning=True) as database:
        # Recorded first: words that are gone without a record look like a theft.
        with database.unit_of_work(writing=True) as db:
            erasures.record(db, person_id, provenance=OPERATOR, now=now())
        with database.unit_of_work(writing=True) as db:
            erased = erasures.carry_out(db, person_id)
        is_out_of_log = database.empty_log()
    click.echo(
        f"The words of {erased.events:,} events are erased, and what {erased.sessions:,} sessions"
        " repeated of them."
    )
    click.echo(NOT_REACHED)
    if not is_out_of_log:
        click.echo(STILL_IN_DATABASE if database.is_postgresql else STILL_IN_LOG)


def _write(export: Export, path: Path, database: Database, key: CheckpointKey) -> str:
    """Write the archive, whole or not at all; return its SHA-256."""
    unfinished, digest = path.with_suffix(".part"), hashlib.sha256()

    length = export.last - export.first + 1
    read = partial(database.unit_of_work, writing=False)
    unfinished.unlink(missing_ok=True)
    # Names of people are in it.
    opened = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with progress_of(length, label="Archiving") as progress, open(opened, "wb") as file:
        for piece in audit_exports.written(export, key=key, read=read, progress=progress):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return digest.hexdigest()


def _prune(database: Database) -> int:
    """Delete what an archive holds, also where this was stopped before; return how many."""
    pruned = 0
    with database.unit_of_work(writing=False) as db:
        left = audit_archives.left_to_prune(db)
    with progress_of(left, label="Pruning", hidden=not left) as progress:
        while pruned < left:
            with database.unit_of_work(writing=True) as db:
                done = audit_archives.prune(db)
            pruned += done
            progress(done)
    return pruned
