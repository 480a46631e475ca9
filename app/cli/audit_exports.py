"""flask audit export, and verify --export"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import click
from sqlalchemy.orm import Session

from app.cli.settings import now, opened_database, settings
from app.cli.trail import checkpoints_of, kept_in, progress_of, tampering_told
from app.cli.verdicts import tell
from app.domain import audit_export_verification, audit_exports
from app.domain.audit_export_events import Format
from app.domain.audit_export_files import BadExport, ExportFile
from app.domain.audit_filters import AuditFilters, filters_of
from app.domain.audit_trail import OPERATOR
from app.domain.checkpoints import VerifierKey

Readable = click.Path(exists=True, dir_okay=False, path_type=Path)
FILTERS = {
    "text": "Words in the event, such as a part of a name or a reason.",
    "actor": "The admin who did it, by id.",
    "subject": "The member it was about: id, e-mail address or name.",
    "account": "The account: id or name.",
    "impersonation": "The session, by id.",
    "action": "What happened, such as impersonation.started.",
    "outcome": "How it went: succeeded, refused or failed.",
    "since": "The first day, in UTC, such as 2026-03-01.",
    "until": "The last day.",
}


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each filter that the page of the trail has."""
    for name, help_ in reversed(FILTERS.items()):
        command = click.option(f"--{name}", default="", help=help_)(command)
    return command


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice([one.value for one in Format]),
    default=Format.JSONL.value,
    show_default=True,
    help="JSON Lines can be proved event by event, CSV is for a spreadsheet.",
)
@filter_options
def export(file: Path, format_: str, **address: str) -> None:
    """Write the trail, or what fits the filters, to FILE: a ZIP archive that can be verified.

    FILE must not be there yet. It is recorded that the trail was exported. `flask audit verify
    --export FILE` verifies it anywhere.
    """
    config = settings()
    trail = checkpoints_of(config)
    with opened_database(config) as database, tampering_told(), _created(file) as archive:
        with database.unit_of_work(writing=True) as db:
            filters = _filters(db, address)
            begun = audit_exports.prepare(
                db,
                format=Format(format_),
                filters=filters.wanted,
                asked=filters.filled,
                trail=trail,
                actor=None,
                by="flask audit export",
                provenance=OPERATOR,
                now=now(),
            )
        trail.keep(begun.checkpoint)
        with progress_of(begun.last - begun.first + 1, "Exporting") as progress:
            pieces = audit_exports.written(
                begun,
                key=trail.key,
                read=partial(database.unit_of_work, writing=False),
                progress=progress,
            )
            archive.writelines(pieces)
    click.echo(f"Wrote {file}.")


def verify_export(
    path: Path, *, key: VerifierKey | None, files: Sequence[Path], as_json: bool
) -> None:
    """Verify an export with its file alone, and tell what was found."""
    try:
        found = ExportFile.find(path)
    except BadExport as error:
        raise click.ClickException(f"{path}: {error}.") from error
    trusted = key or found.key
    kept = kept_in(files, trusted)
    with progress_of(found.manifest.count, "Verifying", hidden=as_json) as progress:
        verdict = audit_export_verification.verify(found, key=trusted, kept=kept, progress=progress)
    limits = audit_export_verification.limits(found, key=key, kept=kept)
    tell(verdict, as_json=as_json, export=found, limits=limits)


def _filters(db: Session, address: Mapping[str, str]) -> AuditFilters:
    filters = filters_of(db, address)
    for name, sentence in filters.wrong.items():
        raise click.ClickException(f"--{name}: {sentence}")
    return filters


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that its owner alone can read; it is not left behind half written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.ClickException(f"{path} is there already; nothing was written.") from error
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink()
        raise
