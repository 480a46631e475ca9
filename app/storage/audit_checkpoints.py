"""Checkpoints of the trail, and the tiles from which its Merkle tree is read.

Both can be worked out again from the events; both are only ever added to.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.audit_trail import NumberOfEvent
from app.storage.base import Base
from app.storage.raw_rows import raw_rows

NOTES = "SELECT size, note FROM audit_checkpoints WHERE size >= {since:d} ORDER BY size"
TILES = """
    SELECT position, hashes FROM audit_tiles
    WHERE height = {height:d} AND position >= {first:d} AND position < {end:d}
"""


class AuditCheckpoint(Base):
    """What the trail was at one size: its last hash and its root, signed in `note`."""

    __tablename__ = "audit_checkpoints"

    size: Mapped[int] = mapped_column(NumberOfEvent, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    note: Mapped[str]


class AuditTile(Base):
    """256 neighbouring hashes of the tree, as C2SP's tlog-tiles cut it.

    Height 0 holds the hashes of leaves, each further height those of 256 times as many.
    """

    __tablename__ = "audit_tiles"

    height: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(NumberOfEvent, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)


LATEST = select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1)


def notes(db: Session, *, since: int = 0) -> Sequence[tuple[int, object]]:
    """Return the size and the note of each checkpoint from that size on as they are stored."""
    return [(size, note) for size, note in raw_rows(db, NOTES.format(since=since))]


def latest_note(db: Session) -> tuple[int, object] | None:
    """Return the size and the note of the checkpoint of the largest size, as they are stored."""
    found = raw_rows(db, f"{NOTES.format(since=0)} DESC LIMIT 1")
    return (found[0][0], found[0][1]) if found else None


def count_checkpoints(db: Session, *, limit: int) -> int:
    """Return how many checkpoints there are, `limit` for more."""
    found = select(AuditCheckpoint.size).limit(limit).subquery()
    return db.scalar(select(func.count()).select_from(found)) or 0


def note_of(db: Session, size: int) -> object:
    """Return the note of the checkpoint of that size as it is stored, None if there is none."""
    found = raw_rows(db, f"SELECT note FROM audit_checkpoints WHERE size = {size:d}")  # noqa: S608
    return found[0][0] if found else None


def latest_checkpoint(db: Session) -> AuditCheckpoint | None:
    """Return the checkpoint of the largest size."""
    return db.scalar(LATEST)


def count_tiles(db: Session, height: int) -> int:
    """Return how many tiles of that height there are: they are kept from 0 without a gap."""
    query = select(func.max(AuditTile.position)).where(AuditTile.height == height)
    last = db.scalar(query)
    return 0 if last is None else last + 1


def stored_tiles(db: Session, height: int, first: int, end: int) -> dict[int, object]:
    """Return the tiles from position `first` up to, not including, `end` as they are stored.

    One that should be there and is not is None.
    """
    expected = range(first, min(end, count_tiles(db, height)))
    return dict.fromkeys(expected) | _tiles(db, height, first, end)


def stored_tile(db: Session, height: int, position: int) -> object:
    """Return one tile as it is stored, None if there is none."""
    return _tiles(db, height, position, position + 1).get(position)


def _tiles(db: Session, height: int, first: int, end: int) -> dict[int, object]:
    found = raw_rows(db, TILES.format(height=height, first=first, end=end), binary=True)
    return {position: _as_bytes(hashes) for position, hashes in found}


def _as_bytes(value: object) -> object:
    """Return a value; as bytes what psycopg only lends."""
    return bytes(value) if isinstance(value, memoryview) else value
