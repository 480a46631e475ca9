"""The worker: ends what is over, each second, whether anybody is looking or not."""

import logging
import os
import signal
import sys
import threading
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from app import config
from app.domain.audit_trail import WORKER
from app.domain.endings import end_due
from app.storage.database import Database
from app.storage.impersonations import open_impersonations

PERIOD_SECONDS = 1.0

log = logging.getLogger("understudy.worker")


def sweep(database: Database, *, now: datetime) -> int:
    """End every session that is over at `now`; return how many this call ended."""
    # Looking first keeps SQLite's one write lock free while nothing is going on.
    with database.unit_of_work(writing=False) as db:
        if not open_impersonations(db):
            return 0
    with database.unit_of_work(writing=True) as db:
        return len(end_due(db, provenance=WORKER, now=now))


def run(database: Database, stop: threading.Event) -> None:
    """Sweep until `stop` is set. A database that is away is tried again a second later."""
    while not stop.wait(PERIOD_SECONDS):
        try:
            sweep(database, now=datetime.now(UTC))
        except SQLAlchemyError as error:
            log.error("the sweep failed and will be tried again: %s", error)


def main() -> None:
    """Run as a process until it is asked to stop."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        settings = config.from_environment(config.read_environment(os.environ))
    except config.BadSetting as error:
        sys.exit(f"understudy: {error}")
    stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stop.set())
    database = Database(settings.database_url)
    run(database, stop)
    database.dispose()


if __name__ == "__main__":
    main()
