"""Following the trail run by run, and joining the runs to one answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy.orm import Session

from app.domain.audit_archived import Archived
from app.domain.audit_scan import (
    MISSING,
    OUT_OF_PLACE,
    REWRITTEN,
    SPLIT,
    TILE,
    WORDS_MISSING,
    Finding,
    Run,
    Tampered,
)
from app.domain.audit_tiles import TILE_WIDTH, StoredTiles
from app.domain.audit_tree import TrailTree, missing_told, tiles_over
from app.domain.checkpoints import Checkpoint
from app.domain.erased_words import ErasedWords
from app.domain.merkle import Cover, leaf_hash
from app.storage import audit_chain

# A run of this many events is one complete subtree, the root of a tile, and one piece of work.
RUN = TILE_WIDTH**2
RUN_LEVEL = RUN.bit_length() - 1
RUN_HEIGHTS = (0, 1)


def agreed(checkpoints: Iterable[Checkpoint]) -> dict[int, Checkpoint]:
    """Return the checkpoints by size; raise Tampered when two of one size are of two histories."""
    known: dict[int, Checkpoint] = {}
    for one in sorted(checkpoints, key=lambda one: one.size):
        other = known.setdefault(one.size, one)
        if (other.root, other.head) != (one.root, one.head):
            raise Tampered(Finding(SPLIT, _largest_below(one.size, known) + 1, one.size))
    return known


def _largest_below(size: int, sizes: Iterable[int]) -> int:
    return max((one for one in sizes if one < size), default=0)


@dataclass
class Following:
    """The runs joined so far, from where verifying began.

    `head` is the hash of the last event, None while nobody vouches for one. `checkpoints` are
    compared as their sizes are reached; `kept` are the sizes of those from outside the database.
    Of both it says how many were compared, and the largest size so far. Raises Tampered at the
    first thing that is wrong.
    """

    size: int
    head: bytes | None
    cover: Cover
    checkpoints: Mapping[int, Checkpoint]
    kept: frozenset[int] = frozenset()
    tiles: StoredTiles = field(default_factory=StoredTiles)
    erased: ErasedWords = field(default_factory=ErasedWords)
    archived: Archived = field(default_factory=Archived)
    compared: int = 0
    kept_compared: int = 0
    furthest: int = 0
    furthest_kept: int = 0
    _above: list[bytes] = field(default_factory=list)

    def join(self, run: Run) -> None:
        """Take in the run that follows."""
        if None not in (self.head, run.before) and run.before != self.head:
            raise Tampered(Finding(OUT_OF_PLACE, self.size + 1, self.size + 1))
        for size in sorted(run.covers):
            there = self.cover.joined_with(run.covers[size])
            self._compare(self.checkpoints[size], run.heads[size], there.root())
        if run.finding:
            raise Tampered(run.finding)
        self.cover = self.cover.joined_with(run.cover)
        self.erased.join(run.erased)
        self.archived.join(run.archived)
        self.size, self.head = run.size, run.head or self.head
        self._check_tile(run)

    def _compare(self, checkpoint: Checkpoint, head: bytes, root: bytes) -> None:
        if (checkpoint.head, checkpoint.root) != (head, root):
            earlier = _largest_below(checkpoint.size, self.checkpoints)
            raise Tampered(Finding(REWRITTEN, earlier + 1, checkpoint.size))
        self.agrees(checkpoint)

    def agrees(self, checkpoint: Checkpoint) -> None:
        """Count a checkpoint that was compared."""
        self.compared += 1
        self.furthest = max(self.furthest, checkpoint.size)
        if checkpoint.size in self.kept:
            self.kept_compared += 1
            self.furthest_kept = max(self.furthest_kept, checkpoint.size)

    def _check_tile(self, run: Run) -> None:
        """Compare the tile of height 2 that ends with this run."""
        nodes = run.cover.nodes
        if len(nodes) != 1 or nodes[0].level != RUN_LEVEL:
            return
        self._above.append(nodes[0].hash)
        full = self.size // RUN
        if not full % TILE_WIDTH:
            if wrong := self.tiles.wrong_at(2, full // TILE_WIDTH - 1, self._above):
                raise Tampered(Finding(TILE, *wrong))
            self._above = []


def compare_with_tree(tree: TrailTree, checkpoint: Checkpoint) -> None:
    """Raise Tampered unless the tree as it is kept is the one that was signed."""
    with missing_told():
        last = tree.subtree(0, checkpoint.size - 1)
        if (last, tree.root(checkpoint.size)) == (leaf_hash(checkpoint.head), checkpoint.root):
            return
    raise Tampered(Finding(REWRITTEN, 1, checkpoint.size))


def runs_between(after: int, last: int) -> list[tuple[int, int]]:
    """Cut the events after one number up to another into runs: (after, last) of each."""
    ends = [*range((after // RUN + 1) * RUN, last, RUN), last]
    return list(pairwise([after, *ends]))


def follow_run(db: Session, sizes: frozenset[int], after: int, last: int) -> Run:
    """Follow the events of one run, and compare the tiles that end with it."""
    run = Run(size=after, sizes=sizes)
    events = audit_chain.stored_rows(db, after=after, last=last)
    run.follow(events, tiles_over(db, after, last, heights=RUN_HEIGHTS))
    if run.finding is None and run.size < last:
        run.finding = Finding(MISSING, run.size + 1, last)
    return run


def follow_here(db: Session, sizes: frozenset[int], after: int, last: int) -> Iterable[Run]:
    """Follow the events one after the other, in this transaction."""
    return (follow_run(db, sizes, *run) for run in runs_between(after, last))


# Follows the events after one number up to another, in runs that come in order; the sizes are
# those at which the tree is to be kept.
Follow = Callable[[Session, frozenset[int], int, int], Iterable[Run]]


def explain(erased: ErasedWords, erasures: Mapping[str, int] | None = None) -> None:
    """Raise Tampered unless a recorded erasure explains why each of these events has no words.

    `erasures` holds, by person, those that were not followed.
    """
    if number := erased.unexplained(erasures or {}):
        raise Tampered(Finding(WORDS_MISSING, number, number))
