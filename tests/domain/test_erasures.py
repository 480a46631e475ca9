"""Erasing a person: every word that the trail and the rows of sessions hold of them goes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app.domain import admins, api_keys, authentication, endings, erasures
from app.domain.api_keys import Limits
from app.domain.audit_trail import OPERATOR, AuditAction, append, event
from app.domain.erasures import Erased
from app.domain.errors import Conflict
from app.storage import session_words
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.database import Database
from app.storage.impersonation_links import ImpersonationLink
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, linking
from tests.cast import ADA, CY, EVE, MIA, OMAR, Person
from tests.exporting import exported, verify
from tests.factories import FROM_THE_OFFICE
from tests.owner import owners
from tests.proving import Proven, proven
from tests.twins import fails_without, line, trigger

pytestmark = pytest.mark.requirement("L12")

LATER = datetime(2100, 1, 1, tzinfo=UTC)
TICKET = "https://tickets.example/7"


@pytest.fixture
def trail(database_url: str, key_folder: Path, tmp_path: Path, now: datetime) -> Iterator[Proven]:
    database = Database(owners(database_url), pruning=True)
    yield proven(database, key_folder=key_folder, folder=tmp_path, now=now)
    database.dispose()


def act_upon(trail: Proven, admin_id: str) -> None:
    """Do to an admin what names them: as its object, not its actor or subject."""
    with trail.database.unit_of_work(writing=True) as db:
        cy, admin = db.get_one(Admin, CY.id), db.get_one(Admin, admin_id)
        told: dict[str, Any] = {"by": cy, "provenance": FROM_THE_OFFICE, "now": trail.now}
        admins.change_role(db, admin, role="superadmin", **told)
        admins.disable(db, admin, **told)
        admins.enable(db, admin, **told)
        limits = Limits(admin=admin)
        api_keys.create(db, name="Globe", scopes=("impersonate",), limits=limits, **told)
    fail_to_sign_in(trail, admin.email)


def fail_to_sign_in(trail: Proven, email: str) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        wrong: dict[str, Any] = {"email": email, "password": "wrong"}
        authentication.sign_in(db, **wrong, provenance=FROM_THE_OFFICE, now=trail.now)


def start(trail: Proven, impersonator: str, target: str, *, ended: bool = True) -> str:
    with trail.database.unit_of_work(writing=True) as db:
        session = factories.start(
            db,
            impersonator=db.get_one(Admin, impersonator),
            target=db.get_one(Member, target),
            reason="Mia called",
            ticket_url=TICKET,
            now=trail.now,
        ).impersonation
        if ended:
            why, trail.now = EndReason.TAB_CLOSED, trail.now + timedelta(seconds=1)
            endings.end(db, session, why=why, provenance=FROM_THE_OFFICE, now=trail.now)
        return session.id


def erase(trail: Proven, person_id: str) -> Erased:
    with trail.database.unit_of_work(writing=True) as db:
        erasures.record(db, person_id, provenance=OPERATOR, now=trail.now)
    with trail.database.unit_of_work(writing=True) as db:
        return erasures.carry_out(db, person_id)


def told_by(trail: Proven, session_id: str) -> tuple[str, str, str, str]:
    with trail.database.unit_of_work(writing=False) as db:
        row = db.get_one(Impersonation, session_id)
        return row.reason, row.ticket_url, row.address, row.user_agent


def count_about(trail: Proven, person: Person) -> int:
    """Return how many events hold the name or the address of that person."""
    with trail.database.unit_of_work(writing=False) as db:
        told = [str(one.words) for one in db.scalars(select(AuditEvent))]
        return sum(person.name in words or person.email in words for words in told)


def test_an_admin_is_gone_from_what_was_done_to_them(trail: Proven) -> None:
    act_upon(trail, OMAR.id)
    assert count_about(trail, OMAR) == 5
    assert erase(trail, OMAR.id).events == 5
    assert count_about(trail, OMAR) == 0
    verdict = trail.verify()
    assert (verdict.finding, verdict.erased) == (None, 5)


def test_only_whom_the_events_name_is_erased(trail: Proven) -> None:
    act_upon(trail, OMAR.id)
    with pytest.raises(Conflict):
        erase(trail, ADA.id)
    erase(trail, CY.id)
    assert count_about(trail, OMAR) == 1  # the failed sign-in, which Cy has no part in


@fails_without(line(erasures.record, " if person_id else 0"), raises=(DatabaseError,))
def test_nobody_can_be_erased(trail: Proven) -> None:
    """A failed sign-in under an address that is nobody's names nobody."""
    fail_to_sign_in(trail, "nobody@example.com")
    with pytest.raises(Conflict):
        erase(trail, "")


@fails_without(trigger("audit_words_no_delete", on="audit_words"))
@pytest.mark.parametrize("person", ["", ADA.id])
def test_the_database_keeps_the_words_of_whom_no_erasure_names(trail: Proven, person: str) -> None:
    for email in (OMAR.email, "nobody@example.com"):
        fail_to_sign_in(trail, email)
    with trail.database.unit_of_work(writing=True) as db:
        details = {"person_id": person, "events": 2}
        action = AuditAction.AUDIT_WORDS_ERASED
        append(db, event(action, now=trail.now, provenance=OPERATOR, details=details))
    for number in (1, 2):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            trail.database.unit_of_work(writing=True) as db,
        ):
            db.execute(text(f"DELETE FROM audit_words WHERE event_id = {number}"))


@fails_without(
    line(session_words.erase_session_words, "sessions.values({one: _erased(one) for one in TOLD}),")
)
@pytest.mark.parametrize("person", [ADA.id, MIA.id])
def test_a_session_repeats_nothing_of_what_was_erased(trail: Proven, person: str) -> None:
    session_id, other = start(trail, ADA.id, MIA.id), start(trail, CY.id, EVE.id)
    before = told_by(trail, other)
    assert erase(trail, person).sessions == 1
    assert told_by(trail, session_id) == ("(erased)",) * 4
    assert told_by(trail, other) == before == ("Mia called", TICKET, "192.0.2.7", before[3])


@fails_without(
    line(session_words.erase_session_words, ".where(Impersonation.ended_at.is_not(None))")
)
def test_a_session_that_runs_keeps_where_it_came_from(trail: Proven) -> None:
    """A program that holds its token compares that with who asks."""
    session_id = start(trail, ADA.id, MIA.id, ended=False)
    erase(trail, MIA.id)
    assert told_by(trail, session_id)[:3] == ("(erased)", "(erased)", "192.0.2.7")


@fails_without(line(session_words._erased, 'text == ""', "text == ERASED"))
def test_a_session_without_a_reason_stays_without_one(trail: Proven) -> None:
    session_id = start(trail, ADA.id, MIA.id)
    with trail.database.unit_of_work(writing=True) as db:
        db.get_one(Impersonation, session_id).ticket_url = ""
    erase(trail, MIA.id)
    assert told_by(trail, session_id)[:2] == ("(erased)", "")


@fails_without(
    line(
        session_words.erase_session_words,
        "links.values({ImpersonationLink.reason: _erased(ImpersonationLink.reason)}),",
    )
)
def test_a_link_repeats_nothing_of_what_was_erased(trail: Proven) -> None:
    with trail.database.unit_of_work(writing=True) as db:
        linking.make(db, now=trail.now)
    erase(trail, MIA.id)
    with trail.database.unit_of_work(writing=False) as db:
        assert db.scalars(select(ImpersonationLink.reason)).all() == ["(erased)"]


@fails_without(
    line(erasures.record, " and not count_session_words(db, person_id)"), raises=(Conflict,)
)
def test_words_that_only_a_session_has_left_are_erased_too(trail: Proven) -> None:
    """Whoever was erased by an earlier version, whose sessions it left as they were."""
    session_id = start(trail, ADA.id, MIA.id)
    erase(trail, MIA.id)
    with trail.database.unit_of_work(writing=True) as db:
        db.get_one(Impersonation, session_id).reason = "Mia called"
    assert erase(trail, MIA.id) == Erased(events=0, sessions=1)
    with pytest.raises(Conflict):
        erase(trail, MIA.id)
    assert trail.verify().finding is None


@pytest.mark.parametrize("filters", [{}, {"until": LATER}], ids=["whole", "filtered"])
def test_an_export_explains_the_words_of_whom_its_events_name(
    trail: Proven, tmp_path: Path, filters: dict[str, Any]
) -> None:
    act_upon(trail, OMAR.id)
    erase(trail, OMAR.id)
    trail.sign()
    verdict = verify(exported(trail, tmp_path, **filters), trail)
    assert (verdict.finding, verdict.erased) == (None, 5)
