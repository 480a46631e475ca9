"""The chain: how an event becomes bytes and a hash, and how new events are joined to the last.

docs/audit-trail.md spells the encoding out for whoever wants to check it with other means.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Table, bindparam, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.storage.audit_trail import AuditEvent, AuditWords
from app.storage.base import EPOCH, MICROSECOND
from app.storage.raw_rows import raw_rows

EVENT_PREFIX = "understudy/audit-event/v1\n"
WORDS_PREFIX = "understudy/audit-words/v1\n"
GENESIS = bytes(32)
# Any number does, as long as nothing else in this database locks the same one.
LOCK = 0x756E6465727374
TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
# psycopg holds a whole answer in memory; PostgreSQL sorts one of this size without a file.
READ_AT_ONCE = 4096
# The largest number that either engine keeps as one.
LAST_NUMBER = 2**63 - 1

EVENTS, WORDS = cast("Table", AuditEvent.__table__), cast("Table", AuditWords.__table__)
EVENT_COLUMNS, WORDS_COLUMNS = EVENTS.columns.keys(), WORDS.columns.keys()
INSERT_EVENTS, INSERT_WORDS = insert(EVENTS), insert(WORDS)
HEAD = select(EVENTS.c.id, EVENTS.c.hash).order_by(EVENTS.c.id.desc()).limit(1)
WRITTEN = (
    select(EVENTS.c.id, EVENTS.c.hash, WORDS.c.salt)
    .join(WORDS, WORDS.c.event_id == EVENTS.c.id)
    .where(EVENTS.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(EVENTS.c.id)
)

UNSEALED = "unsealed audit events"

# The fields that an event's hash covers, in their order; the digest of its words and the hash of
# the event before it follow.
HASHED_FIELDS = (
    "id",
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "subject_id",
    "account_id",
    "impersonation_id",
    "request_id",
    "facts",
)


def event_hash(fields: tuple[Any, ...], words_digest: bytes, previous_hash: bytes) -> bytes:
    """Return the SHA-256 of an event (L7).

    `fields` are the values of HASHED_FIELDS as they are stored: numbers, ASCII texts or None.
    Each is framed by its length, so that no two events share an encoding: `5:hello`, `0:` for an
    empty text, `-:` for none. Raises UnicodeEncodeError for a text that is not ASCII.
    """
    # A million of these are to be checked in seconds: no loop, one text, one hash.
    number, at, action, outcome, kind, actor, subject, account, session, request, facts = fields
    number, at = str(number), str(at)
    encoded = (
        f"{EVENT_PREFIX}{len(number)}:{number}{len(at)}:{at}"
        f"{len(action)}:{action}{len(outcome)}:{outcome}{len(kind)}:{kind}"
        f"{'-:' if actor is None else f'{len(actor)}:{actor}'}"
        f"{'-:' if subject is None else f'{len(subject)}:{subject}'}"
        f"{'-:' if account is None else f'{len(account)}:{account}'}"
        f"{'-:' if session is None else f'{len(session)}:{session}'}"
        f"{len(request)}:{request}{len(facts)}:{facts}"
        f"{words_digest.hex()}{previous_hash.hex()}"
    )
    return sha256(encoded.encode("ascii")).digest()


def words_digest(salt: bytes, words: str) -> bytes:
    """Return the salted SHA-256 that stands in the chain for an event's words.

    Without the salt, which goes when the words go, nobody can try names against the digest.
    """
    return sha256(f"{WORDS_PREFIX}{salt.hex()}{words}".encode("ascii")).digest()


class NotRecorded(SQLAlchemyError):
    """The database took an event and does not hold it: what it would have recorded must not be."""


class StoredEvent(NamedTuple):
    """An event as it is stored, nothing interpreted: times are microseconds, JSON is text.

    `salt` and `words` are None once the words have been erased.
    """

    id: int
    at: int
    action: str
    outcome: str
    actor_kind: str
    actor_id: str | None
    subject_id: str | None
    account_id: str | None
    impersonation_id: str | None
    request_id: str
    facts: str
    words_digest: bytes
    previous_hash: bytes
    hash: bytes
    salt: bytes | None
    words: str | None

    @property
    def hashed_fields(self) -> tuple[Any, ...]:
        """The values of HASHED_FIELDS."""
        return self[: len(HASHED_FIELDS)]


# PostgreSQL joins by merging: without bounds of their own it would read the words from the first.
STORED_EVENTS = f"""
    SELECT {", ".join(f"e.{name}" for name in StoredEvent._fields[:-2])}, w.salt, w.words
    FROM audit_events AS e LEFT JOIN audit_words AS w
    ON w.event_id = e.id AND w.event_id > {{after:d}} AND w.event_id <= {{last:d}}
    WHERE e.id > {{after:d}} AND e.id <= {{last:d}} ORDER BY e.id
"""  # noqa: S608 - the names are our own

STORED_FACTS = """
    SELECT id, facts FROM audit_events WHERE action = '{action}' AND id > {after:d} ORDER BY id
"""


def stored_events(db: Session, *, after: int, last: int) -> Iterator[StoredEvent]:
    """Yield the events with numbers above `after` up to `last`, in order."""
    yield from map(StoredEvent._make, stored_rows(db, after=after, last=last))


def stored_rows(db: Session, *, after: int, last: int) -> Iterator[tuple[Any, ...]]:
    """Yield the same without the names, for whoever goes through a million of them."""
    for start in range(after, last, READ_AT_ONCE):
        end = min(start + READ_AT_ONCE, last)
        yield from raw_rows(db, STORED_EVENTS.format(after=start, last=end), binary=True)


def events_of(db: Session, *actions: str) -> Iterator[StoredEvent]:
    """Yield the events of some actions that are rare, in order."""
    # Asked for their order, SQLite would look for them among all events, one by one.
    numbers = select(EVENTS.c.id).where(EVENTS.c.action.in_(actions))
    for number in sorted(db.scalars(numbers)):
        yield from stored_events(db, after=number - 1, last=number)


def stored_facts(db: Session, action: str, *, after: int = 0) -> list[tuple[int, object]]:
    """Return the number and the facts of each event of an action after that one, in order.

    The facts are what is stored, whatever that may be; `action` is one of ours.
    """
    rows = raw_rows(db, STORED_FACTS.format(action=action, after=after))
    return [(number, facts) for number, facts in rows]


def add(db: Session, event: AuditEvent) -> None:
    """Write what was done so far; the event itself is written when the unit of work ends."""
    db.flush()
    db.info.setdefault(UNSEALED, []).append(event)


def seal(db: Session) -> None:
    """Give the waiting events their numbers and hashes, and write them.

    This is the last thing a unit of work does: what locks the chain waits for nobody and keeps
    nobody waiting for longer than its commit, whatever the act itself had to lock (R4, L11).

    Raises NotRecorded when they are not there then (L3).
    """
    waiting: list[AuditEvent] = db.info.pop(UNSEALED, [])
    if not waiting:
        return
    size, head_hash = lock(db)
    if size > LAST_NUMBER - len(waiting):
        raise NotRecorded("the audit trail has no number left: somebody has inserted the last one")
    for event in waiting:
        size += 1
        head_hash = _link(event, size, head_hash)
    # Every request waits for this, and nothing is looked up by these objects afterwards: plain
    # inserts take a third of the time of a flush.
    connection = db.connection()
    connection.execute(INSERT_EVENTS, [_row(event, EVENT_COLUMNS) for event in waiting])
    words = [_row(event.words_row, WORDS_COLUMNS) for event in waiting]
    connection.execute(INSERT_WORDS, words)
    _check_written(connection, waiting, words)


def _check_written(
    connection: Connection, events: Sequence[AuditEvent], words: Sequence[dict[str, Any]]
) -> None:
    """Raise NotRecorded unless the table holds these events and their words.

    A trigger or a rule can swallow a row without any error, and say that it was written.
    """
    bounds = {"first": events[0].id, "last": events[-1].id}
    there = connection.execute(WRITTEN, bounds).all()
    wanted = [(event.id, event.hash, row["salt"]) for event, row in zip(events, words, strict=True)]
    if [tuple(row) for row in there] != wanted:
        raise NotRecorded("the database has not kept an event of the audit trail")


def lock(db: Session) -> tuple[int, bytes]:
    """Let nobody else add to the chain until the transaction ends; return its size and head.

    SQLite has locked the database when the transaction began.
    """
    if db.get_bind().dialect.name == "postgresql":
        db.connection().execute(TAKE_LOCK, {"lock": LOCK})
    return head(db)


def head(db: Session) -> tuple[int, bytes]:
    """Return the number of the last event and its hash; 0 and GENESIS for an empty trail."""
    last = db.connection().execute(HEAD).first()
    return (last.id, last.hash) if last else (0, GENESIS)


def _link(event: AuditEvent, number: int, previous_hash: bytes) -> bytes:
    words = event.words_row
    if words is None:
        raise ValueError("an event is recorded with its words")
    event.id = words.event_id = number
    event.previous_hash = previous_hash
    event.words_digest = words_digest(words.salt, words.words)
    fields = tuple(getattr(event, name) for name in HASHED_FIELDS)
    at = (event.at - EPOCH) // MICROSECOND
    event.hash = event_hash((fields[0], at, *fields[2:]), event.words_digest, previous_hash)
    return event.hash


def _row(row: object, columns: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in columns}
