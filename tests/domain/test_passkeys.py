"""Passkeys: made, proved, and good for what they were asked, once (S8)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import cbor2
import pytest
from sqlalchemy.orm import Session

from app.domain import (
    company_accounts,
    factors,
    passkey_challenges,
    passkeys,
    second_step,
)
from app.domain.audit_trail import AuditAction
from app.domain.authentication import NotSignedIn, note_attempt
from app.domain.company_rules import BY_COMPANY_ALONE, NO_COMPANY, CompanyRules
from app.domain.errors import Conflict
from app.domain.factors import Lock
from app.domain.passkey_challenges import LIFETIME, MOST_CHALLENGES, Question
from app.domain.passkeys import RelyingParty
from app.domain.sign_ins import SignedIn, open_sign_in
from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT, FREE_FAILURES_PER_ADDRESS
from app.storage.admins import Admin
from app.storage.factors import Factor, Purpose, factors_of
from tests import trail
from tests.devices import PRESENT, Passkey
from tests.factories import FROM_THE_OFFICE
from tests.twins import each_fails_without, fails_without, line, together

ENROLMENT = Question(Purpose.ENROLMENT, "ada's sign-in")
Prove = Callable[..., SignedIn | NotSignedIn]


@pytest.fixture
def passkey(lock: Lock) -> Passkey:
    return Passkey(lock.site.origin)


def make(
    db: Session, ada: Admin, passkey: Passkey, *, lock: Lock, now: datetime
) -> passkeys.NewPasskey | None:
    options = passkeys.ask_to_make(
        db, lock.site, ada, ENROLMENT, known=(), address="192.0.2.7", now=now
    )
    answer = passkey.make(options)
    return passkeys.made(db, lock.site, ENROLMENT, answer, now=now)


@pytest.fixture
def factor(db: Session, ada: Admin, passkey: Passkey, lock: Lock, now: datetime) -> Factor:
    made = make(db, ada, passkey, lock=lock, now=now)
    assert made is not None
    row = open_sign_in(db, ada, method="password", provenance=FROM_THE_OFFICE, now=now).sign_in
    factors.add_passkey(db, row, name="Laptop", made=made, provenance=FROM_THE_OFFICE, now=now)
    (factor,) = factors_of(db, ada.id)
    return factor


@pytest.fixture
def prove(db: Session, passkey: Passkey, factor: Factor, lock: Lock, now: datetime) -> Prove:
    """Sign in with the passkey alone, `later` than it was asked for."""

    def prove(
        *,
        later: timedelta = timedelta(0),
        question: Question | None = None,
        company: CompanyRules = NO_COMPANY,
    ) -> object:
        asked = question or second_step.ANYBODYS_PASSKEY
        options = passkeys.ask(db, lock.site, asked, address="192.0.2.7", now=now)
        answer = passkey.prove(options)
        return second_step.sign_in_by_passkey(
            db, answer, lock=lock, company=company, provenance=FROM_THE_OFFICE, now=now + later
        )

    return prove  # type: ignore[return-value]


@pytest.mark.requirement("S8")
def test_a_passkey_is_good_as_the_only_factor(prove: Prove, ada: Admin, now: datetime) -> None:
    result = prove()
    assert isinstance(result, SignedIn)
    assert (result.sign_in.admin, result.sign_in.verified_at) == (ada, now)
    assert result.sign_in.method == "passkey"


def test_it_is_asked_to_be_resident_and_to_see_who_it_is(
    db: Session, ada: Admin, lock: Lock, factor: Factor, now: datetime
) -> None:
    asked = json.loads(
        passkeys.ask_to_make(
            db, lock.site, ada, ENROLMENT, known=[factor], address="192.0.2.7", now=now
        )
    )
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert [one["id"] for one in asked["excludeCredentials"]] == [factor.credential_id]
    assert asked["rp"]["id"] == "localhost"


WRONG: dict[str, Callable[[Passkey], object]] = {
    "another site": lambda one: setattr(one, "origin", "https://evil.example"),
    "another host": lambda one: setattr(one, "rp_id", "evil.example"),
    "nobody verified": lambda one: setattr(one, "flags", PRESENT),
    "another key": lambda one: setattr(one, "key", Passkey("").key),
    "unknown": lambda one: setattr(one, "id", b"somebody else's"),
}


@pytest.mark.requirement("S8")
@each_fails_without(
    "wrong",
    {
        # The first time is the good one.
        "another host": line(
            passkeys.proved,
            "expected_rp_id=site.id",
            "expected_rp_id='evil.example' if found.sign_count else site.id",
        ),
        # The library's own checks, and nothing to look up.
        "another key": None,
        "unknown": None,
    },
)
def test_a_wrong_answer_signs_nobody_in(
    db: Session, prove: Prove, passkey: Passkey, wrong: str
) -> None:
    assert isinstance(prove(), SignedIn)
    WRONG[wrong](passkey)
    assert isinstance(prove(), NotSignedIn)
    event = trail.only(db, AuditAction.SIGN_IN_FAILED)
    assert event.details["why"] == "wrong_passkey"


@pytest.mark.requirement("S8")
@fails_without(
    line(passkeys.proved, "expected_origin=site.origin", "expected_origin=['https://evil.example']")
)
def test_an_answer_that_another_site_got_is_none(prove: Prove, passkey: Passkey) -> None:
    passkey.origin = "https://evil.example"
    assert isinstance(prove(), NotSignedIn)


@pytest.mark.requirement("S8")
@fails_without(line(passkeys.proved, "verification=True", "verification=False"))
def test_a_passkey_that_has_not_seen_who_it_is_proves_nothing(
    prove: Prove, passkey: Passkey
) -> None:
    passkey.flags = PRESENT
    assert isinstance(prove(), NotSignedIn)


@pytest.mark.requirement("S8")
@fails_without(line(passkeys.proved, "found.sign_count or 0", "0"))
def test_a_passkey_that_counts_backwards_was_copied(prove: Prove, passkey: Passkey) -> None:
    assert isinstance(prove(), SignedIn)
    passkey.count = 0
    assert isinstance(prove(), NotSignedIn)


@pytest.mark.requirement("S8")
@each_fails_without(
    "wrong",
    {
        "another site": line(
            passkeys.made,
            "expected_origin=site.origin",
            "expected_origin=['https://evil.example']",
        ),
        "another host": line(
            passkeys.made, "expected_rp_id=site.id", "expected_rp_id='evil.example'"
        ),
        "nobody verified": line(passkeys.made, "verification=True", "verification=False"),
    },
)
def test_a_wrong_answer_makes_no_passkey(
    db: Session, ada: Admin, passkey: Passkey, lock: Lock, now: datetime, wrong: str
) -> None:
    WRONG[wrong](passkey)
    assert make(db, ada, passkey, lock=lock, now=now) is None


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(
        second_step.sign_in_by_passkey,
        "owner = db.get_one(Admin, claimed.admin_id) if claimed else None",
        "owner = None",
    )
)
def test_a_stranger_beside_an_admin_keeps_no_passkey_waiting(
    db: Session, prove: Prove, lock: Lock, now: datetime
) -> None:
    assert isinstance(prove(), SignedIn)
    waits = [
        second_step.sign_in_by_passkey(db, "x", lock=lock, provenance=FROM_THE_OFFICE, now=now)
        for _ in range(FREE_FAILURES_PER_ACCOUNT + 1)
    ]
    assert isinstance(waits[-1], NotSignedIn)
    assert waits[-1].retry_after
    for number in range(FREE_FAILURES_PER_ADDRESS):
        note_attempt(db, email=f"{number}@example.com", address="192.0.2.7", now=now)
    assert isinstance(prove(), SignedIn)


@pytest.mark.requirement("S8")
@fails_without(line(passkey_challenges.consume, "PasskeyChallenge.used_at.is_(None),"))
def test_an_answer_is_good_once(
    db: Session, passkey: Passkey, factor: Factor, lock: Lock, now: datetime
) -> None:
    options = passkeys.ask(
        db, lock.site, second_step.ANYBODYS_PASSKEY, address="192.0.2.7", now=now
    )
    # An authenticator that does not count, as those do that are on several devices.
    passkey.count = -1
    answer = passkey.prove(options)
    results = [
        second_step.sign_in_by_passkey(db, answer, lock=lock, provenance=FROM_THE_OFFICE, now=now)
        for _ in range(2)
    ]
    assert [type(result) for result in results] == [SignedIn, NotSignedIn]


@pytest.mark.requirement("S8")
@fails_without(line(passkey_challenges.consume, "PasskeyChallenge.good_until > now,"))
def test_an_answer_is_good_for_minutes(prove: Prove) -> None:
    assert isinstance(prove(later=LIFETIME), NotSignedIn)


@pytest.mark.requirement("S11")
@fails_without(
    line(
        second_step.sign_in_by_passkey,
        "if company.shuts_out(db, admin, by_factor=True)",
        "if False",
    )
)
def test_a_passkey_is_no_way_around_whoever_gives_out_the_roles(
    db: Session, ada: Admin, prove: Prove, now: datetime
) -> None:
    rules = CompanyRules(issuer="https://id.example.com", strong_amr=frozenset({"mfa"}))
    company_accounts.link(
        db,
        ada,
        issuer=rules.issuer,
        subject="s-1",
        by=None,
        provenance=FROM_THE_OFFICE,
        now=now,
    )
    refused = prove(company=replace(rules, role_claim="groups"))
    assert refused == NotSignedIn(BY_COMPANY_ALONE)
    assert isinstance(prove(company=rules), SignedIn)


@pytest.mark.requirement("S8")
@fails_without(
    together(
        line(passkey_challenges.consume, "PasskeyChallenge.purpose == question.purpose,"),
        line(passkey_challenges.consume, "PasskeyChallenge.holder_id == question.holder_id,"),
    )
)
@pytest.mark.parametrize("purpose", [Purpose.SECOND_STEP, Purpose.STEP_UP])
def test_an_answer_to_another_question_is_none(prove: Prove, purpose: Purpose) -> None:
    assert isinstance(prove(question=Question(purpose, "ada's sign-in")), NotSignedIn)


@fails_without(line(passkey_challenges.consume, "if used else None"))
def test_an_answer_to_nothing_is_none(
    db: Session, passkey: Passkey, factor: Factor, lock: Lock, now: datetime
) -> None:
    answer = passkey.prove(json.dumps({"challenge": "bm90IGFza2Vk"}))
    result = second_step.sign_in_by_passkey(
        db, answer, lock=lock, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(result, NotSignedIn)


NONSENSE = [
    *("", "x", "null", "[]", "{}", "1", '"x"', "{", "\0", "[" * 10_000, "x" * 20_000),
    '{"id": 1, "response": {"clientDataJSON": 5}}',
    '{"response": {"clientDataJSON": "é"}}',
    '{"response": {"clientDataJSON": "bnVsbA"}}',
    '{"response": {"clientDataJSON": "A"}}',
    '{"response": {"clientDataJSON": "eyJjaGFsbGVuZ2UiOiAxfQ"}}',
]


def test_nonsense_proves_nothing(db: Session, lock: Lock, now: datetime) -> None:
    asked = second_step.ANYBODYS_PASSKEY
    for answer in NONSENSE:
        assert passkeys.proved(db, lock.site, asked, answer, now=now) is None
        assert passkeys.made(db, lock.site, asked, answer, now=now) is None


@pytest.mark.requirement("S1")
@fails_without(line(second_step.sign_in_by_passkey, " or admin.is_disabled"))
def test_a_disabled_admins_passkey_signs_nobody_in(prove: Prove, ada: Admin, now: datetime) -> None:
    ada.disabled_at = now
    assert isinstance(prove(), NotSignedIn)


def test_nobody_asks_for_ever(db: Session, lock: Lock, now: datetime) -> None:
    def ask() -> None:
        passkeys.ask(db, lock.site, second_step.ANYBODYS_PASSKEY, address="192.0.2.7", now=now)

    for _ in range(MOST_CHALLENGES):
        ask()
    with pytest.raises(Conflict, match="Too many"):
        ask()


@pytest.mark.requirement("S6")
@fails_without(line(passkey_challenges.issue, "question.holder_id or "))
def test_strangers_keep_nobody_who_is_known_from_asking(
    db: Session, lock: Lock, now: datetime
) -> None:
    def ask(question: Question, address: str) -> None:
        passkeys.ask(db, lock.site, question, address=address, now=now)

    hers = Question(Purpose.STEP_UP, "ada's sign-in")
    for number in range(MOST_CHALLENGES):
        ask(second_step.ANYBODYS_PASSKEY, f"2001:db8::{number:x}")
    with pytest.raises(Conflict):
        ask(second_step.ANYBODYS_PASSKEY, "2001:db8::ffff")
    for number in range(MOST_CHALLENGES):
        ask(hers, f"192.0.2.{number}")
    with pytest.raises(Conflict):
        ask(hers, "2001:db8::1")


@pytest.mark.parametrize(
    ("origin", "there_are_some"),
    [("http://localhost:8000", True), ("http://127.0.0.1:8000", False), ("http://[::1]", False)],
)
def test_a_bare_address_has_no_passkeys(origin: str, *, there_are_some: bool) -> None:
    assert RelyingParty(origin).has_passkeys is there_are_some


def changed(answer: str, *, value: object, names: tuple[str, ...]) -> str:
    """The answer with another value under these names."""
    whole = json.loads(answer)
    inside = whole
    for name in names[:-1]:
        inside = inside[name]
    inside[names[-1]] = value
    return json.dumps(whole)


WHERE = [
    *[("id",), ("rawId",), ("type",), ("response", "signature"), ("response", "userHandle")],
    *[("response", "authenticatorData"), ("response", "attestationObject")],
]
BROKEN: list[object] = [None, 5, "", "A", "é", "\0", [], {}, "A" * 400]
# What the one answer holds and the other does not.
ONLY_MADE, ONLY_PROVED = {"attestationObject"}, {"signature", "authenticatorData"}


@pytest.mark.parametrize("names", WHERE, ids=lambda names: names[-1])
def test_an_answer_that_is_broken_inside_is_none(
    db: Session,
    ada: Admin,
    passkey: Passkey,
    factor: Factor,
    lock: Lock,
    now: datetime,
    names: tuple[str, ...],
) -> None:
    asked = second_step.ANYBODYS_PASSKEY
    here: dict[str, Any] = {"address": "192.0.2.7", "now": now}
    for value in BROKEN:
        options = passkeys.ask(db, lock.site, asked, **here)
        answer = changed(passkey.prove(options), value=value, names=names)
        proved = passkeys.proved(db, lock.site, asked, answer, now=now)
        assert proved is None or names[-1] in {"userHandle", *ONLY_MADE}
        options = passkeys.ask_to_make(db, lock.site, ada, ENROLMENT, known=(), **here)
        answer = changed(passkey.make(options), value=value, names=names)
        made = passkeys.made(db, lock.site, ENROLMENT, answer, now=now)
        assert made is None or names[-1] in {"userHandle", *ONLY_PROVED}


@pytest.mark.parametrize(
    "key", [{}, {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}, {1: 5}, {1: 2, 3: -7}]
)
def test_a_key_that_nobody_could_prove_is_not_taken(
    db: Session, ada: Admin, lock: Lock, now: datetime, key: dict[int, object]
) -> None:
    class Broken(Passkey):
        def public_key(self) -> bytes:
            broken: bytes = cbor2.dumps(key)
            return broken

    assert make(db, ada, Broken(lock.site.origin), lock=lock, now=now) is None
