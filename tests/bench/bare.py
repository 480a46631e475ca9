"""What a session's steps cost the database alone: the same rows, by its driver, in Python.

The statements that no way of doing it can spare: whom to lock, what is added, the chain's head,
and a commit for each request.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from app.domain.audit_trail import AuditAction
from app.domain.secrets import hash_secret, new_secret
from app.storage import audit_chain
from app.storage.audit_trail import canonical_json, folded
from app.storage.base import EPOCH, MICROSECOND, new_id
from app.storage.impersonations import LIFETIME

HEAD = "SELECT id, hash FROM audit_events ORDER BY id DESC LIMIT 1"
TWENTY_MINUTES = LIFETIME // MICROSECOND


class Bare:
    """One connection to a database, that starts, opens and ends sessions of one admin."""

    def __init__(
        self, database_url: str, *, admin_id: str, member_id: str, account_id: str
    ) -> None:
        self._is_sqlite = database_url.startswith("sqlite")
        self._connection: Any = (
            sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
            if self._is_sqlite
            else psycopg.connect(database_url)
        )
        if self._is_sqlite:
            for pragma in ("foreign_keys = ON", "synchronous = FULL", "busy_timeout = 10000"):
                self._connection.execute(f"PRAGMA {pragma}")
        self._who = {"actor_id": admin_id, "subject_id": member_id, "account_id": account_id}
        self.session_id = ""

    def cycle(self) -> None:
        """Start a session, open it and end it."""
        ticket = self.start()
        self._open(ticket)
        self.end()

    def start(self) -> str:
        """Start a session; return its ticket."""
        self.session_id, ticket, now = new_id(), new_secret(), _now()
        with self._transaction():
            lock = "SELECT id FROM admins WHERE id = ?"
            self._ask(lock if self._is_sqlite else f"{lock} FOR UPDATE", self._who["actor_id"])
            self._add("impersonations", self._session(now))
            handoff = {"ticket_hash": hash_secret(ticket), "impersonation_id": self.session_id}
            self._add("handoffs", {**handoff, "expires_at": now + 60_000_000})
            details = {"ticket_url": "", "expires_at": str(now + TWENTY_MINUTES)}
            self._record(AuditAction.IMPERSONATION_STARTED, now, details)
        return ticket

    def act(self) -> None:
        """Record one action of the session that was started last."""
        now = _now()
        with self._transaction():
            self._ask("SELECT ended_at FROM impersonations WHERE id = ?", self.session_id)
            seen = "UPDATE impersonations SET last_seen_at = ? WHERE id = ?"
            self._ask(seen, now, self.session_id)
            details = {"action_id": new_id(), "method": "GET", "path": "/templates"}
            self._record(AuditAction.ACTION_RECORDED, now, details)

    def end(self) -> None:
        """End the session that was started last."""
        now = _now()
        with self._transaction():
            end = "UPDATE impersonations SET ended_at = ?, end_reason = ?, ended_by_id = ?"
            values = (now, "impersonator_ended", self._who["actor_id"], self.session_id)
            self._ask(f"{end} WHERE id = ? AND ended_at IS NULL", *values)
            self._record(AuditAction.IMPERSONATION_ENDED, now, {"seconds": 0})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _open(self, ticket: str) -> None:
        now = _now()
        with self._transaction():
            use = "UPDATE handoffs SET used_at = ? WHERE ticket_hash = ? AND used_at IS NULL"
            self._ask(f"{use} RETURNING impersonation_id", now, hash_secret(ticket)).fetchone()
            opened = "UPDATE impersonations SET opened_at = ?, last_seen_at = ? WHERE id = ?"
            self._ask(opened, now, now, self.session_id)
            self._record(AuditAction.HANDOFF_REDEEMED, now, {})

    def _record(self, action: AuditAction, now: int, details: Mapping[str, Any]) -> None:
        if not self._is_sqlite:
            self._ask("SELECT pg_advisory_xact_lock(?)", audit_chain.LOCK)
        last, previous_hash = self._ask(HEAD).fetchone() or (0, audit_chain.GENESIS)
        spoken = {"actor_name": "Admin", "subject_name": "Member", "account_name": "Account"}
        words, salt = canonical_json(spoken), new_secret().encode()[:16]
        event = {
            "id": last + 1,
            "at": now,
            "action": action,
            "outcome": "succeeded",
            "actor_kind": "admin",
            **self._who,
            "impersonation_id": self.session_id,
            "request_id": new_id(),
            "facts": canonical_json(details),
        }
        fields = tuple(event[name] for name in audit_chain.HASHED_FIELDS)
        digest = audit_chain.words_digest(salt, words)
        links = {"words_digest": digest, "previous_hash": bytes(previous_hash)}
        event_hash = audit_chain.event_hash(fields, **links)
        self._add("audit_events", {**event, **links, "hash": event_hash})
        row = {"event_id": last + 1, "salt": salt, "words": words, "folded": folded(spoken)}
        self._add("audit_words", row)

    def _session(self, now: int) -> dict[str, Any]:
        return {
            "id": self.session_id,
            "impersonator_id": self._who["actor_id"],
            "target_id": self._who["subject_id"],
            "account_id": self._who["account_id"],
            "reason": "How long does it take?",
            "ticket_url": "",
            "form_key": self.session_id,
            "token_id": new_id(),
            "address": "192.0.2.7",
            "user_agent": "tests.bench",
            "started_at": now,
            "last_seen_at": now,
            "expires_at": now + TWENTY_MINUTES,
        }

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._is_sqlite:
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def _add(self, table: str, row: Mapping[str, Any]) -> None:
        places = ", ".join("?" * len(row))
        self._ask(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    def _ask(self, statement: str, *values: Any) -> Any:
        if not self._is_sqlite:
            statement = statement.replace("?", "%s")
        return self._connection.execute(statement, values)


def _now() -> int:
    return (datetime.now(UTC) - EPOCH) // MICROSECOND
