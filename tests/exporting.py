"""Exports to be looked at, and to be tampered with as somebody without the key would."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.domain import audit_export_verification, audit_exports
from app.domain.audit_export_events import Export, Format
from app.domain.audit_export_files import ExportFile
from app.domain.audit_manifests import MANIFEST, parsed
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.domain.audit_verification import Verdict
from app.domain.checkpoints import Checkpoint, VerifierKey
from app.storage.audit_search import EventFilters
from tests.owner import as_owner
from tests.proving import Proven

Files = dict[str, bytes]


def begin(trail: Proven, format_: Format = Format.JSONL, **filters: Any) -> Export:
    """Record an export, and leave it at that."""
    with trail.database.unit_of_work(writing=True) as db:
        return audit_exports.prepare(
            db,
            format=format_,
            filters=EventFilters(**filters),
            asked={name: str(value) for name, value in filters.items()},
            trail=trail.checkpoints,
            actor=None,
            by="a test",
            provenance=OPERATOR,
            now=trail.now,
        )


def write(trail: Proven, export: Export, path: Path) -> Path:
    """Write an export to a file."""
    read = partial(trail.database.unit_of_work, writing=False)
    with path.open("wb") as file:
        file.writelines(audit_exports.written(export, key=trail.checkpoints.key, read=read))
    return path


def exported(trail: Proven, folder: Path, format_: Format = Format.JSONL, **filters: Any) -> Path:
    """Export the trail, or what fits the filters, to a file."""
    return write(trail, begin(trail, format_, **filters), folder / "export.zip")


def files_of(path: Path) -> Files:
    """Return what the archive holds, by name and in order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def records_of(path: Path) -> list[dict[str, Any]]:
    """Return the events in an export as JSON Lines."""
    return [json.loads(line) for line in files_of(path)["events.jsonl"].splitlines()]


def repacked(path: Path, files: Files) -> Path:
    """Write the archive anew with other files in it."""
    path = path.with_name("tampered.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tampered(path: Path, change: Callable[[list[bytes]], object], *, mended: bool) -> Path:
    """Change the lines of the events; `mended` makes the manifest agree, save its signature."""
    files = files_of(path)
    (name,) = (name for name in files if name.startswith("events"))
    lines = files[name].splitlines(keepends=True)
    change(lines)
    files[name] = b"".join(lines)
    if mended:
        manifest = parsed(files[MANIFEST].decode())
        digests = dict(manifest.files) | {name: hashlib.sha256(files[name]).hexdigest()}
        files[MANIFEST] = str(replace(manifest, files=digests, count=len(lines))).encode()
    return repacked(path, files)


def verify(
    path: Path,
    trail: Proven,
    *,
    kept: list[Checkpoint] | None = None,
    key: VerifierKey | None = None,
) -> Verdict:
    """Verify an export as somebody who has the trail's key from elsewhere."""
    return audit_export_verification.verify(
        ExportFile.find(path), key=key or trail.checkpoints.key.verifier, kept=kept or []
    )


def erase(url: str, person_id: str, now: datetime) -> None:
    """Erase the words about that person, on record."""
    details = {"person_id": person_id, "events": 12}
    with as_owner(url) as db:
        append(
            db,
            event(AuditAction.AUDIT_WORDS_ERASED, now=now, provenance=OPERATOR, details=details),
        )
    with as_owner(url) as db:
        numbers = "SELECT id FROM audit_events WHERE subject_id = :person"
        db.execute(
            text(f"DELETE FROM audit_words WHERE event_id IN ({numbers})"), {"person": person_id}
        )
