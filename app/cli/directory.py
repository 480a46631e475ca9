"""flask directory …"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from flask.cli import AppGroup

from app import config
from app.cli.directory_reports import Report, progress_on_terminal, told
from app.cli.settings import now, opened_database, settings
from app.domain import directory_sync
from app.domain.audit_trail import OPERATOR
from app.domain.directory_loads import Load, Work, work_of
from app.domain.directory_reading import Reading, Unusable
from app.domain.directory_sync import Sync
from app.sources.files import DirectoryFile
from app.sources.settings import read_settings
from app.storage import locks
from app.storage.database import Database
from app.storage.directory import ACCOUNTS, MEMBERS, Kind
from app.storage.directory_stage import Stage

commands = AppGroup("directory", help="Accounts and members, as the product knows them.")

STDIN = Path("-")
Readable = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
many_may_go = click.option(
    "--many-may-go", is_flag=True, help="Go on although more than a third would be deactivated."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print a report for a program.")


@commands.command("import")
@click.option("--accounts", type=Readable, multiple=True, help="A file of accounts; - is stdin.")
@click.option("--members", type=Readable, multiple=True, help="A file of members; - is stdin.")
@click.option("--complete", is_flag=True, help="Who is not in the files is deactivated.")
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out, rather than write nothing.")
@many_may_go
@as_json
def import_(
    accounts: Sequence[Path],
    members: Sequence[Path],
    complete: bool,
    skip_bad: bool,
    many_may_go: bool,
    as_json: bool,
) -> None:
    """Add accounts and members from files, and bring those that are here in line.

    A file is CSV whose first line names the columns, or JSON Lines; docs/directory.md says which
    columns. All of it is read first: if anything is wrong, each line is told and nothing is
    written. The status is 1 if a line could not be used.
    """
    files = [*((ACCOUNTS, path) for path in accounts), *((MEMBERS, path) for path in members)]
    if not files or [path for _, path in files].count(STDIN) > 1:
        raise click.UsageError("name --accounts FILE, --members FILE or both; one can be stdin.")
    report = Report(source=", ".join(_name(path) for _, path in files))
    with opened_database(settings()) as database, told(report, as_json=as_json), Stage() as stage:
        kinds = [kind for kind in (ACCOUNTS, MEMBERS) if kind in dict(files)]
        report.reading = reading = Reading(stage, kinds, whole=complete, skip_bad=skip_bad)
        for kind, path in files:
            _read(report, reading, kind, path)
        with database.unit_of_work(writing=False) as db:
            reading.judge(db, many_may_go=many_may_go)
        _write(database, report, reading)


@commands.command("sync")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help="Read everything, whatever was read before.")
@click.option("--keep-missing", is_flag=True, help="Deactivate nobody who is no longer there.")
@many_may_go
@as_json
def sync_(file: Path, full: bool, keep_missing: bool, many_may_go: bool, as_json: bool) -> None:
    """Bring the directory in line with a database: FILE (TOML) names it and two queries.

    Its table [source] has `url`, any database that SQLAlchemy reaches, and the queries `accounts`
    and `members`; docs/directory.md says what else. Who is no longer there is deactivated.
    """
    report = Report(source=str(file))
    with opened_database(settings()) as database, told(report, as_json=as_json):
        source = read_settings(file, config.read_environment(os.environ))
        report.source = source.name
        with _alone(database), Stage() as stage:
            with database.unit_of_work(writing=True) as db:
                started = directory_sync.start(
                    db,
                    source,
                    full=full,
                    keep_missing=keep_missing,
                    provenance=OPERATOR,
                    now=now(),
                )
            report.reading = reading = started.reading_into(stage)
            started.read(reading, _work(database), many_may_go=many_may_go)
            _write(database, report, reading, keeper=started)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep the workers from syncing meanwhile; raise Unusable if one is at it."""
    with locks.one_at_a_time(database, directory_sync.LOCK) as mine:
        if not mine:
            raise Unusable("the directory is being synced already, by a worker or a command.")
        yield


def _read(report: Report, reading: Reading, kind: Kind, path: Path) -> None:
    with _opened(path) as file, progress_on_terminal(_size(path), f"Reading {path.name}") as bar:
        read = DirectoryFile(kind, _name(path), file, bar)
        reading.take(kind, read.entries())
    report.sha256.append(read.sha256)
    if read.unknown:
        names = ", ".join(sorted(map(repr, read.unknown)))
        report.notes.append(f"{read.name}: nobody knows the columns {names}; they were ignored.")


def _write(
    database: Database, report: Report, reading: Reading, keeper: Sync | None = None
) -> None:
    count = sum(reading.stage.count(kind) for kind in reading.kinds)
    with progress_on_terminal(count, "Writing") as bar:
        load = Load(
            reading,
            _work(database, bar),
            report.source,
            sha256=", ".join(report.sha256),
            keeper=keeper,
            tally=report.tally,
        )
        load.write()
    report.is_written = True


def _work(database: Database, progress: Callable[[int], object] = lambda _: None) -> Work:
    return work_of(database, clock=now, provenance=OPERATOR, progress=progress)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        # Not closed if it is standard input, which is not ours.
        with click.open_file(str(path), "rb") as file:
            yield file
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}.") from error


def _size(path: Path) -> int:
    """Return how many bytes there are to be read, 0 if nobody knows."""
    return path.stat().st_size if path.is_file() else 0


def _name(path: Path) -> str:
    """Return what the trail calls a file; a name that is no text must not spoil its pages."""
    name = "standard input" if path == STDIN else path.name
    return os.fsencode(name).decode("utf-8", "replace")
