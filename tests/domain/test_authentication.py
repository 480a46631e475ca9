"""Signing in, staying signed in, and being kept from guessing."""

from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from app.domain import authentication, passwords, sign_ins, throttles
from app.domain.audit_trail import AuditAction, Provenance
from app.domain.authentication import (
    NO_MATCH,
    NotSignedIn,
)
from app.domain.secrets import hash_secret
from app.domain.sign_ins import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, HalfOpen, SignedIn
from app.domain.throttles import (
    FREE_FAILURES_PER_ACCOUNT,
    FREE_FAILURES_PER_ADDRESS,
    LONGEST_WAIT,
    SIGN_IN_WINDOW,
)
from app.storage import networks
from app.storage.admins import Admin
from tests import trail
from tests.cast import ADA, PASSWORD
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together, value

WRONG = "a wrong password"
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def sign_in(
    db: Session,
    now: datetime,
    *,
    email: str = ADA.email,
    password: str = PASSWORD,
    address: str = "192.0.2.7",
) -> SignedIn | HalfOpen | NotSignedIn:
    provenance = Provenance(address=address, user_agent="test", request_id="request-1")
    return authentication.sign_in(
        db, email=email, password=password, provenance=provenance, now=now
    )


def signed_in(db: Session, now: datetime) -> SignedIn:
    result = sign_in(db, now)
    assert isinstance(result, SignedIn)
    return result


def refusal(result: SignedIn | HalfOpen | NotSignedIn) -> NotSignedIn:
    assert isinstance(result, NotSignedIn)
    return result


def test_an_admin_signs_in(db: Session, ada: Admin, now: datetime) -> None:
    result = signed_in(db, now)
    assert (result.sign_in.admin, result.sign_in.started_at) == (ada, now)
    event = trail.only(db, AuditAction.SIGN_IN_SUCCEEDED)
    assert (event.actor_id, event.address) == ("ada", "192.0.2.7")


@pytest.mark.parametrize("email", ["ADA@EXAMPLE.COM", "Ada@Example.com"])
def test_the_case_of_the_address_does_not_matter(db: Session, now: datetime, email: str) -> None:
    assert isinstance(sign_in(db, now, email=email), SignedIn)


@pytest.mark.requirement("S1", "S2")
@fails_without(line(sign_ins.open_sign_in, "hash_secret(secret)", "secret"))
def test_each_sign_in_has_a_fresh_secret_that_is_kept_as_a_hash(db: Session, now: datetime) -> None:
    first, second = signed_in(db, now), signed_in(db, now)
    assert first.secret != second.secret
    assert len(first.secret) * 6 >= 128
    assert first.sign_in.secret_hash == hash_secret(first.secret)
    assert first.secret not in first.sign_in.secret_hash


@pytest.mark.requirement("S1")
@fails_without(
    together(
        line(sign_ins.open_sign_in, "hash_secret(secret)", "secret"),
        line(sign_ins.find, "hash_secret(secret)", "secret"),
    )
)
def test_the_secret_finds_the_sign_in(db: Session, now: datetime) -> None:
    result = signed_in(db, now)
    assert sign_ins.find(db, result.secret, now=now) is result.sign_in
    assert sign_ins.find(db, result.secret + "x", now=now) is None
    assert sign_ins.find(db, result.sign_in.secret_hash, now=now) is None


@pytest.fixture
def strangers(db: Session, ada: Admin) -> dict[str, tuple[str, str]]:
    """Everybody who cannot sign in, with what they type."""
    omar = db.get_one(Admin, "omar")
    omar.disabled_at = omar.created_at
    return {
        "unknown": ("nobody@example.com", PASSWORD),
        "wrong password": (ada.email, WRONG),
        "disabled": (omar.email, PASSWORD),
        "disabled, wrong password": (omar.email, WRONG),
        "nothing": ("", ""),
    }


@pytest.mark.requirement("S5")
@fails_without(
    line(authentication.sign_in, " or admin.is_disabled"),
    line(
        authentication.sign_in,
        "admin is None or not matches or admin.is_disabled",
        "admin is None or admin.is_disabled",
    ),
)
def test_whoever_cannot_sign_in_gets_one_and_the_same_answer(
    db: Session, now: datetime, strangers: dict[str, tuple[str, str]]
) -> None:
    answers = {
        refusal(sign_in(db, now, email=email, password=password))
        for email, password in strangers.values()
    }
    assert answers == {NotSignedIn(NO_MATCH)}


@pytest.mark.requirement("S5")
@fails_without(
    line(
        authentication.sign_in,
        "admin.password_hash if admin else passwords.nobodys_hash(), password",
        "admin.password_hash if admin else '', password",
    )
)
def test_a_password_is_hashed_whoever_it_is_for(
    db: Session,
    now: datetime,
    strangers: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same work, and so the same time; counting it cannot be unlucky as timing it can."""
    hashed = []
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, hash_: str, password: str) -> bool:
        hashed.append(hash_)
        return verify(hasher, hash_, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for email, password in strangers.values():
        sign_in(db, now, email=email, password=password)
    assert len(hashed) == len(strangers)
    assert all(hash_.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for hash_ in hashed)


@pytest.mark.requirement("L1", "L12")
def test_a_failure_is_recorded_without_the_password(db: Session, now: datetime) -> None:
    sign_in(db, now, password=WRONG)
    event = trail.only(db, AuditAction.SIGN_IN_FAILED)
    assert event.details == {"email": ADA.email, "admin_id": "ada", "why": "no_match"}
    assert (event.actor_kind, event.actor_id, event.outcome) == ("stranger", None, "refused")


@pytest.mark.requirement("L12")
@fails_without(line(authentication.record_failure, ' if "@" in email else ""'))
def test_a_password_typed_into_the_wrong_field_is_not_recorded(db: Session, now: datetime) -> None:
    sign_in(db, now, email=PASSWORD, password="")
    assert trail.only(db, AuditAction.SIGN_IN_FAILED).details["email"] == ""


@pytest.mark.requirement("L12")
@fails_without(line(authentication.record_failure, 'admin.id if admin else ""', '""'))
def test_a_failure_names_the_admin_whose_address_was_typed(db: Session, now: datetime) -> None:
    for email in (ADA.email.upper(), "nobody@example.com"):
        sign_in(db, now, email=email, password=WRONG)
    told = [event.details["admin_id"] for event in trail.events(db, AuditAction.SIGN_IN_FAILED)]
    assert told == ["ada", ""]


def fail(db: Session, now: datetime, times: int, **what: str) -> None:
    for _ in range(times):
        refusal(sign_in(db, now, password=WRONG, **what))


@pytest.mark.requirement("S6")
@fails_without(line(throttles.left, "run is None or run.count < free", "run is None"))
def test_a_few_failures_cost_nothing(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT - 1)
    assert isinstance(sign_in(db, now), SignedIn)


@pytest.mark.requirement("S6")
@fails_without(
    line(
        throttles.left,
        "min(timedelta(seconds=2**doublings), LONGEST_WAIT)",
        "timedelta(seconds=2**doublings)",
    )
)
def test_the_wait_doubles_with_each_further_failure(db: Session, now: datetime) -> None:
    waits = []
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    for _ in range(10):
        wait = refusal(sign_in(db, now)).retry_after
        waits.append(wait.total_seconds())
        now += wait
        fail(db, now, 1)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert LONGEST_WAIT.total_seconds() == 300


@pytest.mark.requirement("S6")
@fails_without(
    line(
        authentication.sign_in,
        "if throttled := throttle(db, admin, email=email, address=provenance.address, now=now)",
        "if throttled := None",
    )
)
def test_the_right_password_waits_as_long_as_a_wrong_one(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    right, wrong = sign_in(db, now), sign_in(db, now, password=WRONG)
    assert right == wrong == NotSignedIn("Too many attempts. Try again in 1 seconds.", SECOND)


@pytest.mark.requirement("S6")
@fails_without(line(throttles.left, "min(wait, run.at + wait - now)", "wait"))
def test_after_the_wait_the_right_password_is_good(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    assert isinstance(sign_in(db, now + SECOND), SignedIn)


@pytest.mark.requirement("S6")
@fails_without(
    line(
        authentication.sign_in,
        'record_failure(db, email, admin, "throttled", provenance, now)',
        "note_attempt(db, email=email, address=provenance.address, now=now)",
    )
)
def test_waiting_in_vain_does_not_make_the_wait_longer(db: Session, now: datetime) -> None:
    """A stranger can slow an admin down, never lock her out."""
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    for _ in range(20):
        sign_in(db, now, password=WRONG)
    assert refusal(sign_in(db, now)).retry_after == SECOND


@pytest.mark.requirement("L1", "S6")
@fails_without(line(throttles.is_told, """str(count).rstrip("0") == "1" """.strip(), "True"))
def test_whoever_does_not_wait_cannot_make_the_trail_grow(db: Session, now: datetime) -> None:
    """The first of a run is recorded, the tenth, the hundredth."""
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    for _ in range(120):
        sign_in(db, now, password=WRONG)
    told = [one.details for one in trail.events(db, AuditAction.SIGN_IN_THROTTLED)]
    assert [one["count"] for one in told] == [1, 10, 100]
    assert told[0] == {"email": ADA.email, "admin_id": "ada", "count": 1}
    assert len(trail.events(db)) == FREE_FAILURES_PER_ACCOUNT + 3


@pytest.mark.requirement("S6")
@fails_without(
    line(
        throttles.sign_in_wait,
        "if admin is not None and has_signed_in_from(db, admin.id, address)",
        "if False",
    )
)
def test_a_stranger_who_never_pauses_cannot_shut_an_admin_out_of_where_she_works(
    db: Session, now: datetime
) -> None:
    signed_in(db, now)
    fail(db, now, FREE_FAILURES_PER_ACCOUNT + 3, address="198.51.100.1")
    assert isinstance(sign_in(db, now), SignedIn)
    assert refusal(sign_in(db, now, address="203.0.113.9")).retry_after == SECOND


@pytest.mark.requirement("S6")
@fails_without(
    line(
        throttles.sign_in_wait,
        "return left(runs.get(here), FREE_FAILURES_PER_ACCOUNT, now=now)",
        "return timedelta(0)",
    )
)
def test_guesses_from_where_the_admin_works_wait_as_well(db: Session, now: datetime) -> None:
    signed_in(db, now)
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    assert refusal(sign_in(db, now)).retry_after == SECOND


@pytest.mark.requirement("S6")
@fails_without(line(throttles._sign_in_counters, "hash_secret(fold(email))", "''"))
def test_guesses_at_one_admin_do_not_slow_another(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT + 3)
    assert isinstance(sign_in(db, now, email="cy@example.com"), SignedIn)


@pytest.mark.requirement("S6")
@fails_without(
    line(
        throttles.sign_in_wait,
        "left(runs.get(anybody), FREE_FAILURES_PER_ADDRESS, now=now)",
        "timedelta(0)",
    )
)
def test_an_address_that_fails_with_many_names_waits_too(
    db: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The hashing is not what this is about.
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    for number in range(FREE_FAILURES_PER_ADDRESS):
        fail(db, now, 1, email=f"guess-{number}@example.com")
    assert refusal(sign_in(db, now, email="fresh@example.com")).retry_after == SECOND
    elsewhere = refusal(sign_in(db, now, email="fresh@example.com", address="198.51.100.1"))
    assert elsewhere == NotSignedIn(NO_MATCH)


@pytest.mark.requirement("S6")
@fails_without(
    line(
        throttles.sign_in_wait,
        "if admin is not None and has_signed_in_from(db, admin.id, address)",
        "if False",
    )
)
def test_a_stranger_beside_an_admin_shuts_nobody_out_who_works_there(
    db: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(db, now)
    with monkeypatch.context() as patched:
        patched.setattr(passwords, "matches", lambda *_: False)
        for number in range(FREE_FAILURES_PER_ADDRESS):
            fail(db, now, 1, email=f"guess-{number}@example.com")
    assert refusal(sign_in(db, now, email="cy@example.com")).retry_after == SECOND
    assert isinstance(sign_in(db, now), SignedIn)


@pytest.mark.requirement("S6")
@fails_without(line(networks.network, "parsed = _parsed(address)", "return address"))
def test_who_has_a_network_of_addresses_waits_as_with_one(
    db: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    for number in range(FREE_FAILURES_PER_ADDRESS):
        fail(db, now, 1, email=f"guess-{number}@example.com", address=f"2001:db8::{number:x}")
    there = refusal(sign_in(db, now, email="fresh@example.com", address="2001:db8::ffff"))
    beside = refusal(sign_in(db, now, email="fresh@example.com", address="2001:db8:0:1::1"))
    assert (there.retry_after, beside.retry_after) == (SECOND, timedelta(0))


@pytest.mark.requirement("S6")
@fails_without(line(networks.network, "parsed = _parsed(address)", "return address"))
@pytest.mark.parametrize(
    ("home", "today"),
    [("2001:db8::1", "2001:db8:0:0:ffff::2"), ("192.0.2.7", "::ffff:192.0.2.7")],
)
def test_another_address_of_the_same_network_is_where_she_works(
    db: Session, now: datetime, home: str, today: str
) -> None:
    assert isinstance(sign_in(db, now, address=home), SignedIn)
    fail(db, now, FREE_FAILURES_PER_ACCOUNT, address="198.51.100.1")
    assert isinstance(sign_in(db, now, address=today), SignedIn)
    assert refusal(sign_in(db, now, address="2001:db8:0:1::1")).retry_after == SECOND


@pytest.mark.requirement("S6")
@fails_without(
    line(
        authentication.sign_in,
        "if throttled := throttle(db, admin, email=email, address=provenance.address, now=now)",
        "if throttled := None",
    )
)
def test_an_unknown_address_is_throttled_like_a_known_one(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT, email="nobody@example.com")
    assert refusal(sign_in(db, now, email="nobody@example.com")).retry_after == SECOND


@pytest.mark.requirement("R5", "S6")
@fails_without(line(throttles.left, "min(wait, run.at + wait - now)", "run.at + wait - now"))
def test_a_wait_does_not_grow_when_the_clock_is_set_back(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    assert refusal(sign_in(db, now - MINUTE)).retry_after == SECOND


@pytest.mark.requirement("S6")
@fails_without(value(throttles, "SIGN_IN_WINDOW", 2 * SIGN_IN_WINDOW))
def test_failures_are_forgotten_after_a_quarter_of_an_hour(db: Session, now: datetime) -> None:
    fail(db, now, FREE_FAILURES_PER_ACCOUNT)
    later = now + SIGN_IN_WINDOW
    fail(db, later, FREE_FAILURES_PER_ACCOUNT - 1)
    assert isinstance(sign_in(db, later), SignedIn)


@pytest.mark.requirement("S3")
@fails_without(line(sign_ins.is_over, "now >= row.last_active_at + IDLE_TIMEOUT or "))
def test_a_sign_in_times_out_when_nobody_is_there(db: Session, now: datetime) -> None:
    secret = signed_in(db, now).secret
    assert sign_ins.find(db, secret, now=now + IDLE_TIMEOUT - SECOND)
    assert sign_ins.find(db, secret, now=now + IDLE_TIMEOUT) is None


@pytest.mark.requirement("S3")
@fails_without(line(sign_ins.is_over, " or now >= row.started_at + ABSOLUTE_TIMEOUT"))
def test_a_sign_in_ends_after_a_working_day_however_busy(db: Session, now: datetime) -> None:
    result = signed_in(db, now)
    result.sign_in.last_active_at = now + ABSOLUTE_TIMEOUT
    assert sign_ins.find(db, result.secret, now=now + ABSOLUTE_TIMEOUT - SECOND)
    assert sign_ins.find(db, result.secret, now=now + ABSOLUTE_TIMEOUT) is None


@pytest.mark.requirement("S3")
@fails_without(line(sign_ins.is_stale, " + ACTIVITY_RESOLUTION"))
def test_activity_is_noted_once_a_minute(db: Session, now: datetime) -> None:
    row = signed_in(db, now).sign_in
    assert not sign_ins.is_stale(row, now=now + 59 * SECOND)
    assert sign_ins.is_stale(row, now=now + 60 * SECOND)


@pytest.mark.requirement("S1")
@fails_without(
    line(sign_ins.is_over, "row.ended_at is not None or "),
    line(sign_ins.sign_out, "if row.ended_at is not None", "if False"),
)
def test_signing_out_ends_the_sign_in_at_once(db: Session, ada: Admin, now: datetime) -> None:
    result = signed_in(db, now)
    for _ in range(2):
        sign_ins.sign_out(db, result.sign_in, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert sign_ins.find(db, result.secret, now=now) is None
    event = trail.only(db, AuditAction.SIGN_IN_ENDED)
    assert event.details == {
        "why": "signed_out",
        "admin_id": ADA.id,
        "admin": ADA.email,
        "count": 1,
    }


@pytest.mark.requirement("S10")
@fails_without(line(sign_ins.sign_out, ' if by.id == row.admin_id else "ended_by_admin"'))
def test_a_sign_in_that_somebody_else_ends_says_so(db: Session, cy: Admin, now: datetime) -> None:
    row = signed_in(db, now).sign_in
    sign_ins.sign_out(db, row, by=cy, provenance=FROM_THE_OFFICE, now=now)
    event = trail.only(db, AuditAction.SIGN_IN_ENDED)
    assert (event.actor_id, event.details["why"]) == ("cy", "ended_by_admin")


@pytest.mark.requirement("S1")
@fails_without(line(sign_ins.is_over, " or row.admin.is_disabled"))
def test_a_disabled_admin_is_signed_out(db: Session, ada: Admin, now: datetime) -> None:
    result = signed_in(db, now)
    ada.disabled_at = now
    assert sign_ins.find(db, result.secret, now=now) is None


@pytest.mark.requirement("S7")
@fails_without(
    line(passwords.renewed, "if not _hasher.check_needs_rehash(password_hash)", "if True")
)
def test_an_older_hash_is_renewed_at_the_next_sign_in(
    db: Session, ada: Admin, now: datetime
) -> None:
    ada.password_hash = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    signed_in(db, now)
    assert ada.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    signed_in(db, now)


def test_a_hash_that_cannot_be_read_lets_nobody_in(db: Session, ada: Admin, now: datetime) -> None:
    ada.password_hash = "!"
    assert refusal(sign_in(db, now)) == NotSignedIn(NO_MATCH)
