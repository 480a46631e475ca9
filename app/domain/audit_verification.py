"""Verifying the trail: against itself, and against checkpoints that were kept elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy.orm import Session

from app.domain.audit_scan import (
    BAD_CHECKPOINT,
    CUT_OFF,
    MISSING,
    OUT_OF_PLACE,
    REWRITTEN,
    ErasedWords,
    Finding,
    Run,
)
from app.domain.audit_trail import AuditAction
from app.domain.audit_tree import MissingEvents, TrailTree
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.merkle import Cover, cover
from app.storage import audit_chain
from app.storage.audit_checkpoints import all_checkpoints
from app.storage.audit_trail import facts_of

# A run of this many events is one complete subtree, and one piece of work.
RUN = 1 << 16

Progress = Callable[[int], None]


class Tampered(Exception):
    """Something is wrong with the trail; `finding` says what and where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


@dataclass(frozen=True)
class Verdict:
    """What verifying has found: `finding` is None when everything is as it was recorded.

    Events `first` to `last` are as they were, `head` is the hash of the last one. `checkpoints`
    is how many signed checkpoints were compared, `erased` how many events have lost their words
    on record.
    """

    first: int
    last: int
    head: bytes
    checkpoints: int = 0
    erased: int = 0
    finding: Finding | None = None


@dataclass
class Following:
    """The runs joined so far, from where verifying began.

    Raises Tampered at the first thing that is wrong.
    """

    size: int
    head: bytes
    cover: Cover
    checkpoints: Mapping[int, Checkpoint]
    erased: ErasedWords = field(default_factory=ErasedWords)
    compared: int = 0

    def join(self, run: Run) -> None:
        """Take in the run that follows."""
        if run.before is not None and run.before != self.head:
            raise Tampered(Finding(OUT_OF_PLACE, self.size + 1, self.size + 1))
        for size in sorted(run.covers):
            there = self.cover.joined_with(run.covers[size])
            self._compare(self.checkpoints[size], run.heads[size], there.root())
        if run.finding:
            raise Tampered(run.finding)
        self.cover = self.cover.joined_with(run.cover)
        self.erased.join(run.erased)
        self.size, self.head = run.size, run.head or self.head

    def _compare(self, checkpoint: Checkpoint, head: bytes, root: bytes) -> None:
        if (checkpoint.head, checkpoint.root) != (head, root):
            earlier = [size for size in self.checkpoints if size < checkpoint.size]
            raise Tampered(Finding(REWRITTEN, max(earlier, default=0) + 1, checkpoint.size))
        self.compared += 1


def runs_between(after: int, last: int) -> list[tuple[int, int]]:
    """Cut the events after one number up to another into runs: (after, last) of each."""
    ends = [*range((after // RUN + 1) * RUN, last, RUN), last]
    return list(pairwise([after, *ends]))


def follow_run(db: Session, sizes: frozenset[int], after: int, last: int) -> Run:
    """Follow the events of one run."""
    run = Run(size=after, sizes=sizes)
    run.follow(audit_chain.stored_events(db, after=after, last=last))
    if run.finding is None and run.size < last:
        run.finding = Finding(MISSING, run.size + 1, last)
    return run


def follow_here(db: Session, sizes: frozenset[int], after: int, last: int) -> Iterable[Run]:
    """Follow the events one after the other, in this transaction."""
    return (follow_run(db, sizes, *run) for run in runs_between(after, last))


# Follows the events after one number up to another, in runs that come in order; the sizes are
# those at which the tree is to be kept.
Follow = Callable[[Session, frozenset[int], int, int], Iterable[Run]]


def verify(
    db: Session,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint] = (),
    since: Checkpoint | None = None,
    follow: Follow = follow_here,
    progress: Progress = lambda _done: None,
) -> Verdict:
    """Verify the trail up to its newest event.

    `kept` are checkpoints from outside whose signatures have been checked; `since` is one from
    which to go on instead of from the beginning. `progress` is told how many more events have
    been looked at.
    """
    last, _ = audit_chain.head(db)
    following = Following(0, audit_chain.GENESIS, Cover(), {})
    first, finding = 1, None
    try:
        following = _begin(db, key=key, kept=kept, since=since, last=last)
        first = following.size + 1
        for run in follow(db, frozenset(following.checkpoints), following.size, last):
            done = run.size - following.size
            following.join(run)
            progress(done)
        _compare_with(kept, last)
        explain(following.erased, erasures(db))
    except Tampered as tampered:
        finding = tampered.finding
    return Verdict(
        first=first,
        last=following.size,
        head=following.head,
        checkpoints=following.compared,
        erased=following.erased.count,
        finding=finding,
    )


def _begin(
    db: Session,
    *,
    key: VerifierKey,
    kept: Sequence[Checkpoint],
    since: Checkpoint | None,
    last: int,
) -> Following:
    """Return the place from which to follow the events, for which a signature vouches."""
    checkpoints = _stored(db, key) | {one.size: one for one in kept}
    archives = [facts["last"] for _, facts in facts_of(db, AuditAction.AUDIT_ARCHIVED)]
    start = max(since.size if since else 0, *archives, 0)
    if start == 0:
        return Following(0, audit_chain.GENESIS, Cover(), checkpoints)
    if start > last:
        raise Tampered(Finding(CUT_OFF, last + 1, start))
    vouched = since if since and since.size == start else checkpoints.get(start)
    if vouched is None:
        raise Tampered(Finding(BAD_CHECKPOINT, start, start))
    earlier = [one for one in kept if one.size <= start]
    tree = TrailTree(db)
    with missing_told():
        for checkpoint in (*earlier, vouched):
            if tree.root(checkpoint.size) != checkpoint.root:
                raise Tampered(Finding(REWRITTEN, 1, checkpoint.size))
        there = cover(tree, 0, start)
    return Following(start, vouched.head, there, checkpoints)


def _stored(db: Session, key: VerifierKey) -> dict[int, Checkpoint]:
    checkpoints = {}
    for row in all_checkpoints(db):
        try:
            checkpoint = opened(row.note, key)
        except BadCheckpoint as error:
            raise Tampered(Finding(BAD_CHECKPOINT, row.size, row.size)) from error
        if checkpoint.size != row.size:
            raise Tampered(Finding(BAD_CHECKPOINT, row.size, row.size))
        checkpoints[row.size] = checkpoint
    return checkpoints


@contextmanager
def missing_told() -> Iterator[None]:
    """Raise Tampered when the tree cannot be read because events are not there."""
    try:
        yield
    except MissingEvents as missing:
        raise Tampered(Finding(MISSING, missing.first, missing.last)) from missing


def _compare_with(kept: Sequence[Checkpoint], last: int) -> None:
    """Look for a checkpoint from outside that covers more than there is."""
    furthest = max((one.size for one in kept), default=0)
    if furthest > last:
        raise Tampered(Finding(CUT_OFF, last + 1, furthest))


def explain(erased: ErasedWords, erasures: Mapping[str, int]) -> None:
    """Raise Tampered unless an erasure explains why each of these events has no words."""
    if finding := erased.unexplained(erasures):
        raise Tampered(finding)


def erasures(db: Session) -> dict[str, int]:
    """Return, by person, the newest event that recorded the erasure of their words."""
    recorded = facts_of(db, AuditAction.AUDIT_WORDS_ERASED)
    return {facts["person_id"]: number for number, facts in recorded}
