"""The Merkle tree over the trail: a leaf an event, read from tiles and from the newest rows."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.audit_scan import MISSING, TILE, Finding, Tampered
from app.domain.audit_tiles import TILE_HEIGHT, TILE_WIDTH, StoredTiles, events_under
from app.domain.merkle import HASH_BYTES, cover, leaf_hash, root
from app.storage.audit_checkpoints import AuditTile, count_tiles, stored_tile, stored_tiles
from app.storage.audit_trail import AuditEvent

REMEMBERED_TILES = 256


@dataclass
class TrailTree:
    """The tree over everything that has been recorded. Event number n is leaf n - 1."""

    db: Session
    _tiles: dict[tuple[int, int], Sequence[bytes]] = field(default_factory=dict)

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves that begin at leaf index * 2**level."""
        height, rest = divmod(level, TILE_HEIGHT)
        return root(self._hashes(height, index << rest, 1 << rest))

    def root(self, size: int) -> bytes:
        """Return the root of the tree over the first `size` events."""
        return cover(self, 0, size).root()

    def extend(self, size: int) -> None:
        """Keep every tile that the first `size` events fill."""
        height = 0
        while full := size >> TILE_HEIGHT * (height + 1):
            for position in range(count_tiles(self.db, height), full):
                hashes = b"".join(self._hashes(height, position * TILE_WIDTH, TILE_WIDTH))
                self.db.add(AuditTile(height=height, position=position, hashes=hashes))
            self.db.flush()
            height += 1

    def _hashes(self, height: int, first: int, count: int) -> Sequence[bytes]:
        """Return neighbouring hashes that lie within one tile."""
        position, offset = divmod(first, TILE_WIDTH)
        if tile := self._tile(height, position):
            return tile[offset : offset + count]
        if height == 0:
            return self._leaves(first, count)
        # A tile that is not full yet: each of its hashes is the root of one below.
        below = range(first, first + count)
        return [root(self._hashes(height - 1, one * TILE_WIDTH, TILE_WIDTH)) for one in below]

    def _tile(self, height: int, position: int) -> Sequence[bytes] | None:
        key = (height, position)
        if key not in self._tiles:
            hashes = stored_tile(self.db, height, position)
            if hashes is None:
                return None
            if not isinstance(hashes, bytes) or len(hashes) != TILE_WIDTH * HASH_BYTES:
                raise Tampered(Finding(TILE, *events_under(height, position)))
            if len(self._tiles) >= REMEMBERED_TILES:
                self._tiles.clear()
            cuts = range(0, len(hashes), HASH_BYTES)
            self._tiles[key] = [hashes[cut : cut + HASH_BYTES] for cut in cuts]
        return self._tiles[key]

    def _leaves(self, first: int, count: int) -> Sequence[bytes]:
        query = select(AuditEvent.id, AuditEvent.hash).where(
            AuditEvent.id > first, AuditEvent.id <= first + count
        )
        found = {row.id: row.hash for row in self.db.execute(query)}
        wanted = range(first + 1, first + count + 1)
        if missing := [number for number in wanted if number not in found]:
            raise MissingEvents(missing[0], missing[-1])
        return [leaf_hash(found[number]) for number in wanted]


class MissingEvents(Exception):
    """Events that the tree needs are neither in the table nor in a tile."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"of the events {first} to {last} some are not there")
        self.first, self.last = first, last


@contextmanager
def missing_told() -> Iterator[None]:
    """Raise Tampered when the tree cannot be read because events are not there."""
    try:
        yield
    except MissingEvents as missing:
        raise Tampered(Finding(MISSING, missing.first, missing.last)) from missing


def tiles_over(db: Session, after: int, last: int, *, heights: Iterable[int]) -> StoredTiles:
    """Return the tiles that end with one of the events after one number up to another."""
    found: dict[tuple[int, int], object] = {}
    for height in heights:
        width = TILE_WIDTH ** (height + 1)
        stored = stored_tiles(db, height, after // width, last // width)
        found |= {(height, position): hashes for position, hashes in stored.items()}
    return StoredTiles(found)
