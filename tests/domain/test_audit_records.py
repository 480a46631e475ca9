"""An event as other programs get it: whoever has the record has all that its hash covers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.audit_records import BadRecord, as_line, as_record, from_record
from app.storage.audit_chain import GENESIS, StoredEvent, event_hash, words_digest
from app.storage.audit_trail import canonical_json
from tests.domain.test_audit_csv import event

TEXTS = st.text(st.characters(exclude_categories=()))
VALUES = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS)


@pytest.mark.requirement("L7", "X4")
@given(words=VALUES, facts=VALUES)
def test_a_record_is_one_line_and_comes_back_as_it_was(
    words: dict[str, Any], facts: dict[str, Any]
) -> None:
    stored = event(words)._replace(facts=canonical_json(facts))
    line = as_line(stored)
    assert line.isascii()
    assert line.isprintable()
    back = from_record(json.loads(line))
    assert back == stored
    assert hashes(back) == hashes(stored)


def hashes(one: StoredEvent) -> tuple[bytes, bytes]:
    digest = words_digest(one.salt or b"", one.words or "")
    return digest, event_hash(one.hashed_fields, words_digest=digest, previous_hash=GENESIS)


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.requirement("L7")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "7"),
        ("id", 7.0),
        ("id", True),
        ("at", 7),
        ("at", "yesterday"),
        ("at", "2026-03-02T09:00:00"),
        ("hash", "zz"),
        ("hash", None),
        ("salt", None),
        ("salt", 7),
        ("words", None),
        ("facts", float("nan")),
        ("facts", DEEP),
    ],
)
def test_what_is_no_record_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadRecord):
        from_record(as_record(event({"reason": "x"})) | {name: value})


@pytest.mark.parametrize("name", as_record(event({})))
def test_a_record_has_every_field(name: str) -> None:
    fewer = {other: value for other, value in as_record(event({})).items() if other != name}
    with pytest.raises(BadRecord):
        from_record(fewer)
