"""A long past for the demo at size: whole sessions, as the verbs tell them, written in bulk."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo.sessions import BROWSER, REASONS, WALKS
from app.domain.activity import outcome_of
from app.domain.audit_trail import AuditAction, Provenance, append, event
from app.storage.admins import Admin
from app.storage.audit_trail import AuditEvent
from app.storage.impersonations import LIFETIME, EndReason, Impersonation
from app.storage.members import Member

SEED = 20_261_121
SPAN = timedelta(days=731)
TOLD = timedelta(days=730)
TARGETS = 5000
SECOND = timedelta(seconds=1)
# Its start, its hand-off and its end; and two for each step.
EVENTS_OF_A_SESSION = 3 + 2 * sum(map(len, WALKS)) / len(WALKS)


def sessions_for(events: int) -> int:
    """Return how many sessions have about so many events."""
    return round(events / EVENTS_OF_A_SESSION)


@dataclass(frozen=True)
class Past:
    """So many past sessions, spread evenly over the two years up to `until`.

    Nothing is asked that the verbs would ask: a million events are to take minutes.
    """

    sessions: int
    impersonators: Sequence[Admin]
    targets: Sequence[Member]
    until: datetime

    def tell(self, db: Session, numbers: range) -> int:
        """Add the sessions of these numbers, as far as they are not there; return the events."""
        past = {one.impersonation.id: one for one in map(self._session, numbers)}
        there = db.scalars(select(Impersonation.id).where(Impersonation.id.in_(past)))
        for id_ in there.all():
            del past[id_]
        events = [event for one in past.values() for event in one.events()]
        db.add_all(one.impersonation for one in past.values())
        for one in events:
            append(db, one)
        return len(events)

    def _session(self, number: int) -> "_PastSession":
        chance = Random(f"{SEED} {number}")  # noqa: S311 - the same past each time
        began = self.until - TOLD + (TOLD - 2 * LIFETIME) * number / self.sessions
        return _PastSession(
            chance, chance.choice(self.impersonators), chance.choice(self.targets), began
        )


@dataclass
class _PastSession:
    chance: Random
    impersonator: Admin
    target: Member
    now: datetime
    impersonation: Impersonation = field(init=False)

    def __post_init__(self) -> None:
        chance = self.chance
        reason, ticket = chance.choice(REASONS)
        self.provenance = Provenance(
            f"203.0.113.{chance.randrange(256)}", BROWSER, f"{chance.getrandbits(64):016x}"
        )
        self.impersonation = Impersonation(
            id=_id(chance),
            token_id=_id(chance),
            impersonator=self.impersonator,
            target=self.target,
            account_id=self.target.account_id,
            reason=reason,
            ticket_url=ticket.format(chance.randrange(1000, 99_000)),
            form_key=f"demo-{_id(chance)}",
            address=self.provenance.address,
            user_agent=BROWSER,
            started_at=self.now,
            last_seen_at=self.now,
            expires_at=self.now + LIFETIME,
        )

    def events(self) -> Iterator[AuditEvent]:
        """Yield what happened, from the start of the session to its end."""
        chance, session = self.chance, self.impersonation
        started = {
            "ticket_url": session.ticket_url,
            "expires_at": session.expires_at.isoformat(),
        }
        yield self._event(AuditAction.IMPERSONATION_STARTED, started, reason=session.reason)
        self.now += chance.uniform(0.3, 1.5) * SECOND
        session.opened_at = self.now
        yield self._event(AuditAction.HANDOFF_REDEEMED, {})
        for method, path, status in chance.choice(WALKS):
            self.now += chance.uniform(2, 90) * SECOND
            yield from self._action(method, path.format(chance.randrange(100, 999)), status)
        session.last_seen_at = self.now
        yield self._end()

    def _action(self, method: str, path: str, status: int) -> Iterator[AuditEvent]:
        action_id = f"{self.impersonation.id}.{self.chance.getrandbits(64):016x}"
        recorded = {"action_id": action_id, "method": method, "path": path}
        yield self._event(AuditAction.ACTION_RECORDED, recorded)
        took = self.chance.randrange(6, 60)
        self.now += timedelta(milliseconds=took)
        finished = {"action_id": action_id, "status": status, "milliseconds": took}
        outcome = outcome_of(status)
        yield self._event(AuditAction.ACTION_FINISHED, finished, outcome=outcome)

    def _end(self) -> AuditEvent:
        session = self.impersonation
        why = self.chance.choice(
            (EndReason.IMPERSONATOR_ENDED, EndReason.TAB_CLOSED, EndReason.EXPIRED)
        )
        self.now = session.expires_at if why is EndReason.EXPIRED else self.now + 20 * SECOND
        session.ended_at, session.end_reason = self.now, why
        by = self.impersonator if why is EndReason.IMPERSONATOR_ENDED else None
        session.ended_by = by
        ended = {"why": why, "seconds": (self.now - session.started_at) // SECOND}
        return self._event(
            AuditAction.IMPERSONATION_ENDED, ended, actor=by, actor_kind=None if by else "system"
        )

    def _event(self, action: AuditAction, details: dict[str, Any], **other: Any) -> AuditEvent:
        return event(
            action,
            now=self.now,
            provenance=self.provenance,
            impersonation=self.impersonation,
            details=details,
            **other,
        )


def _id(chance: Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
