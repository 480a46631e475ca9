"""The tiles of the tree are the hashes of the events, and whoever changes them is found out."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from app.domain.audit_following import RUN_LEVEL, Following
from app.domain.audit_scan import Finding, Run, Tampered
from app.domain.audit_tiles import TILE_WIDTH, Filling, StoredTiles
from app.domain.audit_tree import TrailTree
from app.domain.checkpointing import Checkpoints
from app.domain.merkle import Cover, Node, root
from app.storage.audit_chain import GENESIS
from app.storage.database import Database
from tests.conftest import on_sqlite
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("L8")

# Two tiles, and some events that fill none.
EVENTS = 2 * TILE_WIDTH + 10
SWAPPED = """
    UPDATE audit_tiles SET hashes =
    CAST(substr(hashes, 33, 32) || substr(hashes, 1, 32) || substr(hashes, 65) AS {})
    WHERE position = 1
"""


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    # The checkpoint lies within a tile that is full in the end.
    trail.record_at_once(TILE_WIDTH + 10)
    trail.sign()
    trail.record_at_once(EVENTS - TILE_WIDTH - 10)
    trail.sign()
    return trail


def change(database_url: str, statement: str) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_tiles", "audit_tiles_no_update")
        without_trigger(db, "audit_tiles", "audit_tiles_no_delete")
        db.execute(text(statement))


def test_tiles_are_compared_with_the_events(trail: Proven) -> None:
    assert trail.verify().finding is None
    assert trail.verify(since=trail.kept[0]).finding is None


@fails_without(line(StoredTiles.wrong_at, "return events_under(height, position)"))
def test_two_hashes_that_changed_places_are_found(
    trail: Proven, database_url: str, engine_name: str
) -> None:
    """The events are as they were, but proofs of them would lead nowhere."""
    change(database_url, SWAPPED.format({"sqlite": "BLOB", "postgresql": "BYTEA"}[engine_name]))
    assert trail.verify().finding == Finding("tile", 257, 512)


@fails_without(line(Checkpoints.make_past, "compare_with_tree(tree, last)", "pass"))
def test_nothing_of_the_past_is_signed_by_tiles_that_were_changed(
    trail: Proven, database_url: str, engine_name: str
) -> None:
    """Archives are signed like that, when their events are about to leave."""
    change(database_url, SWAPPED.format({"sqlite": "BLOB", "postgresql": "BYTEA"}[engine_name]))
    with (
        pytest.raises(Tampered, match="rewritten"),
        trail.database.unit_of_work(writing=True) as db,
    ):
        trail.checkpoints.make_past(db, 2 * TILE_WIDTH, now=trail.now)


@fails_without(line(StoredTiles.wrong_at, "return events_under(height, position)"))
def test_a_tile_that_is_gone_is_found(trail: Proven, database_url: str) -> None:
    change(database_url, "DELETE FROM audit_tiles WHERE position = 0")
    assert trail.verify().finding == Finding("tile", 1, 256)


@on_sqlite
@fails_without(
    line(StoredTiles.wrong_at, "return events_under(height, position)"),
    line(
        TrailTree._tile,
        "if not isinstance(hashes, bytes) or len(hashes) != TILE_WIDTH * HASH_BYTES",
        "if False",
    ),
    raises=(TypeError,),
)
def test_what_is_no_tile_is_found_and_signed_by_nobody(trail: Proven, database_url: str) -> None:
    change(database_url, "UPDATE audit_tiles SET hashes = 'abc'")
    assert trail.verify().finding == Finding("tile", 1, 256)
    trail.record(1)
    with pytest.raises(Tampered, match="events 1 to 256"):
        trail.sign()


@pytest.fixture
def leaves() -> list[bytes]:
    """As many as fill a tile of tiles."""
    return [sha256(b"%d" % number).digest() for number in range(TILE_WIDTH**2)]


def filled(leaves: list[bytes], tiles: StoredTiles) -> Iterator[tuple[int, int]]:
    """Fill tile after tile; yield the events under those that are others."""
    filling, cover = Filling(0, tiles), Cover()
    for first in range(0, len(leaves), TILE_WIDTH):
        filling.leaves += leaves[first : first + TILE_WIDTH]
        if wrong := filling.finish(cover):
            yield wrong


@fails_without(
    line(
        Filling.finish,
        "wrong = wrong or self._tiles.wrong_at(1, full // TILE_WIDTH - 1, self._above)",
    )
)
def test_a_tile_of_tiles_is_worked_out_too(leaves: list[bytes]) -> None:
    cuts = range(0, len(leaves), TILE_WIDTH)
    roots = [root(leaves[first : first + TILE_WIDTH]) for first in cuts]
    assert not [*filled(leaves, StoredTiles({(1, 0): b"".join(roots)}))]
    swapped = b"".join([roots[1], roots[0], *roots[2:]])
    assert [*filled(leaves, StoredTiles({(1, 0): swapped}))] == [(1, 65_536)]


@fails_without(line(Following._check_tile, "raise Tampered(Finding(TILE, *wrong))", "pass"))
def test_a_tile_of_runs_is_worked_out_too(leaves: list[bytes]) -> None:
    roots = leaves[:TILE_WIDTH]

    def follow(tile: bytes) -> None:
        following = Following(0, GENESIS, Cover(), {}, tiles=StoredTiles({(2, 0): tile}))
        for number, hash_ in enumerate(roots):
            size = (number + 1) << RUN_LEVEL
            following.join(Run(size, cover=Cover([Node(RUN_LEVEL, number, hash_)])))

    follow(b"".join(roots))
    with pytest.raises(Tampered, match="16777216"):
        follow(b"".join([roots[1], roots[0], *roots[2:]]))
