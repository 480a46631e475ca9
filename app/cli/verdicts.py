"""What verifying has found, as a command says it."""

import json
import sys
from collections.abc import Sequence

import click

from app.cli.trail import TAMPERED_STATUS
from app.domain.audit_export_files import ExportFile
from app.domain.audit_manifests import CSV
from app.domain.audit_verification import Verdict


def tell(
    verdict: Verdict, *, as_json: bool, export: ExportFile | None = None, limits: Sequence[str] = ()
) -> None:
    """Print the verdict of an export; end with status 1 if something is wrong.

    `limits` are sentences about what it cannot show.
    """
    if as_json:
        click.echo(json.dumps(_as_json(verdict, export, limits)))
    else:
        click.echo(_sentence(verdict, export))
        for limit in limits:
            click.echo(limit, err=True)
    end_with(verdict)


def say(verdict: Verdict, *, as_json: bool, limits: Sequence[str]) -> None:
    """Print the verdict of a database in one line; what a good one cannot show belongs to it."""
    limits = [] if verdict.finding else limits
    if as_json:
        click.echo(json.dumps(_as_json(verdict, None, limits)))
    else:
        click.echo(" ".join([_sentence(verdict, None), *limits]))


def end_with(verdict: Verdict) -> None:
    """End with status 1 if something is wrong."""
    if verdict.finding:
        sys.exit(TAMPERED_STATUS)


def _sentence(verdict: Verdict, export: ExportFile | None) -> str:
    if verdict.finding:
        return f"TAMPERED: {verdict.finding.sentence}"
    if verdict.last < verdict.first and export is None:
        return "Good: nothing has been recorded since."
    words = (
        f" The words of {verdict.erased:,} have been erased on record." if verdict.erased else ""
    )
    checkpoints = f"{verdict.checkpoints:,} signed checkpoint{'s' * (verdict.checkpoints != 1)}"
    if export is None:
        checkpoints += f", {verdict.kept:,} of them kept outside the database"
    good = "Good in part" if _not_looked_at(verdict, export) else "Good"
    return f"{good}: {_what_is(verdict, export)}, in agreement with {checkpoints}.{words}"


def _not_looked_at(verdict: Verdict, export: ExportFile | None) -> int:
    """Return of how many events at the beginning a database's verdict says nothing."""
    return verdict.first - 1 if export is None and not verdict.finding else 0


def _what_is(verdict: Verdict, export: ExportFile | None) -> str:
    if export and export.manifest.events_file == CSV:
        return f"the rows of {_events(export.manifest.count)} are as they were signed"
    if export and not export.manifest.is_whole:
        fitting = _events(export.manifest.count)
        return f"{fitting} out of {export.manifest.last:,} are as they were recorded"
    return f"events {verdict.first:,} to {verdict.last:,} are as they were recorded"


def _events(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"


def _as_json(
    verdict: Verdict, export: ExportFile | None, limits: Sequence[str]
) -> dict[str, object]:
    found = verdict.finding
    about = (
        {"events": export.manifest.count}
        if export
        else {
            "kept": verdict.kept,
            "furthest_kept": verdict.furthest_kept,
            "not_looked_at": _not_looked_at(verdict, export),
        }
    )
    return {
        "good": found is None,
        "first": verdict.first,
        "last": verdict.last,
        "head": verdict.head.hex(),
        "checkpoints": verdict.checkpoints,
        "erased": verdict.erased,
        "finding": found
        and {"kind": found.kind, "first": found.first, "last": found.last, "text": found.sentence},
        "limits": list(limits),
        **about,
    }
