"""Which events without words an erasure explains, and which one is the first that none does."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import erased_words
from app.domain.audit_trail import AuditAction
from app.domain.erased_words import ErasedWords
from app.storage.audit_chain import StoredEvent
from app.storage.audit_trail import canonical_json
from tests.twins import fails_without, line

pytestmark = pytest.mark.requirement("L12")

NOBODY = None


def event(number: int, *people: str | None, erases: object = None) -> StoredEvent:
    action = AuditAction.AUDIT_WORDS_ERASED if erases is not None else AuditAction.AUDIT_READ
    actor, subject, named = (*people, None, None, None)[:3]
    facts = {"person_id": erases, "events": 1} if erases is not None else {"admin_id": named}
    return StoredEvent(
        id=number,
        at=0,
        action=action,
        outcome="succeeded",
        actor_kind="system",
        actor_id=actor,
        subject_id=subject,
        account_id=None,
        impersonation_id=None,
        request_id="",
        facts=canonical_json(facts),
        words_digest=b"",
        previous_hash=b"",
        hash=b"",
        salt=None,
        words=None,
    )


def followed(events: Iterable[StoredEvent]) -> ErasedWords:
    words = ErasedWords()
    for one in events:
        if one.action == AuditAction.AUDIT_WORDS_ERASED:
            words.note_erasure(one)
        else:
            words.note(one)
    return words


@fails_without(line(erased_words._covers, "> number", "> 0"))
def test_an_erasure_explains_what_came_before_it_and_nothing_after() -> None:
    before = [event(1, "ada", "mia"), event(2, erases="mia")]
    assert followed(before).unexplained({}) is None
    assert followed([*before, event(3, "ada", "mia"), event(4, "ada", "mia")]).unexplained({}) == 3


@fails_without(line(erased_words._covers, "> number", "> 0"))
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_an_erasure_explains_nothing_later_in_whichever_run_it_is(cut: int) -> None:
    events = [event(1, "ada", "mia"), event(2, erases="mia"), event(3, "ada", "mia")]
    words = followed(events[:cut])
    words.join(followed(events[cut:]))
    assert words.unexplained({}) == 3


@fails_without(
    line(
        erased_words.people_of,
        "tuple(filter(None, (event.actor_id, event.subject_id, named)))",
        "(event.actor_id, event.subject_id, named)",
    )
)
@pytest.mark.parametrize("nobody", ["", [], {}, 0, False])
def test_the_erasure_of_nobody_explains_nothing(nobody: object) -> None:
    """Many an event has no subject, or no actor."""
    for people in ((NOBODY, NOBODY), ("ada", NOBODY), ("", ""), ("ada", "mia", "")):
        assert followed([event(1, *people), event(2, erases=nobody)]).unexplained({}) == 1
        assert followed([event(1, *people)]).unexplained({"": 2}) == 1


PEOPLE = st.sampled_from(["ada", "mia", "eve", NOBODY])
ERASES = st.sampled_from(["ada", "mia", None, None])
EVENTS = st.lists(st.tuples(ERASES, PEOPLE, PEOPLE, PEOPLE))


@given(EVENTS, st.integers(0, 20))
def test_the_first_unexplained_is_the_naive_one_however_the_trail_is_cut(
    rows: list[tuple[str | None, ...]], cut: int
) -> None:
    events = [
        event(number, *people, erases=erased)
        for number, (erased, *people) in enumerate(rows, start=1)
    ]
    erasures = [(number, row[0]) for number, row in enumerate(rows, start=1) if row[0]]
    naive = [
        one.id
        for one, row in zip(events, rows, strict=True)
        if row[0] is None
        and not any(number > one.id and person in row[1:] for number, person in erasures)
    ]
    words = followed(events[:cut])
    words.join(followed(events[cut:]))
    assert words.unexplained({}) == (naive[0] if naive else None)
