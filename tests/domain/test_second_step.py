"""The second step: what a password alone opens, and what the factor has to be (S8)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import (
    authentication,
    factor_throttles,
    factors,
    passkeys,
    recovery_codes,
    second_step,
    sign_ins,
    totp,
)
from app.domain.alerts import RULES, AlertKind
from app.domain.audit_trail import AuditAction
from app.domain.authentication import NotSignedIn
from app.domain.factor_throttles import FREE_CODES, WAIT_FOR_CODES
from app.domain.factors import Answer, Lock
from app.domain.secrets import hash_secret
from app.domain.sign_ins import HALF_OPEN, HalfOpen, Method, SignedIn, open_sign_in
from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT, LONGEST_WAIT
from app.storage.admins import Admin
from tests import trail
from tests.cast import ADA, PASSWORD
from tests.devices import App, add_app, add_passkey
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line, together, value

STEP = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


@pytest.fixture
def app(db: Session, ada: Admin, lock: Lock, now: datetime) -> App:
    return add_app(db, ada.id, lock=lock, now=now)


@pytest.fixture
def half_open(db: Session, app: App, now: datetime) -> HalfOpen:
    return begin(db, now)


def begin(db: Session, now: datetime) -> HalfOpen:
    result = authentication.sign_in(
        db, email=ADA.email, password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(result, HalfOpen)
    return result


def finish(
    db: Session, half_open: HalfOpen, code: str, *, lock: Lock, now: datetime
) -> SignedIn | NotSignedIn:
    row = half_open.sign_in
    return second_step.finish(db, row, Answer(code), lock=lock, provenance=FROM_THE_OFFICE, now=now)


@pytest.mark.requirement("S8")
@pytest.mark.failure("X23")
@fails_without(line(sign_ins.begin, "if not has_factors(db, admin.id)", "if True"))
def test_a_password_opens_nothing_but_the_second_step(db: Session, app: App, now: datetime) -> None:
    half_open = begin(db, now)
    assert sign_ins.find(db, half_open.secret, now=now) is None
    assert second_step.find(db, half_open.secret, now=now) is half_open.sign_in
    assert trail.actions(db) == [AuditAction.SIGN_IN_BEGUN]


@pytest.mark.requirement("S8")
def test_a_code_finishes_it(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    result = finish(db, half_open, app.code(now), lock=lock, now=now)
    assert isinstance(result, SignedIn)
    assert sign_ins.find(db, result.secret, now=now) is result.sign_in
    assert (result.sign_in.method, result.sign_in.verified_at) == ("password+totp", now)
    event = trail.only(db, AuditAction.SIGN_IN_SUCCEEDED)
    assert event.details == {"proof": "password+totp"}


@pytest.mark.requirement("S8")
@fails_without(
    line(second_step.finish, "row.closed_at = now"),
    together(
        line(second_step.finish, "if row.closed_at is not None", "if False"),
        line(second_step.find, "row.closed_at is not None or "),
    ),
)
def test_it_can_be_finished_once(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    finish(db, half_open, app.code(now), lock=lock, now=now)
    again = finish(db, half_open, app.code(now + STEP), lock=lock, now=now)
    assert isinstance(again, NotSignedIn)
    assert second_step.find(db, half_open.secret, now=now) is None


@pytest.mark.requirement("S8")
@fails_without(line(second_step.find, "now >= row.good_until or "))
def test_it_waits_for_minutes_only(db: Session, half_open: HalfOpen, now: datetime) -> None:
    assert second_step.find(db, half_open.secret, now=now + HALF_OPEN - SECOND)
    assert second_step.find(db, half_open.secret, now=now + HALF_OPEN) is None


@pytest.mark.requirement("S1")
@fails_without(line(second_step.find, " or row.admin.is_disabled"))
def test_it_is_over_when_the_admin_is_disabled(
    db: Session, ada: Admin, half_open: HalfOpen, now: datetime
) -> None:
    ada.disabled_at = now
    assert second_step.find(db, half_open.secret, now=now) is None


@pytest.mark.requirement("S8")
@fails_without(
    line(factors._take_step, ", Factor.last_step < step"),
    line(factors._take_step, "Factor.last_step < step", "Factor.last_step != step"),
)
def test_a_code_is_good_once(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    code = app.code(now)
    assert isinstance(finish(db, half_open, code, lock=lock, now=now), SignedIn)
    again = begin(db, now)
    assert isinstance(finish(db, again, code, lock=lock, now=now), NotSignedIn)
    # Nor one that was shown before it.
    assert isinstance(finish(db, again, app.code(now - STEP), lock=lock, now=now), NotSignedIn)
    assert isinstance(finish(db, again, app.code(now + STEP), lock=lock, now=now), SignedIn)


@pytest.mark.requirement("S8")
@pytest.mark.parametrize("steps", [-1, 1])
def test_a_clock_may_be_off_by_a_step(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime, steps: int
) -> None:
    result = finish(db, half_open, app.code(now + steps * STEP), lock=lock, now=now)
    assert isinstance(result, SignedIn)


@pytest.mark.requirement("S8")
@fails_without(value(totp, "WINDOW", 2))
@pytest.mark.parametrize("steps", [-2, 2])
def test_a_clock_may_not_be_off_by_more(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime, steps: int
) -> None:
    result = finish(db, half_open, app.code(now + steps * STEP), lock=lock, now=now)
    assert isinstance(result, NotSignedIn)


@pytest.mark.parametrize(
    "code", ["", "x", "０００００００", "١٢٣٤٥٦", "\0", "9" * 4000, "-1", "1e5"]
)
def test_anything_else_is_no_code(
    db: Session, half_open: HalfOpen, lock: Lock, now: datetime, code: str
) -> None:
    assert isinstance(finish(db, half_open, code, lock=lock, now=now), NotSignedIn)
    event = trail.only(db, AuditAction.SIGN_IN_FAILED)
    assert event.details == {"email": ADA.email, "admin_id": ADA.id, "why": "wrong_factor"}


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(
        second_step._throttle,
        "throttled = throttle(db, admin, email=admin.email, address=address, now=now)",
        "throttled = None",
    ),
    line(
        second_step._note_wrong_factor,
        "note_attempt(db, email=admin.email, address=provenance.address, now=now)",
    ),
)
def test_guessing_codes_is_slowed_down_like_passwords(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    for _ in range(FREE_FAILURES_PER_ACCOUNT):
        assert finish(db, half_open, "000000", lock=lock, now=now) == NotSignedIn(
            "This code is not good, or has been used. Wait for the next one."
        )
    throttled = finish(db, half_open, app.code(now), lock=lock, now=now)
    assert isinstance(throttled, NotSignedIn)
    assert throttled.retry_after > timedelta(0)
    # And a new password does not start the count anew.
    password = authentication.sign_in(
        db, email=ADA.email, password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(password, NotSignedIn)


def guess_for_long(
    db: Session, half_open: HalfOpen, lock: Lock, now: datetime, address: str
) -> datetime:
    """Guess until codes wait for longer than passwords do, and return when that was."""
    for _ in range(4 * FREE_CODES):
        provenance = replace(FROM_THE_OFFICE, address=address)
        result = second_step.finish(
            db, half_open.sign_in, Answer("000000"), lock=lock, provenance=provenance, now=now
        )
        assert isinstance(result, NotSignedIn)
        if result.retry_after > LONGEST_WAIT:
            return now
        now += result.retry_after
    pytest.fail("nobody was told to wait for long")


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(second_step._throttle, "NotSignedIn(wait_sentence(wait), wait) if wait else None", "None")
)
def test_fifty_wrong_codes_in_a_day_are_followed_by_one_an_hour(
    db: Session, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    later = guess_for_long(db, half_open, lock, now, "198.51.100.1")
    failed = trail.events(db, AuditAction.SIGN_IN_FAILED)
    assert len(failed) == FREE_CODES
    assert later < failed[-1].at + WAIT_FOR_CODES
    again = guess_for_long(db, half_open, lock, failed[-1].at + WAIT_FOR_CODES, "198.51.100.1")
    assert again == failed[-1].at + WAIT_FOR_CODES


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(
        factor_throttles.code_wait,
        "here if has_signed_in_from(db, admin.id, address) else anywhere",
        "anywhere",
    )
)
def test_codes_guessed_elsewhere_keep_nobody_waiting_at_home(
    db: Session, ada: Admin, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    open_sign_in(db, ada, method="passkey", provenance=FROM_THE_OFFICE, now=now)
    later = guess_for_long(db, half_open, lock, now, "198.51.100.1")
    assert isinstance(finish(db, half_open, app.code(later), lock=lock, now=later), SignedIn)


@pytest.mark.requirement("S6", "S8")
@fails_without(line(second_step._throttle, " or answer.credential"))
def test_a_passkey_does_not_wait_for_codes(
    db: Session, ada: Admin, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    passkey = add_passkey(db, ada.id, lock=lock, now=now)
    later = guess_for_long(db, half_open, lock, now, FROM_THE_OFFICE.address) + LONGEST_WAIT
    asked = second_step.question(half_open.sign_in)
    options = passkeys.ask(db, lock.site, asked, address="192.0.2.7", now=later)
    answer = Answer(credential=passkey.prove(options))
    result = second_step.finish(
        db, half_open.sign_in, answer, lock=lock, provenance=FROM_THE_OFFICE, now=later
    )
    assert isinstance(result, SignedIn)


def alert_kinds(db: Session) -> list[str]:
    return [one.details["kind"] for one in trail.events(db, AuditAction.ALERT_RAISED)]


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(
        second_step._note_wrong_factor,
        "sign_in_alerts.watch_wrong_factor(db, admin, provenance=provenance, now=now)",
    )
)
def test_wrong_factors_after_a_good_password_are_an_alert(
    db: Session, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    for _ in range(FREE_FAILURES_PER_ACCOUNT):
        assert alert_kinds(db) == []
        finish(db, half_open, "000000", lock=lock, now=now)
    alert = trail.only(db, AuditAction.ALERT_RAISED)
    assert (alert.details["kind"], alert.details["admin_id"]) == ("wrong_factors", ADA.id)


@pytest.mark.requirement("S6", "S8")
@fails_without(
    line(sign_ins.begin, "sign_in_alerts.watch_begun(db, admin, provenance=provenance, now=now)"),
    line(second_step.finish, "sign_in_alerts.forget_begun(db, admin)"),
)
def test_passwords_that_go_no_further_are_an_alert(
    db: Session, half_open: HalfOpen, app: App, lock: Lock, now: datetime
) -> None:
    begin(db, now)
    finish(db, half_open, app.code(now), lock=lock, now=now)
    for _ in range(RULES[AlertKind.SIGN_INS_BEGUN].times):
        assert alert_kinds(db) == []
        begin(db, now)
    assert alert_kinds(db) == ["sign_ins_begun"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("method", [Method.PASSWORD, Method.COMPANY])
def test_they_are_however_the_first_step_was_done(
    db: Session, ada: Admin, now: datetime, method: Method
) -> None:
    for _ in range(RULES[AlertKind.SIGN_INS_BEGUN].times):
        sign_ins.begin(db, ada, method=method, provenance=FROM_THE_OFFICE, now=now)
    assert alert_kinds(db) == ["sign_ins_begun"]


@pytest.mark.requirement("S8")
@fails_without(line(recovery_codes.use, "RecoveryCode.used_at.is_(None),"))
def test_a_recovery_code_is_good_once_however_it_is_typed(
    db: Session, ada: Admin, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    code, *_ = recovery_codes.make(db, ada, provenance=FROM_THE_OFFICE, now=now)
    typed = code.lower().replace("-", " ")
    result = finish(db, half_open, typed, lock=lock, now=now)
    assert isinstance(result, SignedIn)
    assert result.sign_in.method == "password+recovery_code"
    assert trail.only(db, AuditAction.RECOVERY_CODE_USED).details == {"left": 9}
    assert isinstance(finish(db, begin(db, now), code, lock=lock, now=now), NotSignedIn)


@pytest.mark.requirement("S8", "K5")
@fails_without(
    line(recovery_codes.use, "RecoveryCode.void_at.is_(None),"),
    line(recovery_codes.make, "void_codes(db, admin.id, now=now)"),
)
def test_recovery_codes_are_kept_as_hashes_and_replaced_as_a_whole(
    db: Session, ada: Admin, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    old, new = (recovery_codes.make(db, ada, provenance=FROM_THE_OFFICE, now=now) for _ in "12")
    assert len({*old, *new}) == 20
    assert isinstance(finish(db, half_open, old[0], lock=lock, now=now), NotSignedIn)
    assert isinstance(finish(db, half_open, new[0], lock=lock, now=now), SignedIn)


@pytest.mark.requirement("S8")
@fails_without(line(recovery_codes._hash, "{admin.id} "))
def test_a_recovery_code_is_good_for_its_admin_alone(
    db: Session, cy: Admin, half_open: HalfOpen, lock: Lock, now: datetime
) -> None:
    code, *_ = recovery_codes.make(db, cy, provenance=FROM_THE_OFFICE, now=now)
    assert isinstance(finish(db, half_open, code, lock=lock, now=now), NotSignedIn)


@pytest.mark.requirement("S5")
def test_whoever_has_no_factor_is_asked_for_none(db: Session, now: datetime) -> None:
    result = authentication.sign_in(
        db, email=ADA.email, password=PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(result, SignedIn)
    assert (result.sign_in.method, result.sign_in.verified_at) == ("password", None)
    assert result.sign_in.secret_hash == hash_secret(result.secret)
