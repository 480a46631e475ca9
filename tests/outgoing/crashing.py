"""A process that is killed at each line of copying the trail in turn, until one copy comes through.

Run as `python -m tests.outgoing.crashing DATABASE TARGET PLACE`, where TARGET is one of TARGETS;
prints how many were killed. There is a new event before each.
"""

import inspect
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from app import worker
from app.domain.audit_copies import Courier, Target
from app.outgoing.log_file import LogFile
from app.outgoing.syslog import Syslog
from app.outgoing.webhook import Webhook
from app.storage.database import Database
from tests.copying import copy, record

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = b"a secret that is long enough for this"
TARGETS: dict[str, Callable[[str], Target]] = {
    "file": lambda place: LogFile(Path(place)),
    "syslog": lambda place: Syslog(place, "localhost"),
    "webhook": lambda place: Webhook(place, (SECRET,), private=True),
}
WATCHED = (worker.copy_trail.__code__, inspect.unwrap(Database.unit_of_work).__code__)


def die_at(line: int) -> None:
    """Kill this process just before that line, counted where something is sent or committed."""
    passed = count(1)

    def watch(frame: FrameType, what: str, _: Any) -> Any:
        if frame.f_code not in WATCHED and "app/outgoing/" not in frame.f_code.co_filename:
            return None
        if what == "line" and next(passed) == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return watch

    sys.settrace(watch)


def copy_and_die(url: str, target: Target, line: int) -> int:
    """Copy in another process, which is killed at that line; return how that went."""
    child = os.fork()
    if not child:
        database = Database(url)
        die_at(line)
        copy(database, Courier(target), now=NOW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main(url: str, name: str, place: str) -> int:
    """Return 0 when the last one came through, else what it failed with."""
    target = TARGETS[name](place)
    for line in count(1):
        database = Database(url)
        # Nobody has died here: this takes up what the one before has left behind.
        copy(database, Courier(target), now=NOW)
        record(database, 1, now=NOW)
        database.dispose()
        exit_code = copy_and_die(url, target, line)
        if exit_code != -signal.SIGKILL:
            sys.stdout.write(f"{line - 1}\n")
            return exit_code
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
