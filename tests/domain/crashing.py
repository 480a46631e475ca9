"""A process that is killed after each statement of a start in turn, until one start survives.

Run as `python -m tests.domain.crashing URL`; prints how many were killed.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from itertools import count

from sqlalchemy.event import listens_for

from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.members import Member
from tests import factories

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def start_and_die(url: str, statement: int) -> None:
    """Start a session, but be killed right after that statement."""
    database, executed = Database(url), count(1)

    @listens_for(database.engine, "after_cursor_execute")
    def die(*_: object) -> None:
        if next(executed) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    with database.unit_of_work(writing=True) as db:
        ada, mia = db.get_one(Admin, "ada"), db.get_one(Member, "mia")
        factories.start(db, impersonator=ada, target=mia, now=NOW)


def main(url: str) -> int:
    """Return 0 when the last start came through, else what it failed with."""
    for statement in count(1):
        child = os.fork()
        if not child:
            start_and_die(url, statement)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if exit_code != -signal.SIGKILL:
            sys.stdout.write(f"{statement - 1}\n")
            return exit_code
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
