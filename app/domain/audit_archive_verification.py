"""Verifying archives: each by itself, and as what follows the one before it."""

from collections.abc import Sequence

from app.domain import audit_export_verification
from app.domain.audit_export_files import UNREADABLE, ExportFile, OpenedExport
from app.domain.audit_manifests import CHECKPOINT
from app.domain.audit_scan import BAD_CHECKPOINT, MISSING, OUT_OF_PLACE, REWRITTEN, Finding
from app.domain.audit_verification import Progress, Tampered
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import EMPTY_ROOT, cover_from


def verify(
    archives: Sequence[ExportFile],
    *,
    last: int,
    key: VerifierKey,
    kept: Sequence[Checkpoint],
    progress: Progress,
) -> list[Checkpoint]:
    """Verify the archives of the events up to `last`; return the checkpoint of each.

    With these the table is to be compared, which goes on where they end. The signatures of `kept`
    have been checked. Raises Tampered at the first thing that is wrong.
    """
    checkpoints: list[Checkpoint] = []
    for archive in sorted(archives, key=lambda one: one.manifest.first):
        before = checkpoints[-1] if checkpoints else None
        _follows(archive, before)
        verdict = audit_export_verification.verify(archive, key=key, kept=kept, progress=progress)
        if verdict.finding:
            raise Tampered(verdict.finding)
        checkpoints.append(_checkpoint_of(archive, key))
    end = checkpoints[-1].size if checkpoints else 0
    if end < last:
        raise Tampered(Finding(MISSING, end + 1, last))
    return checkpoints


def _follows(archive: ExportFile, before: Checkpoint | None) -> None:
    """Raise Tampered unless the archive goes on where the one before it ended."""
    manifest = archive.manifest
    size, root = (before.size, before.root) if before else (0, EMPTY_ROOT)
    if manifest.first > size + 1:
        raise Tampered(Finding(MISSING, size + 1, manifest.first - 1))
    if manifest.first <= size:
        raise Tampered(Finding(OUT_OF_PLACE, manifest.first, manifest.first))
    try:
        shown = cover_from([bytes.fromhex(one) for one in manifest.before], size).root()
    except ValueError:
        shown = b""
    if shown != root:
        raise Tampered(Finding(REWRITTEN, 1, size))


def _checkpoint_of(archive: ExportFile, key: VerifierKey) -> Checkpoint:
    last = archive.manifest.last
    try:
        with OpenedExport(archive.path, archive.manifest.events_file) as file:
            return opened(file.text(CHECKPOINT).decode(), key)
    except (BadCheckpoint, UnicodeDecodeError, *UNREADABLE) as error:
        raise Tampered(Finding(BAD_CHECKPOINT, last, last)) from error
