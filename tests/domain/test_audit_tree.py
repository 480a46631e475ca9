"""The stored tree, read from tiles and from rows, held against the naive one."""

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import audit_tree
from app.domain.audit_tree import TrailTree
from app.domain.merkle import (
    Remembered,
    consistency_proof,
    cover,
    cover_from,
    inclusion_proof,
    leaf_hash,
)
from app.storage.audit_checkpoints import AuditTile
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from tests.budget import tries
from tests.conftest import on_sqlite
from tests.domain.test_merkle import naive_path, naive_root, naive_subproof
from tests.filling import fill_trail

# With tiles of four leaves, a trail of seventy events has them in three heights.
EVENTS = 70
# Where a tile, or a tile of tiles, is one short of full, full, and one more than full.
SIZES = [0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, EVENTS]

often_on_one_database = settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_tree, "TILE_HEIGHT", 2)
    monkeypatch.setattr(audit_tree, "TILE_WIDTH", 4)


@pytest.fixture
def filled(database: Database, small_tiles: None, now: datetime) -> None:
    fill_trail(database, events=EVENTS, now=now)


@pytest.fixture
def leaves(filled: None, db: Session) -> list[bytes]:
    return leaves_in(db)


def leaves_in(db: Session) -> list[bytes]:
    return [leaf_hash(hash_) for hash_ in db.scalars(select(AuditEvent.hash).order_by("id"))]


def tree(db: Session, *, tiles_up_to: int) -> TrailTree:
    TrailTree(db).extend(tiles_up_to)
    return TrailTree(db)


@pytest.mark.requirement("L8", "L10")
def test_the_root_is_the_naive_one_at_every_size(leaves: list[bytes], db: Session) -> None:
    for kept in SIZES:
        stored = tree(db, tiles_up_to=kept)
        for size in range(EVENTS + 1):
            assert stored.root(size) == naive_root(leaves[:size]), (kept, size)
    # 17 tiles of leaves, 4 tiles of those, and one of these.
    assert db.scalar(select(func.count()).select_from(AuditTile)) == 17 + 4 + 1


# On one engine: what lies in the tables is the same on both, as the root at every size shows.
@on_sqlite
@pytest.mark.requirement("L10")
@pytest.mark.parametrize("kept", SIZES)
@pytest.mark.parametrize("remembered", [False, True])
@often_on_one_database
@given(data=st.data())
def test_any_proof_is_the_naive_one(
    leaves: list[bytes], db: Session, kept: int, remembered: bool, data: st.DataObject
) -> None:
    """Whatever part of the tree is kept in tiles, and whatever is worked out only once."""
    stored = tree(db, tiles_up_to=kept)
    subtrees = Remembered(stored) if remembered else stored
    size = data.draw(st.integers(1, EVENTS) | st.sampled_from(SIZES[1:]))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert inclusion_proof(subtrees, index, size) == naive_path(index, leaves[:size])
    assert consistency_proof(subtrees, old, size) == naive_subproof(old, leaves[:size])


@on_sqlite
@pytest.mark.requirement("L12")
@pytest.mark.parametrize("size", range(EVENTS + 1))
def test_a_cover_can_be_given_away_as_its_hashes(
    leaves: list[bytes], db: Session, size: int
) -> None:
    there = cover(tree(db, tiles_up_to=size), 0, size)
    hashes = [node.hash for node in there.nodes]
    assert cover_from(hashes, size).nodes == there.nodes
    with pytest.raises(ValueError, match="zip"):
        cover_from([*hashes, bytes(32)], size)


@pytest.mark.requirement("L8")
@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513])
def test_the_root_is_the_naive_one_around_a_real_tile(
    database: Database, now: datetime, size: int
) -> None:
    fill_trail(database, events=size, now=now)
    with database.unit_of_work(writing=True) as db:
        stored = tree(db, tiles_up_to=size)
        leaves = leaves_in(db)
        assert stored.root(size) == naive_root(leaves)
        assert db.scalar(select(func.count()).select_from(AuditTile)) == size // 256
        assert inclusion_proof(stored, size - 1, size) == naive_path(size - 1, leaves)
