"""What the rows of sessions repeat of their events' words, and taking it out of them."""

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.storage.audit_trail import ERASED
from app.storage.impersonation_links import ImpersonationLink
from app.storage.impersonations import Impersonation

Text = InstrumentedAttribute[str]

TOLD: tuple[Text, ...] = (Impersonation.reason, Impersonation.ticket_url)
# Asked for as long as the session runs: a program compares where it came from.
FROM: tuple[Text, ...] = (Impersonation.address, Impersonation.user_agent)


def count_session_words(db: Session, person_id: str) -> int:
    """Return how many sessions and links by or as that person hold words that can go."""
    sessions = select(Impersonation.id).where(_of_session(person_id), _holds_words())
    links = select(ImpersonationLink.secret_hash).where(_of_link(person_id))
    rows = (sessions, links.where(_is_left(ImpersonationLink.reason)))
    return sum(db.scalar(select(func.count()).select_from(one.subquery())) or 0 for one in rows)


def erase_session_words(db: Session, person_id: str) -> int:
    """Take the words out of the sessions and links by or as that person; return of how many.

    Reason and ticket link go at once; where a session came from, and what a program keeps with it,
    when it has ended.
    """
    count = count_session_words(db, person_id)
    sessions = update(Impersonation).where(_of_session(person_id))
    ended = sessions.where(Impersonation.ended_at.is_not(None))
    links = update(ImpersonationLink).where(_of_link(person_id))
    for statement in (
        sessions.values({one: _erased(one) for one in TOLD}),
        ended.values({one: _erased(one) for one in FROM} | {Impersonation.kept: None}),
        links.values({ImpersonationLink.reason: _erased(ImpersonationLink.reason)}),
    ):
        db.execute(statement.execution_options(synchronize_session=False))
    return count


def _of_session(person_id: str) -> ColumnElement[bool]:
    people = (Impersonation.target_id, Impersonation.impersonator_id)
    return or_(*(one == person_id for one in people))


def _of_link(person_id: str) -> ColumnElement[bool]:
    people = (ImpersonationLink.target_id, ImpersonationLink.impersonator_id)
    return or_(*(one == person_id for one in people))


def _holds_words() -> ColumnElement[bool]:
    told = or_(*(_is_left(one) for one in TOLD))
    kept = or_(*(_is_left(one) for one in FROM), Impersonation.kept.is_not(None))
    return told | (Impersonation.ended_at.is_not(None) & kept)


def _is_left(text: Text) -> ColumnElement[bool]:
    return text.not_in(("", ERASED))


def _erased(text: Text) -> ColumnElement[str]:
    # What was left empty says nothing, and stays so.
    return case((text == "", ""), else_=ERASED)
