"""The demo's people and their past: told by the real verbs, at times gone by."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import activity, admins, endings, impersonations
from app.domain.audit_trail import OPERATOR, Provenance
from app.storage import audit_chain
from app.storage.accounts import Account
from app.storage.admins import Admin, Role, admin_by_email
from app.storage.impersonations import LIFETIME, EndReason
from app.storage.members import Member, MemberStatus

PASSWORD = "understudy-demo"  # noqa: S105 - it is printed for everybody to see
PEOPLE = (
    ("ada@example.com", "Ada Lindqvist", Role.SUPERADMIN),
    ("cy@example.com", "Cy Marlow", Role.SUPERADMIN),
    ("omar@example.com", "Omar Haddad", Role.ADMIN),
)
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
DAYS = 14
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"


def is_loaded(db: Session) -> bool:
    """Whether the demo's people are here; production refuses to start among them (S12)."""
    return any(admin_by_email(db, email) for email, _, _ in PEOPLE)


def load(db: Session, *, now: datetime) -> int:
    """Add the demo's admins and two weeks of sessions; return how many sessions.

    The directory must be there already: the sessions are about its members.
    """
    began = now - timedelta(days=DAYS + 1)
    for email, name, role in PEOPLE:
        admins.create(
            db,
            email=email,
            name=name,
            role=role,
            password=PASSWORD,
            by=None,
            provenance=OPERATOR,
            now=began,
        )
    chance = Random(20)  # noqa: S311 - the same past on every machine is the point
    history = _History(db, chance, superadmins(db), _targets(db))
    step = timedelta(days=DAYS) / SESSIONS
    for number in range(SESSIONS):
        history.tell(number, began + timedelta(hours=12) + number * step)
    return SESSIONS


def superadmins(db: Session) -> list[Admin]:
    """Return the demo's superadmins."""
    return list(db.scalars(select(Admin).where(Admin.role == Role.SUPERADMIN).order_by(Admin.id)))


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


def _targets(db: Session) -> list[Member]:
    query = (
        select(Member)
        .join(Account)
        .where(
            Member.status == MemberStatus.ACTIVE,
            Member.protected.is_(False),
            Account.status == "active",
            Account.impersonation_allowed,
            Member.email_key.not_in([email for email, _, _ in PEOPLE]),
        )
        .order_by(Member.id)
        .limit(60)
    )
    return list(db.scalars(query).unique())
