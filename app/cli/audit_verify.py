"""flask audit verify, against the database"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
from sqlalchemy.orm import Session

from app import config
from app.cli.audit_archives import verify_archives
from app.cli.parallel import follow_in_processes
from app.cli.settings import now, settings
from app.cli.trail import checkpoints_of, kept_in, progress_of
from app.cli.verdicts import end_with, say
from app.config import Config
from app.domain import audit_verification, verification_events
from app.domain.audit_scan import Tampered
from app.domain.audit_trail import OPERATOR
from app.domain.audit_verification import Verdict
from app.domain.checkpoints import Checkpoint, VerifierKey
from app.storage import audit_extent
from app.storage.audit_checkpoints import latest_note
from app.storage.database import Database

ARCHIVED = (
    "Events 1 to {last:,} are said to be in archives and were not looked at. Whoever owns the"
    " database can have written that and deleted them: give --archives FOLDER to check them."
)
BEFORE = "Events 1 to {last:,}, which the last checkpoint covers, were not looked at."
NONE_KEPT = (
    "No checkpoint that is kept outside the database was compared, so whoever owns it may have"
    " rebuilt all of this."
)
NO_FILE = "{file}, where checkpoints are kept outside the database, is not there."
EMPTY_FILE = "{file}, where checkpoints are kept outside the database, holds none."


@dataclass(frozen=True)
class Asked:
    """How the database is to be verified: with which key, from where on, against what.

    `kept` are checkpoints from outside it; `gaps` are sentences about those that are not there.
    """

    url: str
    key: VerifierKey
    kept: Sequence[Checkpoint]
    gaps: Sequence[str]
    archives: Path | None
    since_checkpoint: bool
    as_json: bool

    def limits(self, verdict: Verdict) -> list[str]:
        """Return what a good verdict does not show, a sentence each."""
        sentence = BEFORE if self.since_checkpoint else ARCHIVED
        partly = [sentence.format(last=verdict.first - 1)] if verdict.first > 1 else []
        return [*partly, *([] if verdict.kept else [NONE_KEPT]), *self.gaps]


def verify_database(
    files: Sequence[Path],
    *,
    key: VerifierKey | None,
    since_checkpoint: bool,
    archives: Path | None,
    as_json: bool,
) -> None:
    """Verify the trail of the settings' database, tell what was found, and record it.

    With a `key` its address is all that is asked of the settings, and the database is only read.
    """
    if key:
        asked = Asked(_url(), key, kept_in(files, key), [], archives, since_checkpoint, as_json)
    else:
        ours = settings()
        trusted = checkpoints_of(ours).key.verifier
        own, gaps = _kept_by(ours, trusted)
        kept = [*own, *kept_in(files, trusted)]
        asked = Asked(ours.database_url, trusted, kept, gaps, archives, since_checkpoint, as_json)
    with opened(asked.url) as database:
        verdict = _tell(database, asked)
        if key is None:
            _record(database, verdict)
    end_with(verdict)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Yield the database at that address."""
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


def _url() -> str:
    try:
        return config.database_url(config.read_environment(os.environ))
    except config.BadSetting as error:
        raise click.ClickException(str(error)) from error


def _kept_by(ours: Config, key: VerifierKey) -> tuple[list[Checkpoint], list[str]]:
    file = ours.checkpoint_file
    if not file.exists():
        return [], [NO_FILE.format(file=file)]
    kept = kept_in([file], key, may_be_empty=True)
    return kept, [] if kept else [EMPTY_FILE.format(file=file)]


def _tell(database: Database, asked: Asked) -> Verdict:
    with database.unit_of_work(writing=False) as db:
        try:
            verdict = _verdict(db, asked)
        except Tampered as tampered:
            verdict = Verdict(first=1, last=0, head=b"", finding=tampered.finding)
    say(verdict, as_json=asked.as_json, limits=asked.limits(verdict))
    return verdict


def _verdict(db: Session, asked: Asked) -> Verdict:
    since = _since(db, asked.key) if asked.since_checkpoint else None
    _, last = audit_extent.bounds(db)
    length = last - (since.size if since else 0)
    with progress_of(length, "Verifying", hidden=asked.as_json) as progress:
        kept = asked.kept
        if asked.archives:
            shown = verify_archives(db, asked.archives, key=asked.key, kept=kept, progress=progress)
            kept = [*kept, *shown]
        verdict = audit_verification.verify(
            db,
            key=asked.key,
            kept=kept,
            since=since,
            follow=partial(follow_in_processes, asked.url),
            progress=progress,
        )
    return replace(verdict, first=1) if asked.archives else verdict


def _since(db: Session, key: VerifierKey) -> Checkpoint | None:
    newest = latest_note(db)
    return audit_verification.checkpoint_in(*newest, key) if newest else None


def _record(database: Database, verdict: Verdict) -> None:
    """Record how it went. What has been told stands, also when that is no longer possible."""
    try:
        with database.unit_of_work(writing=True) as db:
            verification_events.record(
                db, verdict, by="flask audit verify", provenance=OPERATOR, now=now()
            )
    except Exception as error:
        # A trail that was tampered with may refuse an event for any reason there is.
        click.echo(f"This could not be recorded in the trail: {error}", err=True)
