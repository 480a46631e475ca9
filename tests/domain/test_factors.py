"""Second factors: added, removed, reset, and what that does at once (S1, S8)."""

from datetime import datetime

import pyotp
import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain import factor_resets, factors, recovery_codes, sign_ins
from app.domain.audit_trail import AuditAction
from app.domain.errors import Conflict, Invalid
from app.domain.factor_keys import FactorKey
from app.domain.factors import MOST, Lock
from app.domain.passkey_challenges import Question
from app.domain.sign_ins import SignedIn, open_sign_in
from app.storage.admins import Admin
from app.storage.factors import Factor, Purpose, codes_left, factors_of
from app.storage.impersonations import EndReason
from app.storage.members import Member
from tests import trail
from tests.devices import App, add_app
from tests.factories import FROM_THE_OFFICE, start
from tests.twins import fails_without, line, together

SECRET, ANOTHER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


@pytest.fixture
def here(db: Session, ada: Admin, now: datetime) -> SignedIn:
    return open_sign_in(db, ada, method="password", provenance=FROM_THE_OFFICE, now=now)


@pytest.fixture
def elsewhere(db: Session, ada: Admin, now: datetime) -> SignedIn:
    return open_sign_in(db, ada, method="password", provenance=FROM_THE_OFFICE, now=now)


def add(
    db: Session, here: SignedIn, *, lock: Lock, now: datetime, code: str = "", name: str = "Phone"
) -> SignedIn:
    return factors.add_app(
        db,
        here.sign_in,
        name=name,
        secret=SECRET,
        code=code or pyotp.TOTP(SECRET).at(now),
        lock=lock,
        provenance=FROM_THE_OFFICE,
        now=now,
    )


def remove(db: Session, here: SignedIn, *, required: bool, now: datetime) -> None:
    factor, *_ = factors_of(db, here.sign_in.admin_id)
    factors.remove(db, here.sign_in, factor, required=required, provenance=FROM_THE_OFFICE, now=now)


@pytest.mark.requirement("S8")
@fails_without(line(factors._add, "if row.ended_at is not None", "if False"))
def test_who_has_been_signed_out_adds_no_factor(
    db: Session, here: SignedIn, elsewhere: SignedIn, lock: Lock, now: datetime
) -> None:
    """Of two who add the first one at once, one may only have learnt the password."""
    add(db, here, lock=lock, now=now)
    with pytest.raises(Conflict, match="signed out meanwhile"):
        factors.add_app(
            db,
            elsewhere.sign_in,
            name="Another",
            secret=ANOTHER_SECRET,
            code=pyotp.TOTP(ANOTHER_SECRET).at(now),
            lock=lock,
            provenance=FROM_THE_OFFICE,
            now=now,
        )


@pytest.mark.requirement("S8")
@fails_without(line(factors.add_app, "if _is_known(db, row.admin_id, secret, lock)", "if False"))
def test_an_app_is_added_once(db: Session, here: SignedIn, lock: Lock, now: datetime) -> None:
    """Added twice, each of its codes would be good twice."""
    add(db, here, lock=lock, now=now)
    with pytest.raises(Conflict, match="added already"):
        add(db, here, lock=lock, now=now, name="Again")


@pytest.mark.requirement("S8", "K3")
@fails_without(line(factors.add_app, "lock.key.seal(secret, owner=factor.id)", "secret"))
def test_the_secret_of_an_app_is_sealed_in_the_database(
    db: Session, ada: Admin, here: SignedIn, lock: Lock, now: datetime
) -> None:
    add(db, here, lock=lock, now=now)
    (factor,) = factors_of(db, ada.id)
    assert factor.sealed_secret
    assert SECRET not in factor.sealed_secret
    assert lock.key.open(factor.sealed_secret, owner=factor.id) == SECRET
    event = trail.only(db, AuditAction.FACTOR_ADDED)
    assert event.details == {"factor_id": factor.id, "kind": "totp", "name": "Phone"}


@pytest.mark.requirement("S1", "S2")
@fails_without(
    line(
        factors._add,
        'sign_ins.end_others(db, row, why="factors_changed", provenance=provenance, now=now)',
    ),
    line(sign_ins.renew, "return give_another_secret(row)", "return SignedIn(row, '')"),
)
def test_a_new_factor_ends_the_other_sign_ins_and_renews_this_one(
    db: Session, here: SignedIn, elsewhere: SignedIn, lock: Lock, now: datetime
) -> None:
    renewed = add(db, here, lock=lock, now=now)
    assert sign_ins.find(db, elsewhere.secret, now=now) is None
    assert sign_ins.find(db, here.secret, now=now) is None
    assert sign_ins.find(db, renewed.secret, now=now) is here.sign_in
    assert here.sign_in.verified_at == now


@fails_without(line(factors.add_app, "if step is None", "if False"), raises=(IntegrityError,))
@pytest.mark.parametrize("code", ["000000", "", "x", "12345"])
def test_an_app_that_shows_another_code_is_not_added(
    db: Session, ada: Admin, here: SignedIn, lock: Lock, now: datetime, code: str
) -> None:
    with pytest.raises(Invalid, match="not the code"):
        add(db, here, lock=lock, now=now, code=code or " ")
    assert not factors_of(db, ada.id)


@pytest.mark.parametrize("name", [" ", "x" * 61, "two\nlines"])
def test_a_factor_needs_a_name(
    db: Session, here: SignedIn, lock: Lock, now: datetime, name: str
) -> None:
    with pytest.raises(Invalid, match="name"):
        add(db, here, lock=lock, now=now, name=name)


def test_nobody_needs_more_than_ten(
    db: Session, ada: Admin, here: SignedIn, lock: Lock, now: datetime
) -> None:
    for _ in range(MOST):
        add_app(db, ada.id, lock=lock, now=now)
    with pytest.raises(Conflict, match="already"):
        add(db, here, lock=lock, now=now)


@pytest.mark.requirement("S8")
@fails_without(
    line(factors.remove, "if required and len(factors_of(db, admin.id)) == 1", "if False")
)
def test_the_last_factor_stays_where_one_is_required(
    db: Session, ada: Admin, here: SignedIn, lock: Lock, now: datetime
) -> None:
    for _ in range(2):
        add_app(db, ada.id, lock=lock, now=now)
    remove(db, here, required=True, now=now)
    with pytest.raises(Conflict, match="last second factor"):
        remove(db, here, required=True, now=now)
    remove(db, here, required=False, now=now)
    assert not factors_of(db, ada.id)


@pytest.mark.requirement("S1", "S8")
@fails_without(
    line(
        factors.remove,
        'sign_ins.end_others(db, row, why="factors_changed", provenance=provenance, now=now)',
    ),
    line(factors.remove, "void_codes(db, admin.id, now=now)", "pass"),
)
def test_a_removed_factor_keeps_no_secret_and_ends_the_other_sign_ins(
    db: Session, ada: Admin, here: SignedIn, elsewhere: SignedIn, lock: Lock, now: datetime
) -> None:
    add_app(db, ada.id, lock=lock, now=now)
    recovery_codes.make(db, ada, provenance=FROM_THE_OFFICE, now=now)
    (factor,) = factors_of(db, ada.id)
    remove(db, here, required=False, now=now)
    db.refresh(factor)
    assert (factor.sealed_secret, factor.removed_at) == (None, now)
    assert codes_left(db, ada.id) == 0
    assert sign_ins.find(db, elsewhere.secret, now=now) is None
    assert sign_ins.find(db, here.secret, now=now) is here.sign_in
    assert trail.only(db, AuditAction.FACTOR_REMOVED).details["factor_id"] == factor.id


@pytest.fixture
def app(db: Session, ada: Admin, lock: Lock, now: datetime) -> App:
    recovery_codes.make(db, ada, provenance=FROM_THE_OFFICE, now=now)
    return add_app(db, ada.id, lock=lock, now=now)


@pytest.mark.requirement("S1", "S8", "S10")
@fails_without(
    line(factor_resets.reset, "void_codes(db, admin.id, now=now)"),
    line(
        factor_resets.reset,
        'end_all(db, admin, why="factors_reset", by=by, provenance=provenance, now=now)',
    ),
    line(sign_ins.end_all, "endings.end_with_sign_in(db, admin, provenance=provenance, now=now)"),
)
def test_a_reset_ends_all_that_the_admin_has_open(
    db: Session,
    ada: Admin,
    cy: Admin,
    mia: Member,
    app: App,
    here: SignedIn,
    now: datetime,
) -> None:
    session = start(db, impersonator=ada, target=mia, now=now).impersonation
    count = factor_resets.reset(db, ada, by=cy, provenance=FROM_THE_OFFICE, now=now)
    assert (count, len(factors_of(db, ada.id)), codes_left(db, ada.id)) == (1, 0, 0)
    assert sign_ins.find(db, here.secret, now=now) is None
    assert session.end_reason == EndReason.SIGN_IN_ENDED
    event = trail.only(db, AuditAction.ADMIN_FACTORS_RESET)
    assert event.actor_id == cy.id
    assert event.details == {"admin_id": ada.id, "admin": ada.email, "count": 1}


@pytest.mark.requirement("S8")
@fails_without(line(factor_resets.reset, "if by is not None and by.id == admin.id", "if False"))
def test_nobody_resets_their_own(db: Session, ada: Admin, app: App, now: datetime) -> None:
    with pytest.raises(Conflict, match="Ask another superadmin"):
        factor_resets.reset(db, ada, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert factors_of(db, ada.id)


@pytest.mark.requirement("K3")
@fails_without(
    together(
        line(FactorKey.seal, "owner.encode()", "None"),
        line(FactorKey.open, "owner.encode()", "None"),
    )
)
def test_a_secret_that_was_copied_to_another_row_proves_nothing(
    db: Session, ada: Admin, cy: Admin, app: App, lock: Lock, now: datetime
) -> None:
    """Who can write to the database does not become an admin by it."""
    (adas,) = factors_of(db, ada.id)
    cys_app = add_app(db, cy.id, lock=lock, now=now)
    (cys,) = factors_of(db, cy.id)
    adas.sealed_secret = cys.sealed_secret
    db.flush()
    proved = factors.prove(
        db,
        ada,
        factors.Answer(cys_app.code(now)),
        question=Question(Purpose.STEP_UP),
        lock=lock,
        provenance=FROM_THE_OFFICE,
        now=now,
    )
    assert proved is None
    assert db.get_one(Factor, adas.id).last_used_at is None
