"""A process that is killed after each statement of an act in turn, until one survives.

Run as `python -m tests.domain.crashing URL ACT`; prints how many were killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import select
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session

from app.domain import activity, admins, authentication, endings, impersonations
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories
from tests.factories import FROM_THE_OFFICE, PASSWORD

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def _start(db: Session, _ticket: str) -> object:
    ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
    return factories.start(db, impersonator=ada, target=mia, now=LATER)


def _redeem(db: Session, ticket: str) -> object:
    return impersonations.redeem(db, ticket=ticket, provenance=FROM_THE_OFFICE, now=LATER)


def _act(db: Session, _ticket: str) -> object:
    (running,) = db.scalars(select(Impersonation))
    return activity.record_action(
        db, running, method="POST", path="/", provenance=FROM_THE_OFFICE, now=LATER
    )


def _end(db: Session, _ticket: str) -> object:
    (running,) = db.scalars(select(Impersonation))
    why = EndReason.ADMIN_ENDED
    return endings.end(db, running, why=why, provenance=FROM_THE_OFFICE, now=LATER)


def _sign_in(db: Session, _ticket: str) -> object:
    return authentication.sign_in(
        db, email="ada@example.com", password=PASSWORD, provenance=FROM_THE_OFFICE, now=LATER
    )


def _demote(db: Session, _ticket: str) -> object:
    people = {"admin": db.get_one(Admin, "ada"), "by": db.get_one(Admin, "cy")}
    change_role: Callable[..., object] = admins.change_role
    return change_role(db, role="admin", provenance=FROM_THE_OFFICE, now=LATER, **people)


# Each act, and the event that belongs to it. Ada's session as Mia has been started before.
ACTS: dict[str, tuple[Callable[[Session, str], object], str]] = {
    "replace": (_start, "impersonation.ended"),
    "redeem": (_redeem, "handoff.redeemed"),
    "act": (_act, "action.recorded"),
    "end": (_end, "impersonation.ended"),
    "sign in": (_sign_in, "sign_in.succeeded"),
    "demote": (_demote, "admin.role_changed"),
}


def do_and_die(url: str, act: Callable[[Session, str], object], ticket: str, at: int) -> None:
    """Carry the act out, but be killed right after that statement."""
    database, executed = Database(url), count(1)

    @listens_for(database.engine, "after_cursor_execute")
    def die(*_: object) -> None:
        if next(executed) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with database.unit_of_work(writing=True) as db:
        act(db, ticket)


def main(url: str, name: str) -> int:
    """Return 0 when the last one came through, else what it failed with."""
    ticket = _prepare(url)
    for statement in count(1):
        child = os.fork()
        if not child:
            do_and_die(url, ACTS[name][0], ticket, statement)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if exit_code != -signal.SIGKILL:
            sys.stdout.write(f"{statement - 1}\n")
            return exit_code
    raise AssertionError


def _prepare(url: str) -> str:
    database = Database(url)
    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        started = factories.start(db, impersonator=ada, target=mia, now=NOW)
    database.dispose()
    return started.ticket


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
