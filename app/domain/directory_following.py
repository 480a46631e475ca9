"""Following a source: synced when that is due, and a failure is on record when it begins."""

from app.domain import directory_sync
from app.domain.directory_loads import Load, Work
from app.domain.directory_reading import Reading
from app.domain.directory_sync import Source, Sync
from app.domain.errors import DomainError
from app.storage.directory_stage import Stage


def follow(source: Source, work: Work) -> str | None:
    """Sync the source if that is due; return what stands in the way, if that is news.

    The caller sees to it that nobody else is at it. What nobody has foreseen is raised, having
    been recorded too.
    """
    now = work.clock()
    # Looking first keeps SQLite's one write lock free while nothing is to be done.
    with work.reading() as db:
        if not directory_sync.is_due(db, source, now=now):
            return None
    with work.writing() as db:
        sync = directory_sync.start(db, source, provenance=work.provenance, now=now)
    with Stage() as stage:
        reading = sync.reading_into(stage)
        try:
            sync.read(reading, work)
            Load(reading, work, source.name, quiet=True, keeper=sync).write()
        except DomainError as error:
            return _failed(sync, work, _problem(reading, error))
        except Exception as error:
            _failed(sync, work, f"{type(error).__name__}.")
            raise
    return None


def _failed(sync: Sync, work: Work, problem: str) -> str | None:
    with work.writing() as db:
        return problem if sync.failed(db, problem, now=work.clock()) else None


def _problem(reading: Reading, error: DomainError) -> str:
    first = f" {reading.problems[0]}" if reading.problems else ""
    return f"{error.sentence}{first}"
