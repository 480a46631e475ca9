"""Checkpoints of the trail, and the tiles from which its Merkle tree is read.

Both can be worked out again from the events; both are only ever added to.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.audit_trail import NumberOfEvent
from app.storage.base import Base


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


def latest_checkpoint(db: Session) -> AuditCheckpoint | None:
    """Return the checkpoint of the largest size."""
    query = select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1)
    return db.scalar(query)


def all_checkpoints(db: Session) -> Sequence[AuditCheckpoint]:
    """Return every checkpoint, by size."""
    return db.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size)).all()


def checkpoint_before(db: Session, size: int) -> AuditCheckpoint | None:
    """Return the largest checkpoint whose size is not above `size`."""
    query = select(AuditCheckpoint).where(AuditCheckpoint.size <= size)
    return db.scalar(query.order_by(AuditCheckpoint.size.desc()).limit(1))


def count_tiles(db: Session, height: int) -> int:
    """Return how many tiles of that height there are: they are kept from 0 without a gap."""
    query = select(func.max(AuditTile.position)).where(AuditTile.height == height)
    last = db.scalar(query)
    return 0 if last is None else last + 1
