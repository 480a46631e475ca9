"""An unbroken stretch of the trail, followed up to a signed checkpoint without a database."""

from collections.abc import Iterable, Mapping, Sequence

from app.domain.audit_following import Following, agreed, explain
from app.domain.audit_scan import CUT_OFF, NOT_COVERED, Finding, Run, Tampered
from app.domain.checkpoints import Checkpoint
from app.domain.merkle import Cover
from app.storage.audit_chain import GENESIS, StoredEvent


class Stretch:
    """Every event after one number up to those that `checkpoint` covers.

    `before` are the subtrees over the events up to that number: with them the root can be worked
    out. `kept` are checkpoints from elsewhere; those that lie in the stretch are compared.
    """

    def __init__(
        self, after: int, before: Cover, checkpoint: Checkpoint, kept: Iterable[Checkpoint] = ()
    ) -> None:
        self._checkpoint = checkpoint
        self._kept = [one for one in kept if after < one.size <= checkpoint.size]
        # What came before is not here. The root, which covers the first event, vouches for it.
        head = None if after else GENESIS
        self.following = Following(after, head, before, agreed([*self._kept, checkpoint]))

    def follow(self, events: Sequence[StoredEvent]) -> None:
        """Take in the events that come next; raise Tampered at the first that is wrong."""
        following = self.following
        run = Run(following.size, frozenset(following.checkpoints)).follow(events)
        following.join(run)

    def finish(self, erasures: Mapping[str, int]) -> None:
        """Raise Tampered unless the stretch ends where it should and each erasure is on record.

        `erasures` holds, by person, the event that recorded the erasure of their words.
        """
        last, size = self.following.size, self._checkpoint.size
        if last < size:
            raise Tampered(Finding(CUT_OFF, last + 1, size))
        if last > size:
            raise Tampered(Finding(NOT_COVERED, size + 1, last))
        explain(self.following.erased, erasures)


def contradiction(shown: Sequence[Checkpoint], kept: Iterable[Checkpoint]) -> Finding | None:
    """Return what speaks against checkpoints that are shown, or kept elsewhere: two histories."""
    try:
        agreed([*shown, *kept])
    except Tampered as tampered:
        return tampered.finding
    return None
