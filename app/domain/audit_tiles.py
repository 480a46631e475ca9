"""The tree's tiles compared with the events: what is kept of the tree must be worked out alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from app.domain.merkle import HASH_BYTES, Cover

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES


def events_under(height: int, position: int) -> tuple[int, int]:
    """Return the first and the last event whose hashes a tile covers."""
    width = TILE_WIDTH ** (height + 1)
    return position * width + 1, (position + 1) * width


@dataclass(frozen=True)
class StoredTiles:
    """Tiles as they are stored, by height and position; None for one that should be there."""

    tiles: Mapping[tuple[int, int], object] = field(default_factory=dict)

    def wrong_at(
        self, height: int, position: int, hashes: Sequence[bytes]
    ) -> tuple[int, int] | None:
        """Return the events under a tile that does not end with these hashes, else None."""
        key = (height, position)
        if key not in self.tiles:
            return None
        stored = self.tiles[key]
        is_tile = isinstance(stored, bytes) and len(stored) == TILE_BYTES
        if is_tile and cast("bytes", stored)[-HASH_BYTES * len(hashes) :] == b"".join(hashes):
            return None
        return events_under(height, position)


class Filling:
    """The tile that is being filled while events are followed from the one after `size` on.

    `leaves` are the hashes of its leaves so far, `cover` holds the subtrees over them.
    """

    def __init__(self, size: int, tiles: StoredTiles) -> None:
        self._tiles = tiles
        self._size = size
        self.leaves: list[bytes] = []
        self._above: list[bytes] = []
        self._cover, self._covered = Cover(), 0

    @property
    def cover(self) -> Cover:
        """The subtrees over the leaves that came since the last tile was full."""
        fresh = self.leaves[self._covered :]
        self._cover.add_leaves(self._size + self._covered, fresh)
        self._covered = len(self.leaves)
        return self._cover

    def finish(self, whole: Cover) -> tuple[int, int] | None:
        """Add the full tile to the cover of what came before, and begin the next one.

        Return the events under a stored tile that is another, None if there is none.
        """
        for node in self.cover.nodes:
            whole.add(node)
            if node.level == TILE_HEIGHT:
                self._above.append(node.hash)
        self._size += len(self.leaves)
        full = self._size // TILE_WIDTH
        wrong = self._tiles.wrong_at(0, full - 1, self.leaves)
        self.leaves.clear()
        self._cover, self._covered = Cover(), 0
        if not full % TILE_WIDTH:
            wrong = wrong or self._tiles.wrong_at(1, full // TILE_WIDTH - 1, self._above)
            self._above = []
        return wrong
