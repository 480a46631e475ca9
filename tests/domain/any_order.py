"""Everything that can happen to sessions, in any order, beside a model that is plain arithmetic.

The model knows no database, no rows and no code of ours: people, seconds, and the rules of
PRODUCT.md. After each step every session must have ended in both, or in neither, and for the same
reason, and the trail must hold one event for each.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import accounts, activity, admins, directory, endings, impersonations
from app.domain.directory_records import member_record
from app.domain.errors import Conflict, Refused
from app.domain.tokens import Tokens
from app.storage.accounts import Account
from app.storage.admins import Admin
from app.storage.database import Database
from app.storage.impersonations import EndReason, Impersonation
from app.storage.members import Member
from tests import factories, trail
from tests.conftest import NOW
from tests.directory import as_records
from tests.factories import FROM_THE_OFFICE

LIFETIME, TICKET, SILENCE, GRACE = 1200, 60, 180, 10
# So many seconds the clocks of several machines may differ.
DIFFER = 5
ADMINS, MEMBERS = ("ada", "cy"), {"mia": "harbour", "eve": "elsewhere"}


@dataclass
class Modelled:
    """A session as the model sees it; times are seconds."""

    id: str
    admin: str
    member: str
    ticket: str
    started: int
    seen: int
    token: str = ""
    used: bool = False
    closing: int | None = None
    why: str | None = None


@dataclass
class World:
    """Who is allowed what, and what has happened."""

    now: int = 0
    superadmins: set[str] = field(default_factory=lambda: {*ADMINS})
    disabled: set[str] = field(default_factory=set)
    inactive: set[str] = field(default_factory=set)
    switched_off: set[str] = field(default_factory=set)
    sessions: list[Modelled] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def able(self) -> set[str]:
        return self.superadmins - self.disabled

    def ground_gone(self, admin: str, member: str) -> str | None:
        if admin not in self.able():
            return "impersonator_lost_access"
        if MEMBERS[member] in self.switched_off:
            return "account_unavailable"
        return "member_unavailable" if member in self.inactive else None

    def over(self, one: Modelled) -> str | None:
        """Return why it is over by now, though nobody may have noticed."""
        if self.now >= one.started + LIFETIME or self.now < one.seen - DIFFER:
            return "expired"
        if gone := self.ground_gone(one.admin, one.member):
            return gone
        if one.closing is not None and self.now >= one.closing + GRACE:
            return "tab_closed"
        if not one.token and self.now >= one.started + TICKET:
            return "never_opened"
        return "went_silent" if self.now >= one.seen + SILENCE else None

    def see(self, one: Modelled) -> None:
        """It has given a sign of life."""
        one.seen = max(one.seen, self.now)

    def is_of_the_future(self, one: Modelled) -> bool:
        """Whether its token is one that could not have been issued yet."""
        return self.now < one.started - DIFFER

    def notice(self, one: Modelled) -> bool:
        """Somebody looks at it; return whether it runs on."""
        one.why = one.why or self.over(one)
        return one.why is None

    def sweep(self) -> None:
        for one in self.sessions:
            self.notice(one)


class AnyOrder(RuleBasedStateMachine):
    """One database and one model, driven side by side."""

    # Set by whoever runs it: a new database with the cast in it, and what signs tokens.
    new_database: ClassVar[Callable[[], Database]]
    tokens: ClassVar[Tokens]

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.database = type(self).new_database()

    @contextmanager
    def act(self) -> Iterator[Session]:
        """One request's transaction."""
        with self.database.unit_of_work(writing=True) as db:
            yield db

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.world.now)

    @rule(target=sessions, admin=st.sampled_from(ADMINS), member=st.sampled_from([*MEMBERS]))
    def start(self, admin: str, member: str) -> object:
        refused = self.world.ground_gone(admin, member)
        try:
            with self.act() as db:
                started = factories.start(
                    db,
                    impersonator=db.get_one(Admin, admin),
                    target=db.get_one(Member, member),
                    now=self.now,
                )
        except Refused:
            assert refused
            return multiple()
        assert not refused
        for one in self.world.sessions:
            if one.admin == admin and self.world.notice(one):
                one.why = "replaced"
        now = self.world.now
        new = Modelled(started.impersonation.id, admin, member, started.ticket, now, now)
        self.world.sessions.append(new)
        self.world.happened["impersonation.started"] += 1
        return new

    @rule(target=sessions, admin=st.sampled_from(ADMINS), member=st.sampled_from([*MEMBERS]))
    def start_and_open(self, admin: str, member: str) -> object:
        """What most people do; by chance alone a ticket would often be a minute old."""
        new = self.start(admin, member)
        if isinstance(new, Modelled):
            self.redeem(new)
        return new

    @initialize(target=sessions)
    def begin(self) -> object:
        """There is something to look at from the start."""
        return self.start_and_open("ada", "mia")

    @rule(one=sessions)
    def redeem(self, one: Modelled) -> None:
        with self.act() as db:
            opened = impersonations.redeem(
                db, ticket=one.ticket, provenance=FROM_THE_OFFICE, now=self.now
            )
            token = self.tokens.issue(opened, now=self.now) if opened else ""
        good = False
        if one.used:
            one.why = one.why or "ticket_reused"
        elif self.world.now < one.started + TICKET:
            one.used = True
            good = self.world.notice(one)
        assert bool(token) == good
        if good:
            one.token = token
            self.world.see(one)
            self.world.happened["handoff.redeemed"] += 1

    @rule(one=sessions)
    def do_something(self, one: Modelled) -> None:
        if not one.token:
            return
        with self.act() as db:
            found = activity.find(
                db, token=one.token, tokens=self.tokens, provenance=FROM_THE_OFFICE, now=self.now
            )
            alive = isinstance(found, Impersonation)
            if isinstance(found, Impersonation):
                activity.record_action(
                    db, found, method="GET", path="/", provenance=FROM_THE_OFFICE, now=self.now
                )
        # Whoever has a token that cannot be says nothing about the session.
        assert alive == (not self.world.is_of_the_future(one) and self.world.notice(one))
        if alive:
            self.world.see(one)
            self.world.happened["action.recorded"] += 1

    @rule(one=sessions)
    def close_the_tab(self, one: Modelled) -> None:
        if not one.token:
            return
        with self.act() as db:
            found = activity.find(
                db, token=one.token, tokens=self.tokens, provenance=FROM_THE_OFFICE, now=self.now
            )
            if isinstance(found, Impersonation):
                activity.note_open_page(found, page_id=f"page-{self.world.now}", now=self.now)
                page_id = found.page_id or ""
                activity.note_closing_page(found, page_id=page_id, now=self.now)
        if not self.world.is_of_the_future(one) and self.world.notice(one):
            one.closing = self.world.now
            self.world.see(one)

    @rule(one=sessions)
    def end(self, one: Modelled) -> None:
        with self.act() as db:
            ended = endings.end(
                db,
                db.get_one(Impersonation, one.id),
                why=EndReason.ADMIN_ENDED,
                by=db.get_one(Admin, "omar"),
                provenance=FROM_THE_OFFICE,
                now=self.now,
            )
        assert ended == (one.why is None)
        one.why = one.why or "admin_ended"

    @rule(seconds=st.sampled_from([1, 9, 10, 30, 59, 60, 179, 180, 600, 1199, 1200]))
    def time_goes_by(self, seconds: int) -> None:
        self.world.now += seconds

    @rule(seconds=st.sampled_from([1, 5, 6, 60, 1080]))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.world.now -= seconds

    @rule()
    def sweep(self) -> None:
        with self.act() as db:
            endings.end_due(db, provenance=FROM_THE_OFFICE, now=self.now)
        self.world.sweep()

    @rule(name=st.sampled_from(ADMINS), role=st.sampled_from(["admin", "superadmin"]))
    def change_role(self, name: str, role: str) -> None:
        is_one = name in self.world.superadmins
        if is_one == (role == "superadmin"):
            return
        if self._changes(admins.change_role, name, role=role, last=is_one):
            self.world.superadmins ^= {name}
            self.world.sweep()

    @rule(name=st.sampled_from(ADMINS))
    def disable(self, name: str) -> None:
        if name not in self.world.disabled and self._changes(admins.disable, name, last=True):
            self.world.disabled.add(name)
            self.world.sweep()

    @rule(name=st.sampled_from(ADMINS))
    def enable(self, name: str) -> None:
        self._changes(admins.enable, name, last=False)
        self.world.disabled.discard(name)

    @rule(account=st.sampled_from([*MEMBERS.values()]), allowed=st.booleans())
    def switch(self, account: str, allowed: bool) -> None:
        with self.act() as db:
            accounts.switch_impersonation(
                db,
                db.get_one(Account, account),
                allowed=allowed,
                by=db.get_one(Admin, "omar"),
                provenance=FROM_THE_OFFICE,
                now=self.now,
            )
        if allowed is not (account not in self.world.switched_off):
            self.world.switched_off ^= {account}
            self.world.sweep()

    @rule(member=st.sampled_from([*MEMBERS]), active=st.booleans())
    def change_member(self, member: str, active: bool) -> None:
        with self.act() as db:
            (known,) = [one for one in as_records(db)[1] if one["id"] == member]
            record = member_record(known | {"status": "active" if active else "deactivated"})
            directory.put_members(db, [record], provenance=FROM_THE_OFFICE, now=self.now)
        if active is not (member not in self.world.inactive):
            self.world.inactive ^= {member}
            self.world.sweep()

    def _changes(self, verb: Callable[..., object], name: str, *, last: bool, **what: str) -> bool:
        """Let Omar do that to an admin; return whether it may be done."""
        is_last = last and self.world.able() == {name}
        try:
            with self.act() as db:
                people = {"by": db.get_one(Admin, "omar"), "provenance": FROM_THE_OFFICE}
                verb(db, db.get_one(Admin, name), now=self.now, **people, **what)
        except Conflict:
            assert is_last
            return False
        assert not is_last
        return True

    @invariant()
    def both_agree(self) -> None:
        with self.database.unit_of_work(writing=False) as db:
            rows = db.execute(select(Impersonation.id, Impersonation.end_reason)).all()
            events = trail.events(db)
        assert {row.id: row.end_reason for row in rows} == {
            one.id: one.why for one in self.world.sessions
        }
        running = Counter(one.admin for one in self.world.sessions if one.why is None)
        assert all(count == 1 for count in running.values())
        happened = Counter(one.action for one in events)
        assert {name: happened[name] for name in self.world.happened} == self.world.happened
        ends = [
            (one.impersonation_id, one.details["why"]) for one in events if "ended" in one.action
        ]
        assert Counter(ends) == Counter((one.id, one.why) for one in self.world.sessions if one.why)

    def teardown(self) -> None:
        self.database.dispose()
