"""What ends a sign-in ends the session that was started with it: an answer to a stolen one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain import admins, authentication, endings, impersonations, sign_ins
from app.domain.audit_trail import AuditAction
from app.domain.errors import Conflict
from app.domain.sign_ins import SignedIn
from app.storage import impersonations as stored
from app.storage.admins import Admin, SignIn
from app.storage.api_keys import APIKey
from app.storage.database import Database
from app.storage.impersonations import IMPERSONATIONS, EndReason
from app.storage.members import Member
from tests import trail
from tests.cast import PASSWORD
from tests.conftest import on_postgresql
from tests.factories import FROM_THE_OFFICE, start
from tests.twins import fails_without, line, value

NEW = "seven green herons at dusk"


def _opened(db: Session, now: datetime) -> SignIn:
    ada = db.get_one(Admin, "ada")
    opened = sign_ins.open_sign_in(
        db, ada, method=sign_ins.Method.PASSWORD, provenance=FROM_THE_OFFICE, now=now
    )
    return opened.sign_in


@pytest.fixture
def row(db: Session, now: datetime) -> SignIn:
    return _opened(db, now)


def _sign_out(db: Session, row: SignIn, now: datetime) -> None:
    assert sign_ins.sign_out(db, row, by=row.admin, provenance=FROM_THE_OFFICE, now=now)


def _end_others(db: Session, row: SignIn, now: datetime) -> None:
    sign_ins.end_others(db, row, why="others_ended", provenance=FROM_THE_OFFICE, now=now)


def _change_password(db: Session, row: SignIn, now: datetime) -> None:
    changed = authentication.change_password(
        db, row, current=PASSWORD, new=NEW, provenance=FROM_THE_OFFICE, now=now
    )
    assert isinstance(changed, SignedIn)


def _set_password(db: Session, row: SignIn, now: datetime) -> None:
    admins.set_password(db, row.admin, password=NEW, provenance=FROM_THE_OFFICE, now=now)


def _end_all(db: Session, row: SignIn, now: datetime) -> None:
    sign_ins.end_all(
        db, row.admin, why="ended_by_admin", by=None, provenance=FROM_THE_OFFICE, now=now
    )


Way = Callable[[Session, SignIn, datetime], None]
HARDER = [_end_others, _change_password, _set_password, _end_all]


@pytest.mark.requirement("S1", "S10")
@pytest.mark.failure("X5")
@pytest.mark.parametrize("way", [_sign_out, *HARDER])
@fails_without(line(endings.end_with_sign_in, "running is None or", "True or"))
def test_what_ends_a_sign_in_ends_the_running_session(
    db: Session, ada: Admin, mia: Member, row: SignIn, now: datetime, way: Way
) -> None:
    running = start(db, impersonator=ada, target=mia, sign_in=row, now=now).impersonation
    way(db, row, now)
    assert running.end_reason == EndReason.SIGN_IN_ENDED
    ended = trail.only(db, AuditAction.IMPERSONATION_ENDED)
    assert ended.details["why"] == "sign_in_ended"


@pytest.mark.requirement("S1")
@fails_without(
    line(endings.end_with_sign_in, " or (running.api_key_id is not None and not programs_too)")
)
def test_a_session_of_a_program_goes_on_when_somebody_signs_out(
    db: Session, ada: Admin, mia: Member, row: SignIn, now: datetime
) -> None:
    key = db.get_one(APIKey, "letterbox")
    key.scope = "impersonate"
    running = start(db, impersonator=ada, target=mia, api_key=key, now=now).impersonation
    assert not sign_ins.sign_out(db, row, by=ada, provenance=FROM_THE_OFFICE, now=now)
    assert running.ended_at is None
    _end_all(db, row, now)
    assert running.end_reason == EndReason.SIGN_IN_ENDED


@pytest.mark.requirement("S10")
@fails_without(
    line(sign_ins.end_all, "endings.end_with_sign_in", "count and endings.end_with_sign_in")
)
def test_it_ends_where_no_sign_in_was_left_to_end(
    db: Session, ada: Admin, mia: Member, row: SignIn, now: datetime
) -> None:
    assert not sign_ins.sign_out(db, row, by=ada, provenance=FROM_THE_OFFICE, now=now)
    running = start(db, impersonator=ada, target=mia, now=now).impersonation
    _end_all(db, row, now)
    assert running.end_reason == EndReason.SIGN_IN_ENDED


@pytest.mark.requirement("S1", "S10")
@fails_without(
    value(
        stored,
        "OPEN_OF",
        select(IMPERSONATIONS.c.id).where(IMPERSONATIONS.c.ended_at.is_(None)),
    )
)
def test_a_session_of_somebody_else_goes_on(
    db: Session, cy: Admin, mia: Member, row: SignIn, now: datetime
) -> None:
    running = start(db, impersonator=cy, target=mia, now=now).impersonation
    for way in HARDER:
        way(db, row, now)
    assert running.ended_at is None


@pytest.mark.requirement("S1")
@fails_without(line(impersonations.start, "sign_in is not None", "False"))
def test_no_session_starts_in_a_sign_in_that_was_ended_meanwhile(
    db: Session, ada: Admin, mia: Member, row: SignIn, now: datetime
) -> None:
    _end_all(db, row, now)
    with pytest.raises(Conflict, match="signed out meanwhile"):
        start(db, impersonator=ada, target=mia, sign_in=row, now=now)


@on_postgresql
@pytest.mark.requirement("S1", "R4")
@fails_without(line(sign_ins.hold, ', with_for_update={"read": True, "of": SignIn}'))
def test_whoever_signs_out_waits_for_the_session_that_is_starting_in_it(
    database: Database, now: datetime
) -> None:
    with (
        starting_session(database, now, programs=False) as row_id,
        pytest.raises(OperationalError, match="lock timeout"),
    ):
        at_once(database, _sign_out, row_id, now)


@on_postgresql
@pytest.mark.requirement("S1", "R4")
@pytest.mark.parametrize("ender", [_end_all, _end_others])
@fails_without(line(sign_ins.end_all, "lock_admin(db, admin.id)"))
def test_whoever_ends_many_waits_for_any_session_that_is_starting(
    database: Database, now: datetime, ender: Way
) -> None:
    """A program's start has no sign-in, and another sign-in's is one of the others."""
    with (
        starting_session(database, now, programs=True) as row_id,
        pytest.raises(OperationalError, match="lock timeout"),
    ):
        at_once(database, ender, row_id, now)


@contextmanager
def starting_session(database: Database, now: datetime, *, programs: bool) -> Iterator[str]:
    """Yield the id of a sign-in while a session of its admin starts."""
    with database.unit_of_work(writing=True) as db:
        row_id = _opened(db, now).id
    with database.unit_of_work(writing=True) as starting:
        row, mia = starting.get_one(SignIn, row_id), starting.get_one(Member, "mia")
        sign_in = None if programs else row
        start(starting, impersonator=row.admin, target=mia, sign_in=sign_in, now=now)
        yield row_id


def at_once(database: Database, way: Way, row_id: str, now: datetime) -> None:
    """End it, waiting for nobody."""
    with database.unit_of_work(writing=True) as db:
        db.execute(text("SET LOCAL lock_timeout = '50ms'"))
        way(db, db.get_one(SignIn, row_id), now)
