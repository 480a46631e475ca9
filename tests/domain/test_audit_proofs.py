"""A proof shows one event to somebody who has nothing but the public key, and no other event."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.domain import audit_following, audit_proofs
from app.domain.audit_proofs import BadProof, Checked, Proof, TrailProver
from app.domain.audit_scan import Finding, Tampered
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.domain.checkpoints import Checkpoint, VerifierKey
from app.domain.errors import Absent, Gone, Invalid
from app.storage import audit_chain
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from tests import cast
from tests.owner import as_owner, without_trigger
from tests.proving import Proven, proven
from tests.twins import fails_without, line, together, value

EVENTS, SIGNED = 12, (5, 9)
JSON = dict[str, Any]


@pytest.fixture
def trail(database: Database, key_folder: Path, tmp_path: Path, now: datetime) -> Proven:
    """Twelve events; after the fifth and the ninth a checkpoint was signed."""
    trail = proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    trail.record(5)
    trail.sign()
    trail.record(4)
    trail.sign()
    trail.record(3)
    return trail


def prove(trail: Proven, number: int, **arguments: Any) -> JSON:
    with trail.database.unit_of_work(writing=True) as db:
        return audit_proofs.prove_event(
            db,
            number,
            trail=trail.checkpoints,
            by="a test",
            provenance=OPERATOR,
            now=trail.now,
            **arguments,
        )


def prove_consistency(trail: Proven, old: int, new: int | None = None) -> JSON:
    with trail.database.unit_of_work(writing=False) as db:
        return audit_proofs.prove_consistency(db, old, new, trail=trail.checkpoints)


def check(trail: Proven, proof: JSON, kept: list[Checkpoint] | None = None) -> Checked:
    """Check a proof as somebody who was sent it."""
    return Proof.parse(json.dumps(proof)).check(trail.checkpoints.key.verifier, kept or [])


# One event.


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("number", "size"), [(1, 5), (5, 5), (5, 9), (9, 9), (1, None)])
def test_an_event_is_proved_against_a_checkpoint(
    trail: Proven, number: int, size: int | None
) -> None:
    proof = prove(trail, number, size=size)
    assert proof["event"]["id"] == number
    assert proof["tree_size"] == (size or SIGNED[-1])
    checked = check(trail, proof, kept=trail.kept)
    assert checked.good
    assert checked.sentence.startswith(f"Event {number} is in the trail of {proof['tree_size']}")


@pytest.mark.requirement("L10")
def test_an_event_that_no_checkpoint_covers_yet_gets_one(trail: Proven) -> None:
    proof = prove(trail, EVENTS)
    assert proof["tree_size"] == EVENTS
    assert check(trail, proof).good


@pytest.mark.requirement("L10")
def test_a_proof_shows_its_event_and_nothing_of_another(trail: Proven) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        details = {"page": "/audit", "filters": "text=Eve+Tanaka"}
        append(
            db,
            event(AuditAction.AUDIT_READ, now=trail.now, provenance=OPERATOR, details=details),
        )
    shown = json.dumps(prove(trail, EVENTS + 1))
    assert "Tanaka" in shown
    assert not [word for word in (cast.ADA.email, cast.MIA.email, "broken") if word in shown]


@pytest.mark.requirement("L10", "L12")
@fails_without(
    line(audit_proofs.prove_event, "if with_words else stored._replace(words=None, salt=None)")
)
def test_words_can_be_left_out_and_the_proof_holds(trail: Proven) -> None:
    proof = prove(trail, 3, with_words=False)
    assert (proof["event"]["words"], proof["event"]["salt"]) == (None, None)
    checked = check(trail, proof)
    assert checked.good
    assert checked.sentence.endswith("Its words are not shown.")


@pytest.mark.requirement("L13")
def test_giving_a_proof_away_is_recorded(trail: Proven) -> None:
    prove(trail, 3)
    with trail.database.unit_of_work(writing=False) as db:
        recorded = db.get_one(AuditEvent, EVENTS + 1)
    assert recorded.action == AuditAction.AUDIT_EXPORTED
    assert (recorded.details["format"], recorded.details["by"]) == ("proof", "a test")
    assert (recorded.details["first"], recorded.details["last"]) == (3, 3)


@pytest.mark.parametrize(
    ("number", "size", "error", "message"),
    [
        (99, None, Absent, "no event 99"),
        (0, None, Absent, "no event 0"),
        (-1, None, Absent, "no event -1"),
        (2**70, None, Absent, "no event"),
        (3, 7, Absent, "No checkpoint was signed at 7 events"),
        (3, 0, Absent, "No checkpoint"),
        (3, 2**70, Absent, "No checkpoint"),
        (8, 5, Invalid, "A trail of 5 events does not hold event 8"),
    ],
)
def test_what_cannot_be_proved_is_told_and_not_recorded(
    trail: Proven, number: int, size: int | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prove(trail, number, size=size)
    with trail.database.unit_of_work(writing=False) as db:
        assert audit_chain.head(db)[0] == EVENTS


@pytest.mark.requirement("L12")
def test_an_archived_event_is_where_its_archive_is(trail: Proven, database_url: str) -> None:
    details = {"first": 1, "last": 4, "file": "events-1-4.zip", "sha256": ""}
    with trail.database.unit_of_work(writing=True) as db:
        append(
            db,
            event(AuditAction.AUDIT_ARCHIVED, now=trail.now, provenance=OPERATOR, details=details),
        )
    with as_owner(database_url) as db:
        db.execute(text("DELETE FROM audit_events WHERE id <= 4"))
    with pytest.raises(Gone, match=r"Event 3 has been archived: it is in events-1-4\.zip"):
        prove(trail, 3)


@pytest.mark.requirement("L10")
@fails_without(
    line(
        TrailProver.prove,
        "if finding := wrong_with(event, proof, self.checkpoint)",
        "if finding := None",
    )
)
def test_no_proof_is_given_of_what_was_tampered_with(trail: Proven, database_url: str) -> None:
    with as_owner(database_url) as db:
        without_trigger(db, "audit_events", "audit_events_no_update")
        db.execute(text("UPDATE audit_events SET outcome = 'failed' WHERE id = 3"))
    with pytest.raises(Tampered) as raised:
        prove(trail, 3)
    assert raised.value.finding == Finding("changed", 3, 3)


@pytest.mark.requirement("L10", "L12")
@fails_without(line(audit_proofs.prove_event, "Explanations(checkpoint.size).check(db, [stored])"))
def test_no_proof_is_given_of_an_event_whose_words_were_stolen(
    trail: Proven, database_url: str
) -> None:
    """It would look as if they had not been asked for."""
    with as_owner(database_url) as db:
        without_trigger(db, "audit_words", "audit_words_no_delete")
        db.execute(text("DELETE FROM audit_words WHERE event_id = 3"))
    with pytest.raises(Tampered) as raised:
        prove(trail, 3)
    assert raised.value.finding == Finding("words_missing", 3, 3)


def by_hand(proof: JSON | str, key: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a proof with the program in docs/, which knows nothing of ours."""
    written = proof if isinstance(proof, str) else json.dumps(proof)
    (folder / "proof.json").write_text(written, encoding="utf-8")
    program = Path(__file__).parents[2] / "docs" / "check_proof.py"
    command = [sys.executable, "-I", str(program), str(folder / "proof.json"), str(key)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.requirement("L10")
def test_a_proof_can_be_checked_by_hand(trail: Proven, tmp_path: Path) -> None:
    key = trail.checkpoints.key.verifier
    for proof in (prove(trail, 3), prove(trail, 9), prove(trail, 3, with_words=False)):
        checked = by_hand(proof, key, tmp_path)
        assert checked.stdout.startswith("Good"), checked.stderr
        # What it covers is told, so that nobody reads it from the file.
        assert '"impersonation.refused"' in checked.stdout
        assert ("template is broken" in checked.stdout) is bool(proof["event"]["words"])


DOUBLED: dict[str, tuple[str, str]] = {
    "an outcome": ('"outcome": "succeeded"', '"outcome": "failed", "outcome": "succeeded"'),
    "a word": ('"words": {', '"words": {"reason": "What one reader shows", '),
    "a fact": ('"facts": {', '"facts": {"why": "oneself", '),
    "an event": ('"event": {', '"event": {}, "event": {'),
}


@pytest.mark.requirement("L10")
@fails_without(line(audit_proofs._unique, "if len(dict(pairs)) != len(pairs)", "if False"))
@pytest.mark.parametrize(("old", "new"), DOUBLED.values(), ids=DOUBLED)
def test_a_name_that_stands_there_twice_is_refused(
    trail: Proven, tmp_path: Path, old: str, new: str
) -> None:
    """One reader would see the first, another the second."""
    written = json.dumps(prove(trail, 3))
    assert old in written
    forged = written.replace(old, new, 1)
    checked = by_hand(forged, trail.checkpoints.key.verifier, tmp_path)
    assert checked.returncode == 1
    assert "stands there twice" in checked.stderr
    with pytest.raises(BadProof):
        Proof.parse(forged)


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda proof: proof["event"].update(outcome="failed"), "the event"),
        (lambda proof: proof["event"]["words"].update(reason="None"), "the words"),
        (lambda proof: proof["proof"].reverse(), "the root"),
        (lambda proof: proof["event"].update(id=4), "the event"),
        (lambda proof: proof.update(tree_size=10), "the size"),
        (lambda proof: proof.update(checkpoint=proof["checkpoint"].replace("9", "8")), "Invalid"),
        # Beside what is covered, or in place of it, stands something else.
        (lambda proof: proof["event"].update(reason="I read your mail"), "members of the event"),
        (lambda proof: proof["event"].pop("salt"), "members of the event"),
        (lambda proof: proof.update(words={"reason": "x"}), "members of the proof"),
        (lambda proof: proof.update(format="another"), "the format"),
        (lambda proof: proof["event"].update(words=None), "the words"),
        (lambda proof: proof["event"].update(salt=None), "the words"),
        (lambda proof: proof["event"].update(id="3"), "a number"),
        (lambda proof: proof.update(leaf_index=2.0), "a number"),
        (
            lambda proof: proof["event"].update(at=proof["event"]["at"].replace("+00:00", "Z")),
            "the time",
        ),
    ],
)
def test_a_false_proof_is_found_by_hand(
    trail: Proven, tmp_path: Path, change: Callable[[JSON], object], what: str
) -> None:
    proof = prove(trail, 3)
    change(proof)
    checked = by_hand(proof, trail.checkpoints.key.verifier, tmp_path)
    assert checked.returncode == 1
    assert what in checked.stderr


# Two checkpoints.


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("old", "new"), [(5, 9), (5, 5), (5, None), (9, None)])
def test_the_trail_has_only_grown(trail: Proven, old: int, new: int | None) -> None:
    checked = check(trail, prove_consistency(trail, old, new), kept=trail.kept)
    assert checked.good
    assert checked.sentence.startswith(f"The trail of {new or 9} events")


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        (4, None, Absent, "No checkpoint was signed at 4 events"),
        (5, 8, Absent, "No checkpoint was signed at 8 events"),
        (0, None, Absent, "No checkpoint"),
        (2**70, None, Absent, "No checkpoint"),
        (9, 5, Invalid, "cannot begin with 9 events"),
    ],
)
def test_sizes_without_a_checkpoint_are_told(
    trail: Proven, old: int, new: int | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prove_consistency(trail, old, new)


@pytest.mark.requirement("L10")
@fails_without(
    line(
        audit_proofs._grown,
        "extends(new.root, size=new.size, old_root=old.root, old_size=old.size, proof=proof)",
        "True",
    )
)
def test_a_trail_that_was_signed_twice_over_does_not_extend_itself(
    trail: Proven, tmp_path: Path
) -> None:
    """Whoever has the key can sign another history, but not connect it to the first."""
    proof = prove_consistency(trail, 5, 9)
    key, mine = trail.checkpoints.key, trail.kept[0]
    proof["old_checkpoint"] = key.sign(replace(mine, root=bytes(32)))
    checked = check(trail, proof)
    assert not checked.good
    assert "does not show" in checked.sentence


@pytest.mark.requirement("L10")
@fails_without(
    together(
        line(audit_proofs._grown, "old.size < new.size or old.head == new.head", "True"),
        line(audit_following.agreed, "if (other.root, other.head) != (one.root, one.head)", "if 0"),
    )
)
def test_one_size_with_two_last_events_is_no_growth(trail: Proven) -> None:
    proof = prove_consistency(trail, 5, 5)
    key, mine = trail.checkpoints.key, trail.kept[0]
    proof["old_checkpoint"] = key.sign(replace(mine, head=bytes(32)))
    assert not check(trail, proof).good


# What a proof must not be taken for.


def put(*path: Any, to: Any) -> Callable[[JSON], object]:
    def change(proof: JSON) -> None:
        *way, last = path
        place: Any = proof
        for step in way:
            place = place[step]
        place[last] = to

    return change


FALSE: dict[str, Callable[[JSON], object]] = {
    "another outcome": put("event", "outcome", to="failed"),
    "another number": lambda proof: (
        proof["event"].update(id=4),
        proof.update(leaf_index=3),
    ),
    "other words": put("event", "words", "reason", to="None at all"),
    "another salt": put("event", "salt", to="00" * 16),
    "another hash in the proof": put("proof", 0, to="00" * 32),
    "a shorter proof": lambda proof: proof["proof"].pop(),
    "a longer proof": lambda proof: proof["proof"].append("00" * 32),
    "another checkpoint": lambda proof: put(
        "checkpoint", to=proof["checkpoint"].replace("\n9\n", "\n8\n")
    )(proof),
}
NO_PROOF: dict[str, Callable[[JSON], object]] = {
    "another index": put("leaf_index", to=3),
    "another size": put("tree_size", to=8),
    "something beside it": put("event", "note", to="She was asked to."),
    "something at its side": put("note", to="She was asked to."),
    "words without their salt": put("event", "salt", to=None),
    "a proof that is a text": put("proof", to="00" * 32),
    "no hexadecimal": put("proof", 0, to="zz"),
    "no event": put("event", to=[]),
    "no checkpoint": put("checkpoint", to=7),
    "no key": put("key", to=""),
    "another format": put("format", to="understudy/audit-inclusion-proof/v9"),
    "a field less": lambda proof: proof.pop("tree_size"),
}


@pytest.mark.requirement("L10")
@fails_without(
    together(
        line(
            audit_proofs.Proof._check_inclusion, "wrong_with(stored, self._proof, checkpoint) or "
        ),
        line(audit_proofs.Proof._check_inclusion, " or places != (stored.id - 1, checkpoint.size)"),
        value(VerifierKey, "has_signed", lambda *_: True),
    )
)
@pytest.mark.parametrize("change", FALSE.values(), ids=FALSE)
def test_a_false_proof_shows_nothing(trail: Proven, change: Callable[[JSON], object]) -> None:
    proof = prove(trail, 3)
    changed = copy.deepcopy(proof)
    change(changed)
    assert changed != proof
    assert not check(trail, changed).good


@pytest.mark.requirement("L10")
@pytest.mark.parametrize("change", NO_PROOF.values(), ids=NO_PROOF)
def test_what_is_written_otherwise_is_no_proof(
    trail: Proven, change: Callable[[JSON], object]
) -> None:
    proof = prove(trail, 3)
    change(proof)
    with pytest.raises(BadProof):
        check(trail, proof)


@pytest.mark.parametrize(
    "written", ["", "null", "7", "[]", "{}", '{"format": []}', "{" * 9999, "[" * 99999, "\ud800"]
)
def test_any_other_text_is_no_proof(written: str) -> None:
    with pytest.raises(BadProof):
        Proof.parse(written)


@pytest.mark.requirement("L8", "L10")
@fails_without(
    line(audit_following.agreed, "if (other.root, other.head) != (one.root, one.head)", "if False")
)
@pytest.mark.parametrize(
    "made", [lambda trail: prove(trail, 3, size=9), lambda trail: prove_consistency(trail, 5)]
)
def test_a_checkpoint_from_elsewhere_contradicts_another_history(
    trail: Proven, made: Callable[[Proven], JSON]
) -> None:
    other = replace(trail.kept[-1], root=bytes(32))
    checked = check(trail, made(trail), kept=[other])
    assert not checked.good
    assert "Two different histories" in checked.sentence
