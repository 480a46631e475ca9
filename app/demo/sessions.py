"""The demo's last two weeks: told by the real verbs, at times gone by."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo import people
from app.domain import activity, endings, impersonations
from app.domain.audit_trail import Provenance
from app.storage import audit_chain
from app.storage.accounts import Account, AccountStatus
from app.storage.admins import Admin
from app.storage.impersonations import LIFETIME, EndReason
from app.storage.members import Member, MemberStatus

REASONS = (
    ("Her order confirmation shows the wrong logo", "https://tickets.example.com/T-{0}"),
    ("Cannot find the invoice template", ""),
    ("Says the test mail never arrives", "https://tickets.example.com/T-{0}"),
    ("Dashboard counts look wrong to him", "https://tickets.example.com/T-{0}"),
    ("Checking the fix for the merge fields", ""),
    ("Renewal call: show them the new editor", ""),
)
WALKS = (
    (("GET", "/", 200), ("GET", "/templates", 200), ("GET", "/templates/{0}", 200)),
    (("GET", "/", 200), ("GET", "/activity", 200)),
    (("GET", "/", 200), ("GET", "/templates", 200), ("POST", "/templates/{0}/test-sends", 303)),
    (("GET", "/", 200), ("GET", "/settings", 200), ("GET", "/billing", 404)),
)
ENDS = (
    EndReason.IMPERSONATOR_ENDED,
    EndReason.IMPERSONATOR_ENDED,
    EndReason.TAB_CLOSED,
    EndReason.EXPIRED,
    EndReason.ADMIN_ENDED,
)
SESSIONS = 42
# What is told, and when the people came.
TOLD, SPAN = timedelta(days=14), timedelta(days=15)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"


def tell(db: Session, *, now: datetime) -> int:
    """Add two weeks of sessions up to `now`; return how many.

    The directory and the people must be there already.
    """
    chance = Random(20)  # noqa: S311 - the same past on every machine is the point
    history = _History(db, chance, people.superadmins(db), targets(db, limit=60))
    for number in range(SESSIONS):
        history.tell(number, now - TOLD - timedelta(hours=12) + number * TOLD / SESSIONS)
    return SESSIONS


def targets(db: Session, *, limit: int) -> list[Member]:
    """Return members who may be impersonated: a mixture, since ids are random."""
    query = (
        select(Member)
        .join(Account)
        .where(
            Member.status == MemberStatus.ACTIVE,
            Member.protected.is_(False),
            Account.status == AccountStatus.ACTIVE,
            Account.impersonation_allowed,
            Member.email_key.not_in([email for email, _, _ in people.PEOPLE]),
        )
        .order_by(Member.id)
        .limit(limit)
    )
    return list(db.scalars(query).unique())


@dataclass
class _History:
    db: Session
    chance: Random
    impersonators: list[Admin]
    targets: list[Member]

    def tell(self, number: int, now: datetime) -> None:
        """Let one session happen at `now`, from its start to its end."""
        chance = self.chance
        reason, ticket = chance.choice(REASONS)
        impersonator = chance.choice(self.impersonators)
        provenance = Provenance(f"203.0.113.{10 + number}", BROWSER, f"demo-{number}")
        started = impersonations.start(
            self.db,
            impersonator=impersonator,
            target=chance.choice(self.targets),
            reason=reason,
            ticket_url=ticket.format(4100 + number),
            form_key=f"demo-history-{number}",
            reason_required=True,
            provenance=provenance,
            now=now,
        )
        now += timedelta(seconds=chance.uniform(0.3, 1.5))
        impersonations.redeem(self.db, ticket=started.ticket, provenance=provenance, now=now)
        for method, path, status in chance.choice(WALKS):
            now += timedelta(seconds=chance.uniform(2, 90))
            action_id = activity.record_action(
                self.db,
                started.impersonation,
                method=method,
                path=path.format(chance.randrange(100, 999)),
                provenance=provenance,
                now=now,
            )
            # What is told in one transaction looks back at what it has recorded already.
            audit_chain.seal(self.db)
            milliseconds = chance.randrange(6, 60)
            activity.finish_action(
                self.db,
                action_id=action_id,
                status=status,
                milliseconds=milliseconds,
                provenance=provenance,
                now=now + timedelta(milliseconds=milliseconds),
            )
        why = chance.choice(ENDS)
        other = next(one for one in self.impersonators if one is not impersonator)
        wanted_by = {EndReason.IMPERSONATOR_ENDED: impersonator, EndReason.ADMIN_ENDED: other}
        over = started.impersonation.started_at + LIFETIME
        endings.end(
            self.db,
            started.impersonation,
            why=why,
            by=wanted_by.get(why),
            provenance=provenance,
            now=over if why is EndReason.EXPIRED else now + timedelta(seconds=20),
        )
