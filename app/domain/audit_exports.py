"""Exports of the trail: one ZIP archive that holds events and what shows that they are true.

It is sent while it is written, a batch of events at a time, each read in a transaction of its
own: neither a long trail nor a slow reader fills the memory or keeps anybody waiting. Each event
is checked on its way out, so that nothing is signed that does not hold.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from app.domain.audit_archived import archived
from app.domain.audit_export_events import Export, ExportedEvents, Format, Reading
from app.domain.audit_export_readme import readme
from app.domain.audit_manifests import CHECKPOINT, ERASURES, MANIFEST, README, Manifest
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.audit_verification import Progress
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import CheckpointKey
from app.domain.sent_archives import SentArchive
from app.storage.admins import Admin
from app.storage.audit_search import EventFilters


def prepare(
    db: Session,
    *,
    format: Format,  # noqa: A002 - as everybody calls it
    filters: EventFilters,
    asked: Mapping[str, str],
    trail: Checkpoints,
    actor: Admin | None,
    by: str,
    provenance: Provenance,
    now: datetime,
) -> Export:
    """Sign a checkpoint of all there is, and record the export before any of it leaves (L13).

    `asked` are the filters as they were written, by name, and so are they recorded; `by` names
    the program. The checkpoint is to be kept once this has been committed. Raises Tampered or
    BadCheckpoint when the trail is not what was signed before.
    """
    checkpoint = trail.make(db, now=now)
    # Signing has made sure that nothing else is missing. What an archive holds is left out
    # from the moment it is recorded: it may leave the table while this is written.
    first = archived(db) + 1
    details = {
        "by": by,
        "format": format.value,
        "first": first,
        "last": checkpoint.size,
        "filters": urlencode(asked),
    }
    append(
        db,
        event(
            AuditAction.AUDIT_EXPORTED,
            now=now,
            provenance=provenance,
            actor=actor,
            details=details,
        ),
    )
    who = actor.email if actor else by
    return Export(format, filters, asked, first, checkpoint, by=who, at=now)


def written(
    export: Export,
    *,
    key: CheckpointKey,
    read: Reading,
    progress: Progress = lambda _done: None,
) -> Iterator[bytes]:
    """Yield the archive piece by piece.

    `progress` is told how many more events have been looked at. Raises Tampered at the first
    thing that is not what was recorded: what has left by then is no whole archive.
    """
    archive = SentArchive(export.at)
    yield from archive.add(README, [readme(export, name=key.name)])
    yield from archive.add(CHECKPOINT, [key.sign(export.checkpoint).encode()])
    events = ExportedEvents(export, read, progress)
    yield from archive.add(export.format.file, events.pieces())
    if not export.is_whole and not export.is_rows:
        yield from archive.add(ERASURES, events.erasure_pieces())
    manifest = Manifest(
        filters=dict(export.asked),
        first=export.first,
        last=export.last,
        count=events.count,
        files=dict(archive.digests),
        before=[node.hash.hex() for node in events.before.nodes],
        erased_later=dict(events.erasures.later),
        limits=export.limits(is_erased_later=bool(events.erasures.later)),
        made_at=export.at.isoformat(),
        made_by=export.by,
        key=str(key.verifier),
    )
    yield from archive.add(MANIFEST, [str(manifest.signed(key)).encode()])
    yield archive.close()
