"""Proofs: that one event is in the trail, showing no other, and that the trail has only grown.

Each is one JSON object that can be given away and checked without us. docs/audit-trail.md says
how to check it by hand.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.audit_erasures import Explanations
from app.domain.audit_records import as_record, from_record
from app.domain.audit_scan import CHANGED, REWRITTEN, Finding, Run, Tampered
from app.domain.audit_stretch import contradiction
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.domain.audit_tree import TrailTree, missing_told
from app.domain.checkpointing import Checkpoints
from app.domain.checkpoints import BadCheckpoint, Checkpoint, VerifierKey, opened
from app.domain.errors import Absent, Gone, Invalid
from app.domain.merkle import (
    Remembered,
    Subtrees,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
)
from app.storage import audit_chain
from app.storage.audit_chain import StoredEvent
from app.storage.audit_trail import facts_of
from app.storage.paging import LARGEST_KEY

INCLUSION = "understudy/audit-inclusion-proof/v1"
CONSISTENCY = "understudy/audit-consistency-proof/v1"
PROOF = "proof"

MEMBERS = {
    INCLUSION: {"format", "event", "leaf_index", "tree_size", "proof", "checkpoint", "key"},
    CONSISTENCY: {"format", "old_checkpoint", "new_checkpoint", "proof", "key"},
}
NOT_WRITTEN_BY_US = "this is no proof of an audit trail"
NO_EVENT = "There is no event {}."


class BadProof(ValueError):
    """The text is no proof, or one that cannot be read."""


@dataclass
class TrailProver:
    """What gives events their proofs against one checkpoint; nothing false leaves it."""

    checkpoint: Checkpoint
    tree: Subtrees

    @classmethod
    def of(cls, db: Session, checkpoint: Checkpoint) -> "TrailProver":
        """Return the prover that reads the tree from the database."""
        return cls(checkpoint, Remembered(TrailTree(db)))

    def prove(self, event: StoredEvent) -> list[bytes]:
        """Return the inclusion proof of an event; raise Tampered when there is none."""
        with missing_told():
            proof = inclusion_proof(self.tree, event.id - 1, self.checkpoint.size)
        if finding := wrong_with(event, proof, self.checkpoint):
            raise Tampered(finding)
        return proof


def wrong_with(
    event: StoredEvent, proof: Sequence[bytes], checkpoint: Checkpoint
) -> Finding | None:
    """Return what is wrong with an event that stands alone; None if the proof holds."""
    finding = Run(size=event.id - 1).follow([event]).finding
    if finding:
        return finding
    leaf, index = leaf_hash(event.hash), event.id - 1
    if includes(checkpoint.root, size=checkpoint.size, index=index, leaf=leaf, proof=proof):
        return None
    return Finding(CHANGED, event.id, event.id)


def prove_event(
    db: Session,
    number: int,
    *,
    trail: Checkpoints,
    by: str,
    provenance: Provenance,
    now: datetime,
    size: int | None = None,
    with_words: bool = True,
    account_id: str | None = None,
) -> dict[str, Any]:
    """Return the proof that event `number` is in the trail, and record that it was given away.

    `size` is that of the checkpoint to prove it against; without one it is the newest, made anew
    if that does not cover the event. `by` names the program, which may see the events of one
    account alone if there is an `account_id`. Raises Absent, Gone or Invalid for what cannot be
    proved, Tampered when the trail is not what was signed.
    """
    stored = _find(db, number)
    if account_id not in (None, stored.account_id):
        raise Absent(NO_EVENT.format(number))
    checkpoint = _covering(db, number, trail=trail, size=size, now=now)
    Explanations(checkpoint.size).check(db, [stored])
    proof = TrailProver.of(db, checkpoint).prove(stored)
    shown = stored if with_words else stored._replace(words=None, salt=None)
    details = {"by": by, "format": PROOF, "first": number, "last": number, "filters": ""}
    append(db, event(AuditAction.AUDIT_EXPORTED, now=now, provenance=provenance, details=details))
    return {
        "format": INCLUSION,
        "event": as_record(shown),
        "leaf_index": number - 1,
        "tree_size": checkpoint.size,
        "proof": _hex(proof),
        "checkpoint": trail.key.sign(checkpoint),
        "key": str(trail.key.verifier),
    }


def prove_consistency(
    db: Session, old_size: int, size: int | None = None, *, trail: Checkpoints
) -> dict[str, Any]:
    """Return the proof that the trail of `size` events begins with that of `old_size`.

    Both must be sizes of checkpoints; without `size` it is the newest. It shows hashes alone, so
    giving it away is not recorded. Raises Absent for a size of which there is no checkpoint,
    Invalid when the older is the larger, Tampered when the trail is not what was signed.
    """
    old, new = _of_size(db, old_size, trail), _newest_or(db, size, trail)
    if old.size > new.size:
        raise Invalid(f"A trail of {new.size} events cannot begin with {old.size} events.")
    with missing_told():
        proof = consistency_proof(Remembered(TrailTree(db)), old.size, new.size)
    if not _grown(old, new, proof):
        raise Tampered(Finding(REWRITTEN, 1, new.size))
    return {
        "format": CONSISTENCY,
        "old_checkpoint": trail.key.sign(old),
        "new_checkpoint": trail.key.sign(new),
        "proof": _hex(proof),
        "key": str(trail.key.verifier),
    }


@dataclass(frozen=True)
class Proof:
    """A proof as it came from somewhere; `key` is the one that came with it."""

    members: dict[str, Any]
    key: VerifierKey

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """Return the proof that `text` spells; raise BadProof for anything else."""
        try:
            members = json.loads(text, object_pairs_hook=_unique)
            if members.keys() != MEMBERS[members["format"]]:
                raise BadProof(NOT_WRITTEN_BY_US)
            return cls(members, VerifierKey.parse(members["key"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadProof(NOT_WRITTEN_BY_US) from error

    def check(self, key: VerifierKey, kept: Iterable[Checkpoint] = ()) -> "Checked":
        """Return what the proof shows to whoever trusts `key` and has `kept` these checkpoints.

        Raises BadProof when it is not written as ours are.
        """
        try:
            if self.members["format"] == INCLUSION:
                return self._check_inclusion(key, kept)
            return self._check_consistency(key, kept)
        except BadCheckpoint as error:
            return Checked(f"The proof leads to nothing: {error}.", good=False)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadProof(NOT_WRITTEN_BY_US) from error

    def _check_inclusion(self, key: VerifierKey, kept: Iterable[Checkpoint]) -> "Checked":
        checkpoint = opened(self.members["checkpoint"], key)
        stored = from_record(self.members["event"])
        places = (self.members["leaf_index"], self.members["tree_size"])
        # What stands beside the event's own fields would be covered by nothing.
        whole = as_record(stored) == self.members["event"]
        whole = whole and {type(place) for place in places} == {int}
        if not whole or places != (stored.id - 1, checkpoint.size):
            raise BadProof(NOT_WRITTEN_BY_US)
        finding = wrong_with(stored, self._proof, checkpoint) or contradiction([checkpoint], kept)
        if finding:
            return Checked(finding.sentence, good=False)
        words = "" if stored.words is not None else " Its words are not shown."
        return Checked(
            f"Event {stored.id:,} is in the trail of {checkpoint.size:,} events that"
            f" {key.name} signed at {checkpoint.at.isoformat()}.{words}",
            event=as_record(stored),
        )

    def _check_consistency(self, key: VerifierKey, kept: Iterable[Checkpoint]) -> "Checked":
        old = opened(self.members["old_checkpoint"], key)
        new = opened(self.members["new_checkpoint"], key)
        if not _grown(old, new, self._proof):
            return Checked(
                f"It does not show that the trail of {new.size:,} events begins with the one of"
                f" {old.size:,} that was signed earlier.",
                good=False,
            )
        if finding := contradiction([old, new], kept):
            return Checked(finding.sentence, good=False)
        return Checked(
            f"The trail of {new.size:,} events signed at {new.at.isoformat()} begins with the"
            f" {old.size:,} that {key.name} signed at {old.at.isoformat()}."
        )

    @property
    def _proof(self) -> list[bytes]:
        return [bytes.fromhex(one) for one in self.members["proof"]]


@dataclass(frozen=True)
class Checked:
    """What checking a proof has shown, in one sentence, and whether it holds.

    `event` is the record that has been proved, if it was that of an event.
    """

    sentence: str
    good: bool = field(default=True, kw_only=True)
    event: Mapping[str, Any] | None = field(default=None, kw_only=True)


def _find(db: Session, number: int) -> StoredEvent:
    known = 0 < number <= LARGEST_KEY
    events = list(audit_chain.stored_events(db, after=number - 1, last=number)) if known else []
    if events:
        return events[0]
    for _, facts in facts_of(db, AuditAction.AUDIT_ARCHIVED):
        if facts["first"] <= number <= facts["last"]:
            raise Gone(f"Event {number} has been archived: it is in {facts['file']}.")
    raise Absent(NO_EVENT.format(number))


def _covering(
    db: Session, number: int, *, trail: Checkpoints, size: int | None, now: datetime
) -> Checkpoint:
    if size is not None:
        checkpoint = _of_size(db, size, trail)
        if checkpoint.size < number:
            raise Invalid(f"A trail of {size} events does not hold event {number}.")
        return checkpoint
    latest = trail.latest(db)
    return latest if latest and latest.size >= number else trail.make(db, now=now)


def _newest_or(db: Session, size: int | None, trail: Checkpoints) -> Checkpoint:
    if size is not None:
        return _of_size(db, size, trail)
    if latest := trail.latest(db):
        return latest
    raise Absent("No checkpoint has been signed yet.")


def _of_size(db: Session, size: int, trail: Checkpoints) -> Checkpoint:
    found = trail.of_size(db, size) if 0 < size <= LARGEST_KEY else None
    if found is None:
        raise Absent(f"No checkpoint was signed at {size} events.")
    return found


def _grown(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    return extends(new.root, size=new.size, old_root=old.root, old_size=old.size, proof=proof) and (
        old.size < new.size or old.head == new.head
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object; raise BadProof when a name stands in it twice, once for each reader."""
    if len(dict(pairs)) != len(pairs):
        raise BadProof(NOT_WRITTEN_BY_US)
    return dict(pairs)


def _hex(hashes: Iterable[bytes]) -> list[str]:
    return [one.hex() for one in hashes]
