"""Step-up: a factor proved within ten minutes, and another id for the sign-in (S9)."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain import factor_throttles, factors, sign_ins, step_up
from app.domain.audit_trail import AuditAction
from app.domain.authentication import note_attempt
from app.domain.factor_throttles import FREE_CODES
from app.domain.factors import Answer, Lock
from app.domain.sign_ins import SignedIn, open_sign_in
from app.domain.step_up import NotProved, Rules
from app.domain.throttles import FREE_FAILURES_PER_ACCOUNT, FREE_FAILURES_PER_ADDRESS
from app.storage.admins import Admin
from tests import trail
from tests.devices import App, add_app
from tests.factories import FROM_THE_OFFICE
from tests.twins import fails_without, line

MINUTE = timedelta(minutes=1)
REQUIRED, DEMO = Rules(required=True), Rules(required=False)


@pytest.fixture
def app(db: Session, ada: Admin, lock: Lock, now: datetime) -> App:
    return add_app(db, ada.id, lock=lock, now=now)


@pytest.fixture
def signed_in(db: Session, ada: Admin, now: datetime) -> SignedIn:
    return open_sign_in(
        db, ada, method="password+totp", verified_at=now, provenance=FROM_THE_OFFICE, now=now
    )


def prove(
    db: Session, signed_in: SignedIn, code: str, *, lock: Lock, now: datetime
) -> SignedIn | NotProved:
    row = signed_in.sign_in
    return step_up.prove(db, row, Answer(code), lock=lock, provenance=FROM_THE_OFFICE, now=now)


@pytest.mark.requirement("R5", "S9")
@fails_without(
    line(step_up.is_fresh, " <= rules.fresh_for"), line(step_up.is_fresh, "-CLOCKS_DIFFER_BY <= ")
)
@pytest.mark.parametrize("rules", [REQUIRED, DEMO])
def test_a_proof_is_good_for_ten_minutes(
    db: Session, signed_in: SignedIn, app: App, now: datetime, rules: Rules
) -> None:
    needed = [
        step_up.is_needed(db, signed_in.sign_in, rules, now=now + minutes * MINUTE)
        for minutes in (-1, 0, 9, 10, 11)
    ]
    assert needed == [True, False, False, False, True]


@pytest.mark.requirement("S9")
@fails_without(line(step_up.is_needed, "rules.required or "))
def test_whoever_has_no_factor_is_asked_where_one_is_required(
    db: Session, signed_in: SignedIn, now: datetime
) -> None:
    later = now + 11 * MINUTE
    assert step_up.is_needed(db, signed_in.sign_in, REQUIRED, now=later)
    assert not step_up.is_needed(db, signed_in.sign_in, DEMO, now=later)


@pytest.mark.requirement("S2", "S9")
@fails_without(line(sign_ins.renew, "return give_another_secret(row)", "return SignedIn(row, '')"))
def test_a_proof_gives_the_sign_in_another_id(
    db: Session, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    later = now + 11 * MINUTE
    result = prove(db, signed_in, app.code(later), lock=lock, now=later)
    assert isinstance(result, SignedIn)
    assert sign_ins.find(db, signed_in.secret, now=later) is None
    assert sign_ins.find(db, result.secret, now=later) is signed_in.sign_in
    assert signed_in.sign_in.verified_at == later
    assert trail.only(db, AuditAction.STEP_UP_SUCCEEDED).details == {"factor": "totp"}


@pytest.mark.requirement("S8", "S9")
@fails_without(line(factors._take_step, ", Factor.last_step < step"))
def test_the_code_of_the_sign_in_is_no_second_proof(
    db: Session, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    prove(db, signed_in, app.code(now), lock=lock, now=now)
    again = prove(db, signed_in, app.code(now), lock=lock, now=now)
    assert isinstance(again, NotProved)
    assert trail.only(db, AuditAction.STEP_UP_FAILED).details == {"why": "wrong_factor"}


@pytest.mark.requirement("S9")
@fails_without(
    line(factors._prove_code, "factors_of(db, admin.id, FactorKind.TOTP)", "db.query(Factor)")
)
def test_anothers_code_proves_nothing(
    db: Session, signed_in: SignedIn, app: App, cy: Admin, lock: Lock, now: datetime
) -> None:
    code = add_app(db, cy.id, lock=lock, now=now).code(now)
    assert isinstance(prove(db, signed_in, code, lock=lock, now=now), NotProved)


@pytest.mark.requirement("S6", "S9")
@fails_without(
    line(
        step_up.prove,
        "if wait := factor_throttles.step_up_wait(db, row.id, by_code=by_code, now=now)",
        "if wait := None",
    )
)
def test_whoever_sits_down_at_an_open_computer_guesses_slowly(
    db: Session, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    for _ in range(FREE_FAILURES_PER_ACCOUNT):
        prove(db, signed_in, "000000", lock=lock, now=now)
    result = prove(db, signed_in, app.code(now), lock=lock, now=now)
    assert isinstance(result, NotProved)
    assert result.sentence.startswith("Too many attempts.")


@pytest.mark.requirement("S6", "S9")
def test_no_stranger_makes_a_step_up_wait(
    db: Session, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    office = {"email": "ada@example.com", "address": FROM_THE_OFFICE.address}
    for _ in range(FREE_FAILURES_PER_ADDRESS + 5):
        note_attempt(db, **office, now=now)
    assert isinstance(prove(db, signed_in, app.code(now), lock=lock, now=now), SignedIn)


@pytest.mark.requirement("S6", "S9")
@fails_without(
    line(factor_throttles._step_up_counters, 'f"step-up in {sign_in_id}",', '"step-up",')
)
def test_another_sign_in_of_the_admin_does_not_wait(
    db: Session, ada: Admin, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    for _ in range(FREE_FAILURES_PER_ACCOUNT):
        prove(db, signed_in, "000000", lock=lock, now=now)
    other = open_sign_in(db, ada, method="password", provenance=FROM_THE_OFFICE, now=now)
    assert isinstance(prove(db, other, app.code(now), lock=lock, now=now), SignedIn)


@pytest.mark.requirement("S6", "S9")
@fails_without(
    line(
        step_up.prove,
        "sign_in_alerts.watch_failed_step_up(db, admin, provenance=provenance, now=now)",
    )
)
def test_step_ups_that_fail_again_and_again_are_an_alert_and_wait_for_an_hour(
    db: Session, signed_in: SignedIn, app: App, lock: Lock, now: datetime
) -> None:
    for number in range(FREE_CODES):
        prove(db, signed_in, "000000", lock=lock, now=now + number * 6 * MINUTE)
    alerts = trail.events(db, AuditAction.ALERT_RAISED)
    assert {(one.details["kind"], one.actor_id) for one in alerts} == {("failed_step_ups", "ada")}
    later = now + FREE_CODES * 6 * MINUTE
    result = prove(db, signed_in, app.code(later), lock=lock, now=later)
    assert result == NotProved("Too many attempts. Try again in 54 minutes.")
