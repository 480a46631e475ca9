"""Verifying the trail: against itself, and against checkpoints that were kept elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.domain.audit_archived import archived
from app.domain.audit_following import (
    Follow,
    Following,
    agreed,
    compare_with_tree,
    explain,
    follow_here,
)
from app.domain.audit_scan import BAD_CHECKPOINT, CUT_OFF, MISSING, STRAY, Finding, Tampered
from app.domain.audit_tree import TrailTree, missing_told, tiles_over
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import Cover, cover
from app.storage import audit_chain, audit_extent
from app.storage.audit_checkpoints import notes

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Verdict:
    """What verifying has found: `finding` is None when everything is as it was recorded.

    Events `first` to `last` are as they were, `head` is the hash of the last one. `checkpoints`
    is how many signed checkpoints were compared, `kept` how many of them were kept outside the
    database, `furthest_kept` the largest size of these. `erased` is how many events have lost
    their words on record.
    """

    first: int
    last: int
    head: bytes
    checkpoints: int = 0
    kept: int = 0
    furthest_kept: int = 0
    erased: int = 0
    finding: Finding | None = None


def verify(
    db: Session,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint] = (),
    since: Checkpoint | None = None,
    follow: Follow = follow_here,
    progress: Progress = lambda _done: None,
) -> Verdict:
    """Verify the trail from its first event in the table to its newest.

    `kept` are checkpoints from outside whose signatures have been checked; `since` is one from
    which to go on instead of from the beginning. `progress` is told how many more events have
    been looked at.
    """
    bounds = audit_extent.bounds(db)
    following = Following(0, audit_chain.GENESIS, Cover(), {})
    first, finding = 1, None
    try:
        following = _begin(db, _known(db, key, kept, since), kept, since, bounds)
        first = following.size + 1
        rows = audit_extent.count_rows(db, after=following.size)
        gap = _gap(db, rows, following.size, bounds[1])
        last = gap.first - 1 if gap else bounds[1]
        for run in follow(db, frozenset(following.checkpoints), following.size, last):
            done = run.size - following.size
            following.join(run)
            progress(done)
        if gap:
            raise Tampered(gap)
        _check_ends(following, first=first, is_whole=since is None)
        explain(following.erased)
        # Each number was there, so whatever else there is has none of the trail.
        if rows > last - first + 1 or audit_extent.has_row_without_number(db):
            raise Tampered(Finding(STRAY, max(bounds[0], 1), max(bounds[0], 1)))
    except Tampered as tampered:
        finding = tampered.finding
    return Verdict(
        first=first,
        last=following.size,
        head=following.head or b"",
        checkpoints=following.compared,
        kept=following.kept_compared,
        furthest_kept=following.furthest_kept,
        erased=following.erased.count,
        finding=finding,
    )


def _gap(db: Session, rows: int, after: int, last: int) -> Finding | None:
    """Return the first gap, when there are fewer rows than numbers.

    It may be larger than what anybody can go through: one row with a huge number is enough.
    """
    if rows >= last - after:
        return None
    gap = audit_extent.first_gap(db, after=after, last=last)
    return Finding(MISSING, *gap) if gap else None


def _known(
    db: Session, key: VerifierKey, kept: Sequence[Checkpoint], since: Checkpoint | None
) -> dict[int, Checkpoint]:
    """Return every checkpoint that was signed, as far as anybody knows, by size.

    Of those in the database that came before `since` nothing is asked: there may be thousands,
    and whoever signs keeps everybody waiting meanwhile.
    """
    found = notes(db, since=since.size if since else 0)
    stored = [checkpoint_in(size, note, key) for size, note in found]
    return agreed([*stored, *kept, *([since] if since else [])])


def checkpoint_in(size: int, note: object, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint that is stored under a size; raise Tampered unless the key signed it.

    `note` is what is stored, whatever that may be.
    """
    try:
        checkpoint = opened(note if isinstance(note, str) else "", key)
    except BadCheckpoint as error:
        raise Tampered(Finding(BAD_CHECKPOINT, size, size)) from error
    if checkpoint.size != size:
        raise Tampered(Finding(BAD_CHECKPOINT, size, size))
    return checkpoint


def _begin(
    db: Session,
    checkpoints: dict[int, Checkpoint],
    kept: Sequence[Checkpoint],
    since: Checkpoint | None,
    bounds: tuple[int, int],
) -> Following:
    """Return the place from which to follow the events: every one that is in the table is.

    What a record of an archive says is only taken for a hint here: `_check_ends` knows whether it
    is true.
    """
    first, last = bounds
    sizes = frozenset(one.size for one in kept)
    start = max(since.size if since else 0, first - 1)
    if start > last:
        raise Tampered(Finding(CUT_OFF, last + 1, start))
    if start <= 0:
        following = Following(0, audit_chain.GENESIS, Cover(), checkpoints, sizes)
    else:
        if first > 1:
            _check_archived(archived(db), before=first)
        tree, vouched = TrailTree(db), checkpoints.get(start)
        with missing_told():
            before = cover(tree, 0, start)
        following = Following(start, vouched.head if vouched else None, before, checkpoints, sizes)
        for size in sorted(size for size in {*sizes, start} if size <= start):
            if checkpoint := checkpoints.get(size):
                compare_with_tree(tree, checkpoint)
                following.agrees(checkpoint)
    following.tiles = tiles_over(db, start, last, heights=(2,))
    return following


def _check_ends(following: Following, *, first: int, is_whole: bool) -> None:
    """Raise Tampered unless it is known what came before the first event, and nothing after."""
    before, last = first - 1, following.size
    if is_whole and before:
        _check_archived(following.archived.last, before=first)
    # A checkpoint of no more than what is gone, or none, vouches for nothing that was looked at.
    if following.furthest < before:
        raise Tampered(Finding(BAD_CHECKPOINT, before, before))
    furthest = max(following.checkpoints, default=0)
    if furthest > last:
        raise Tampered(Finding(CUT_OFF, last + 1, furthest))


def _check_archived(last: int, *, before: int) -> None:
    """Raise Tampered unless an archive holds everything before that event."""
    if last < before - 1:
        raise Tampered(Finding(MISSING, last + 1, before - 1))
