"""A trail of any length, written past the application: for figures and for tests at size."""

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from app.domain.audit_trail import AuditAction
from app.storage import audit_chain
from app.storage.audit_trail import canonical_json, folded
from app.storage.base import EPOCH, MICROSECOND
from app.storage.database import Database

BATCH = 10_000
ACTORS, SUBJECTS, SESSIONS = 20, 5_000, 40_000


Row = dict[str, Any]


def fill_trail(database: Database, *, events: int, now: datetime) -> None:
    """Add so many actions of impersonated tabs, a second apart, to the trail."""
    with database.unit_of_work(writing=True) as db:
        cursor: Any = db.connection().connection.cursor()
        fill = _copy if db.get_bind().dialect.name == "postgresql" else _insert
        rows = _rows(*audit_chain.head(db), events, (now - EPOCH) // MICROSECOND)
        while batch := list(islice(rows, BATCH)):
            fill(cursor, "audit_events", [event for event, _ in batch])
            fill(cursor, "audit_words", [words for _, words in batch])
        # As PostgreSQL's housekeeping leaves a table that has grown; SQLite has none.
        if db.get_bind().dialect.name == "postgresql":
            cursor.execute("ANALYZE")


def _insert(cursor: Any, table: str, rows: list[Row]) -> None:
    names = ", ".join(rows[0])
    places = ", ".join("?" * len(rows[0]))
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"
    cursor.executemany(insert, [tuple(row.values()) for row in rows])


def _copy(cursor: Any, table: str, rows: list[Row]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _rows(size: int, head: bytes, count: int, at: int) -> Iterator[tuple[Row, Row]]:
    chance = random.Random(7)  # noqa: S311 - the same trail each time
    for number in range(size + 1, size + count + 1):
        session = f"session-{chance.randrange(SESSIONS):031}"
        subject = chance.randrange(SUBJECTS)
        actor = chance.randrange(ACTORS)
        spoken = {
            "actor_name": f"Admin {actor}",
            "actor_email": f"admin-{actor}@example.com",
            "subject_name": f"Member {subject}",
            "subject_email": f"member-{subject}@harbour.example",
            "account_name": "Harbour Analytics",
            "address": "192.0.2.7",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0",
            "details": {"path": f"/templates/{chance.randrange(900)}"},
        }
        salt, words = chance.randbytes(16), canonical_json(spoken)
        event: Row = {
            "id": number,
            "at": at + number * 1_000_000,
            "action": AuditAction.ACTION_RECORDED.value,
            "outcome": "succeeded",
            "actor_kind": "admin",
            "actor_id": f"admin-{actor:030}",
            "subject_id": f"member-{subject:029}",
            "account_id": f"account-{subject % 60:028}",
            "impersonation_id": session,
            "request_id": chance.randbytes(16).hex(),
            "facts": canonical_json({"action_id": f"{session}.{number:016x}", "method": "GET"}),
            "words_digest": audit_chain.words_digest(salt, words),
            "previous_hash": head,
        }
        fields = tuple(event[name] for name in audit_chain.HASHED_FIELDS)
        head = event["hash"] = audit_chain.event_hash(
            fields, words_digest=event["words_digest"], previous_hash=head
        )
        folded_words = folded(spoken)
        yield event, {"event_id": number, "salt": salt, "words": words, "folded": folded_words}
